"""The one way in which this package writes a file: whole, or not at all."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import time
from typing import IO

from latentclust.errors import LatentclustError

UNFINISHED = ".unfinished"
# An unfinished file that nothing was added to for an hour is one of a process that was killed.
STALE_AFTER = 3600.0  # seconds

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG} if hasattr(errno, "EDQUOT") else {errno.ENOSPC, errno.EFBIG}


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Yield a binary file to write; it takes its place as ``path`` when the block ends.

    What is written lies beside its place until then, in a hidden file that ends in ``.unfinished``, and it is
    on the disk before it is moved. So whenever the process is killed or the power fails, ``path`` holds what
    it held before or what it is to hold now, and of two processes that write it at once one wins. An error in
    the block, Ctrl-C too, removes the unfinished file.

    Parameters
    ----------
    path
        The file to write; missing folders are made.

    Raises
    ------
    LatentclustError
        If the place cannot be written, or its disk is full.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}{UNFINISHED}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_stale(path.parent)
        try:
            with unfinished.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
            flush_folder(path.parent)
        except BaseException:
            with suppress(OSError):  # the first error is the one to tell
                unfinished.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise LatentclustError(cannot_write(path, error)) from error


def cannot_write(path: Path, error: OSError) -> str:
    """Say in one line that a file or folder cannot be written, and what to do."""
    advice = "free space there" if error.errno in FULL else "make it a place that can be written"
    return f"cannot write '{path}' ({error.strerror or error}): {advice}, or choose another output_dir=..."


def remove_stale(folder: Path) -> None:
    """Remove what killed processes have left unfinished in a folder."""
    for path in folder.glob(f".*{UNFINISHED}"):
        with suppress(OSError):  # another process may remove it too
            if time() - path.stat().st_mtime > STALE_AFTER:
                path.unlink()


def flush_folder(folder: Path) -> None:
    """Put a folder's entries onto the disk, where the system can do that."""
    with suppress(OSError, AttributeError):  # not on Windows, nor on every network's file system
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
