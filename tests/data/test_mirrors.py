import hashlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from latentclust.data import mirrors
from latentclust.data.mirrors import Fetcher, RemoteFiles, obtain
from latentclust.errors import LatentclustError

CONTENT = {"a": b"alpha" * 100, "b": b"beta" * 100}


def deliver(content: Mapping[str, bytes]) -> Fetcher:
    def fetch(temporary: Path) -> Path:
        delivery = temporary / "somewhere"
        delivery.mkdir()
        for name, data in content.items():
            (delivery / name).write_bytes(data)
        return delivery

    return fetch


def unreachable(temporary: Path) -> Path:
    raise OSError("no route to host")


def remote(**fetchers: Fetcher) -> RemoteFiles:
    sha256 = {name: hashlib.sha256(data).hexdigest() for name, data in CONTENT.items()}
    return RemoteFiles("Toy", sha256, fetchers)


def put(root: Path, content: Mapping[str, bytes]) -> Path:
    folder = root / "Toy" / "raw"
    folder.mkdir(parents=True)
    for name, data in content.items():
        (folder / name).write_bytes(data)
    return folder


def visible(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".lock"}


def test_downloads_into_the_place_where_torchvision_looks(tmp_path):
    folder = obtain(remote(web=deliver(CONTENT)), tmp_path / "new" / "root")
    assert folder == tmp_path / "new" / "root" / "Toy" / "raw"
    assert visible(folder) == CONTENT


def test_sound_files_are_used_as_they_are_and_nothing_is_written(tmp_path):
    folder = put(tmp_path, CONTENT)
    assert obtain(remote(web=unreachable), tmp_path) == folder
    assert sorted(path.name for path in folder.iterdir()) == ["a", "b"]


def test_damaged_file_is_kept_under_another_name_and_replaced(tmp_path, caplog):
    folder = put(tmp_path, {"a": CONTENT["a"], "b": b"second damage", "b.corrupt-1": b"first damage"})
    untouched = (folder / "a").stat().st_ino
    obtain(remote(web=deliver(CONTENT)), tmp_path)
    assert visible(folder) == CONTENT | {"b.corrupt-1": b"first damage", "b.corrupt-2": b"second damage"}
    assert (folder / "a").stat().st_ino == untouched
    (warning,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert "b is damaged" in warning
    assert "b.corrupt-2" in warning


def test_folder_in_the_place_of_a_file_is_set_aside(tmp_path):
    (put(tmp_path, {"b": CONTENT["b"]}) / "a").mkdir()
    folder = obtain(remote(web=deliver(CONTENT)), tmp_path)
    assert (folder / "a.corrupt-1").is_dir()
    assert (folder / "a").read_bytes() == CONTENT["a"]


def test_pipe_in_the_place_of_a_file_is_not_waited_for(tmp_path):
    os.mkfifo(put(tmp_path, {"b": CONTENT["b"]}) / "a")
    folder = obtain(remote(web=deliver(CONTENT)), tmp_path)
    assert (folder / "a.corrupt-1").is_fifo()
    assert (folder / "a").read_bytes() == CONTENT["a"]


def test_damaged_file_is_never_used_even_if_no_source_works(tmp_path):
    folder = put(tmp_path, CONTENT | {"b": b"damage"})
    with pytest.raises(LatentclustError):
        obtain(remote(web=unreachable), tmp_path)
    assert visible(folder) == {"a": CONTENT["a"], "b.corrupt-1": b"damage"}


def test_sources_are_tried_in_order_and_complete_each_other(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    files = remote(
        down=unreachable,
        lying=deliver({"a": CONTENT["a"], "b": b"an error page"}),
        good=deliver({"b": CONTENT["b"]}),
        unused=lambda temporary: pytest.fail("asked a source that was not needed"),
    )
    assert visible(obtain(files, tmp_path)) == CONTENT
    assert "Toy from down: no route to host" in caplog.text
    assert "lying did not deliver a sound b" in caplog.text


def test_error_names_the_three_ways_out(tmp_path):
    with pytest.raises(LatentclustError) as caught:
        obtain(remote(down=unreachable, lying=deliver({"a": b"an error page"})), tmp_path)
    message = str(caught.value)
    assert "get the network working" in message
    assert f"put a, b (uncompressed) into {tmp_path / 'Toy' / 'raw'}" in message
    assert "use data=digits" in message
    assert "\n" not in message
    assert visible(tmp_path / "Toy" / "raw") == {}


@pytest.mark.parametrize("below", [".", "below"])
def test_root_that_is_a_file_is_explained(tmp_path, below):
    (tmp_path / "data").write_text("not a folder")
    with pytest.raises(LatentclustError, match=r"cannot keep Toy under .*data.*choose as root a folder"):
        obtain(remote(web=deliver(CONTENT)), tmp_path / "data" / below)


def test_root_that_cannot_be_written_is_explained(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(LatentclustError, match=r"\(Permission denied\)"):
        obtain(remote(web=deliver(CONTENT)), tmp_path)


CHILD = """
import hashlib, importlib.util, sys, time
from pathlib import Path
spec = importlib.util.spec_from_file_location("mirrors", sys.argv[1])
mirrors = sys.modules["mirrors"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(mirrors)

def fetch(temporary):
    (temporary / "a").write_bytes(b"alpha" * 50)
    print("half", flush=True)
    time.sleep(60)

digest = hashlib.sha256(b"alpha" * 100).hexdigest()
mirrors.obtain(mirrors.RemoteFiles("Toy", {"a": digest}, {"slow": fetch}), Path(sys.argv[2]))
"""


def test_killed_download_leaves_nothing_that_looks_whole(tmp_path):
    command = [sys.executable, "-c", CHILD, mirrors.__file__, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "half\n"
        child.send_signal(signal.SIGKILL)
    folder = tmp_path / "Toy" / "raw"
    assert not (folder / "a").exists()
    assert list(folder.glob(".download-*/a"))
    # The next run takes over the dead one's lock, clears its leavings and succeeds.
    obtain(remote(web=deliver(CONTENT)), tmp_path)
    assert visible(folder) == CONTENT


def test_interrupted_download_cleans_up(tmp_path):
    def interrupt(temporary: Path) -> Path:
        (temporary / "a").write_bytes(CONTENT["a"])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        obtain(remote(web=interrupt), tmp_path)
    assert visible(tmp_path / "Toy" / "raw") == {}


def test_runs_that_start_at_once_download_once(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    put(tmp_path, {"a": b"damage"})
    downloads = []
    start = threading.Barrier(4)

    def fetch(temporary: Path) -> Path:
        downloads.append(temporary)
        time.sleep(0.2)
        return deliver(CONTENT)(temporary)

    def run() -> None:
        start.wait()
        results.append(visible(obtain(remote(web=fetch), tmp_path)))

    results: list[dict[str, bytes]] = []
    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [CONTENT | {"a.corrupt-1": b"damage"}] * 4
    assert len(downloads) == 1
    assert f"waiting for another run that is downloading to {tmp_path / 'Toy' / 'raw'}" in caplog.text
