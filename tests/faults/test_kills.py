"""A process that is killed while it writes leaves what it wrote before, whole."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from latentclust.atomic import STALE_AFTER, whole_file
from latentclust.errors import LatentclustError
from tests.conftest import TINY_CONF, Command, same_weights
from tests.faults.harness import MOMENTS, die_while_writing, forks, in_child

TINY = ["experiment=tiny_ae", "model.optimizer.schedule=constant"]
OURS = {".ckpt", ".json", ".npz", ".png", ".svg", ".html"}


def write(path: Path, content: bytes) -> None:
    with whole_file(path) as file:
        file.write(content)


@forks
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_writer_leaves_the_old_file_or_the_new_one(tmp_path: Path, moment: str) -> None:
    path = tmp_path / "file"
    write(path, b"old" * 1000)

    def work() -> None:
        die_while_writing("file", moment)
        write(path, b"new" * 1000)

    assert in_child(tmp_path, work) == 9
    assert path.read_bytes() == (b"new" if moment == "moved" else b"old") * 1000
    assert len(list(tmp_path.glob("*.unfinished"))) == (moment != "moved")


def test_what_killed_writers_leave_is_removed_in_time(tmp_path: Path) -> None:
    old, young = tmp_path / ".a.1-ab.unfinished", tmp_path / ".b.2-cd.unfinished"
    for path in (old, young):
        path.write_text("half")
    past = old.stat().st_mtime - STALE_AFTER - 60
    os.utime(old, (past, past))
    write(tmp_path / "c", b"whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == [young.name, "c"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_while_writing_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    def fail() -> None:
        with whole_file(tmp_path / "file") as file:
            file.write(b"half")
            raise error

    with pytest.raises(error):
        fail()
    assert not list(tmp_path.iterdir())


@forks
@pytest.mark.long
def test_a_run_that_is_killed_while_it_writes_a_checkpoint_goes_on(
    latentclust: Command, tmp_path: Path
) -> None:
    never_stopped = latentclust(*TINY).weights()
    for moment in ("half", "moved"):

        def work(moment: str = moment) -> None:
            die_while_writing("last.ckpt", moment, nth=3)  # at the start, after the first epoch, the second
            latentclust(*TINY)

        assert in_child(tmp_path, work) == 9
        continued = latentclust("ckpt_path=last")
        assert continued.status == 0, continued.err
        assert same_weights(never_stopped, continued.weights()), moment


# Runs the command line and writes down what it opened for writing, and what it moved.
AUDITED = """
import atexit, json, os, sys

opened, moved = [], []


def audit(event, arguments):
    if event == "open" and isinstance(arguments[0], str) and arguments[2] & (os.O_WRONLY | os.O_RDWR):
        opened.append(arguments[0])
    elif event in {"os.rename", "shutil.move", "shutil.copyfile"}:
        moved.append([str(arguments[0]), str(arguments[1])])


record = sys.argv.pop(1)
file = open(record, "w")
atexit.register(lambda: print(json.dumps([opened, moved]), file=file))
sys.addaudithook(audit)
from latentclust.cli import main
main()
"""


@pytest.mark.faults
def test_every_file_is_moved_into_its_place_from_beside_it(tmp_path: Path) -> None:
    """A move within a folder is atomic; from $TMPDIR, another file system perhaps, it is not."""
    elsewhere = "/dev/shm" if Path("/dev/shm").is_dir() else str(tmp_path)
    drawn = ["figures.at_end=true", "figures.embedding.method=none", "figures.projector=false"]
    of_tiny = ["--config-dir", str(TINY_CONF)]
    opened: list[str] = []
    moved: list[list[str]] = []
    for number, command in enumerate(
        [
            ["experiment=tiny_vade", "trainer.max_epochs=1", "init=manifold", "init.n_epochs=5", *drawn],
            ["task=predict", "ckpt_path=last"],
            ["task=generate", "ckpt_path=last", "n=2", "figures.svg=true"],
        ]
    ):
        record = tmp_path / f"record{number}"
        # No fork: numba's threads, which another test may have started, do not survive one.
        subprocess.run(
            [sys.executable, "-c", AUDITED, str(record), *of_tiny, *command],
            cwd=tmp_path,
            env=os.environ | {"TMPDIR": elsewhere},
            check=True,
            capture_output=True,
        )
        more_opened, more_moved = json.loads(record.read_text())
        opened += more_opened
        moved += more_moved
    outputs = tmp_path / "outputs"
    ours = {path for path in outputs.rglob("*") if path.suffix in OURS}
    names = {path.name for path in ours}
    assert names >= {"last.ckpt", "best.ckpt", "summary.json", "captions.json", "explorer.npz", "report.html"}
    assert names >= {"predictions.npz", "generated.npz", "generated.png", "generated.svg", "latent.png"}
    assert len(list((outputs / "cache").glob("*.*"))) == 2
    sources: dict[Path, list[Path]] = {}
    for source, target in moved:
        sources.setdefault(Path(tmp_path, target), []).append(Path(tmp_path, source))
    for path in ours:
        assert sources.get(path), f"{path} was not moved into its place"
        assert {source.parent for source in sources[path]} == {path.parent}
    assert not ours & {Path(tmp_path, name) for name in opened}


@forks
@pytest.mark.long
def test_a_damaged_cache_is_computed_anew(latentclust: Command, tmp_path: Path) -> None:
    command = ["experiment=tiny_vade", "trainer.max_epochs=1", "init=manifold", "init.n_epochs=5"]
    fresh = latentclust(*command)
    for path in (tmp_path / "outputs/cache").glob("*.*"):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    again = latentclust(*command)
    assert again.status == 0, again.err
    assert (again.folder / "latentclust.log").read_text().count("is damaged") == 2
    assert same_weights(fresh.weights(), again.weights())
    for path in (tmp_path / "outputs/cache").glob("*.*"):
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LatentclustError, match=r"file/summary.json'.*output_dir"):
        write(tmp_path / "file" / "summary.json", json.dumps({}).encode())
    with whole_file(tmp_path / "arrays.npz") as file:
        np.savez_compressed(file, a=np.arange(3))
    with np.load(tmp_path / "arrays.npz") as kept:
        assert kept["a"].tolist() == [0, 1, 2]
