"""The pictures that lie in a folder and its sub-folders."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from latentclust.data.pictures import SUFFIXES
from latentclust.errors import LatentclustError

IGNORED = ("__MACOSX",)  # beside those that begin with a dot


@dataclass(frozen=True)
class Found:
    """What lies in a folder.

    Attributes
    ----------
    names
        Of the pictures, relative to the folder, N sorted.
    others
        Of other files.
    """

    names: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)


def find_images(folder: Path) -> Found:
    """Find the pictures of a folder and its sub-folders by the ends of their names, without opening them.

    Raises
    ------
    LatentclustError
        If there is no such folder, or no picture in it.
    """
    if not folder.exists():
        raise LatentclustError(
            "there is no such folder: mind data.path, and write \"data.path='a, b'\" if its name has commas, "
            "quotes or brackets"
        )
    if not folder.is_dir():
        raise LatentclustError("is no folder: arrays are data=files, tables data=table")
    found, seen = Found(), set[tuple[int, int]]()

    def stop(error: OSError) -> None:
        raise LatentclustError(f"{error.filename} cannot be read ({error.strerror}): mend its permissions")

    for root, folders, files in os.walk(folder, onerror=stop, followlinks=True):
        status = Path(root).stat()
        if (status.st_dev, status.st_ino) in seen:  # a link in a circle
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not _hidden(name))
        for name in files:
            if not _hidden(name):
                known = name.lower().endswith(SUFFIXES)
                relative = Path(root, name).relative_to(folder).as_posix()
                (found.names if known else found.others).append(relative)
    found.names.sort()
    found.others.sort()
    if not found.names:
        others = f"; others there: {len(found.others):,}, such as {found.others[0]}" if found.others else ""
        raise LatentclustError(f"has no pictures: files in {', '.join(SUFFIXES)} are read{others}")
    return found


def _hidden(name: str) -> bool:
    return name.startswith(".") or name in IGNORED
