import errno
import importlib
import io
import json
import os
import subprocess
import sys
import sysconfig
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numba
import pytest

from latentclust.errors import LatentclustError
from latentclust.numba_cache import FORGOTTEN, SETTING, ensure_numba_cache, import_umap, keep_compiled
from tests.conftest import REPOSITORY


def compile_something_of(package: str) -> None:
    """Do what UMAP's modules do when they are imported."""
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    names: dict[str, object] = {}
    exec(compile("def something(): pass", spec.origin, "exec"), names)
    numba.njit(cache=True)(names["something"])


@pytest.fixture
def read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing can be written outside of this folder, in which temporary files go."""

    def refuse(*args: object, dir: str, **options: object) -> object:
        if not Path(dir).is_relative_to(tmp_path):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return open_temporary(*args, dir=dir, **options)  # type: ignore[call-overload]

    open_temporary = tempfile.TemporaryFile
    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)  # what numba tries each place with
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.setenv(SETTING, "")
    return tmp_path


def test_numba_gets_a_folder_where_it_has_none(read_only: Path) -> None:
    with pytest.raises(RuntimeError, match="no locator available"):
        compile_something_of("umap")
    ensure_numba_cache()
    for package in ("umap", "pynndescent"):
        compile_something_of(package)
    folder = Path(os.environ[SETTING])
    assert folder.parent == read_only
    assert folder.stat().st_mode & 0o077 == 0  # a cache holds code
    ensure_numba_cache()
    assert os.environ[SETTING] == str(folder)


def test_numba_keeps_the_place_that_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SETTING, raising=False)
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: io.BytesIO())
    ensure_numba_cache()
    assert SETTING not in os.environ


def test_a_users_own_folder_is_never_replaced(read_only: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SETTING, "/proc/nowhere")
    monkeypatch.setattr(numba.config, "CACHE_DIR", "/proc/nowhere")
    with pytest.raises(LatentclustError, match=f"{SETTING} is /proc/nowhere, which cannot be written"):
        ensure_numba_cache()
    assert os.environ[SETTING] == "/proc/nowhere"


READ_ONLY = 'mount -o bind "$0" "$0" && mount -o remount,ro,bind "$0"'


@pytest.mark.faults
def test_the_default_runs_where_home_and_environment_are_read_only(tmp_path: Path) -> None:
    in_own_mounts = ["unshare", "--mount", "sh", "-c"]
    packages = sysconfig.get_path("purelib")
    if os.name != "posix" or subprocess.run([*in_own_mounts, READ_ONLY, packages], check=False).returncode:
        pytest.skip("no right to mount a folder read-only")
    command = [
        *(sys.executable, "-m", "latentclust", "data=digits", "data.limit=100", "data.batch_size=50"),
        *("data.min_images_per_epoch=null", "trainer.max_epochs=2", "model.refit_at=[1]"),
        *(
            "network.channels=[4]",
            "network.widths=[16]",
            "trainer.accelerator=cpu",
            "figures.embedding.size=50",
        ),
    ]
    (tmp_path / "temporary").mkdir()
    done = subprocess.run(
        [*in_own_mounts, f'{READ_ONLY} && exec "$@"', packages, *command],
        cwd=tmp_path,
        env={
            **{"PATH": os.environ["PATH"], "HOME": "/proc/nowhere", "PYTHONPATH": f"{REPOSITORY}/src"},
            **{"TMPDIR": str(tmp_path / "temporary"), "PYTHONDONTWRITEBYTECODE": "1"},
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.glob("outputs/*/*/report.html"))
    assert not list((tmp_path / "temporary").glob("latentclust-numba-*"))


@pytest.mark.filterwarnings("ignore")  # UMAP's, on import
def test_all_that_umap_compiles_for_a_layout_is_kept() -> None:
    """These are names of UMAP's own, which another version may change."""
    import_umap()
    for module, name in FORGOTTEN:
        function = getattr(importlib.import_module(module), name)
        assert function.stats.cache_path is not None, name


def test_a_function_that_no_folder_takes_is_compiled_all_the_same(read_only: Path) -> None:
    function = numba.njit(lambda x: x + 1)
    keep_compiled(function)
    assert function(1) == 2


def test_a_function_that_is_not_compiled_stays_what_it_is() -> None:
    """As all are with NUMBA_DISABLE_JIT=1."""
    keep_compiled(lambda x: x + 1)


LAYOUT = """
import json
import numpy as np
from numba.core import event
from latentclust.clustering import fit_manifold

class Listener(event.Listener):
    names = []
    def on_start(self, event):
        self.names.append(event.data["dispatcher"].__name__)
    def on_end(self, event):
        pass

event.register("numba:compile", Listener())
found = fit_manifold(np.random.default_rng(0).normal(size=(60, 4)), 3, n_layouts=1, n_init=1)
print(json.dumps([Listener.names, found.clusters.tolist()]))
"""


@pytest.mark.long
def test_a_second_process_compiles_nothing(tmp_path: Path) -> None:
    environment = os.environ | {SETTING: str(tmp_path)}
    told = [
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", LAYOUT],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        for _ in range(2)
    ]
    (compiled, clusters), (compiled_again, same) = (json.loads(one.stdout) for one in told)
    assert {name for _, name in FORGOTTEN} - {"_nb_optimize_layout_euclidean_single_epoch"} < set(compiled)
    assert set(compiled_again) <= {"tau_rand_int", "tau_rand"}  # at UMAP's import; a tenth of a second
    assert same == clusters
