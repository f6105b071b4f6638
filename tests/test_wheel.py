"""The package as it is installed: without a checkout around it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.conftest import REPOSITORY
from tests.test_extensions import CONF, MODULE

# The build itself asks no server for anything.
pytest.importorskip("hatchling", reason="hatchling builds the wheel; `make setup` installs it")

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that a wheel of this checkout was unpacked into."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    built = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120)
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    with ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


@pytest.fixture
def outside(site: Path, tmp_path: Path) -> Run:
    """Run Python in an empty folder, with the unpacked wheel in place of the checkout.

    Packages in its subfolder ``installed`` are found too.
    """

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if name != "HYDRA_FULL_ERROR"}
        environment["PYTHONPATH"] = os.pathsep.join([str(site), str(tmp_path / "installed"), *sys.path[1:]])
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
            env=environment,
        )

    return run


def test_the_wheel_has_everything_but_bytecode(site: Path) -> None:
    def files(folder: Path) -> set[str]:
        paths = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        return {path.relative_to(folder).as_posix() for path in paths}

    package = site / "latentclust"
    assert files(package / "conf") == files(REPOSITORY / "conf")
    assert {name for name in files(package) if not name.startswith("conf/")} == files(
        REPOSITORY / "src/latentclust"
    )
    assert {path.name for path in site.iterdir() if "." not in path.name} == {
        "latentclust",
        "hydra_plugins",
    }


@pytest.mark.long
def test_it_runs_in_an_empty_folder(outside: Run, site: Path, tmp_path: Path) -> None:
    where = outside("-c", "import latentclust; print(latentclust.__file__)")
    assert Path(where.stdout.strip()) == site / "latentclust/__init__.py"
    helped = outside("-m", "latentclust", "--help")
    assert helped.returncode == 0, helped.stderr
    assert "GROUPS" in helped.stdout
    done = outside("-m", "latentclust", "model=kmeans", "data=moons", "data.n=200", "figures.at_end=false")
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.glob("outputs/*/*/summary.json")
    summary = json.loads(path.read_text())
    assert summary["data"] == "moons"
    assert summary["commit"] is None  # there is no checkout to have one


@pytest.mark.long
def test_an_installed_package_brings_data_by_its_entry_point(outside: Run, tmp_path: Path) -> None:
    installed, conf = tmp_path / "installed", tmp_path / "conf/data/stripes.yaml"
    metadata = installed / "my_package-1.0.dist-info"
    for folder in (metadata, conf.parent):
        folder.mkdir(parents=True)
    (installed / "my_models.py").write_text(MODULE)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
    conf.write_text(CONF["data/stripes.yaml"])
    command = ["-m", "latentclust", "--config-dir", "conf", "model=kmeans", "data=stripes", "n_clusters=3"]
    unknown = outside(*command)
    assert unknown.returncode == 2
    assert "data.name is 'stripes'" in unknown.stderr
    (metadata / "entry_points.txt").write_text("[latentclust]\nmine = my_models\n")
    done = outside(*command, "figures.at_end=false")
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.glob("outputs/*/*/summary.json")
    assert json.loads(path.read_text())["results"][-1]["pool"]["acc"] == 1


@pytest.mark.faults
def test_it_trains_and_draws_in_an_empty_folder(outside: Run, tmp_path: Path) -> None:
    small = ["data.limit=200", "data.batch_size=50", "data.min_images_per_epoch=null", "trainer.max_epochs=1"]
    small += ["network.channels=[]", "network.widths=[16]", "model.pretrain.max_epochs=1", "init=gmm"]
    small += ["trainer.accelerator=cpu", "figures.embedding.size=60", "figures.embedding.max_iter=250"]
    done = outside("-m", "latentclust", "data=digits", *small)
    assert done.returncode == 0, done.stderr
    (folder,) = (path.parent for path in tmp_path.glob("outputs/*/*/summary.json"))
    assert "<html" in (folder / "report.html").read_text()
    assert (folder / "figures/confusion.png").stat().st_size > 1000
    again = outside("-m", "latentclust", "task=evaluate", "ckpt_path=last")
    assert again.returncode == 0, again.stderr
