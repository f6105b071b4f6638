"""What is computed once per setting and kept in ``<output_dir>/cache``."""

import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from filelock import FileLock, Timeout

from latentclust.atomic import cannot_write
from latentclust.data.kept import place
from latentclust.errors import LatentclustError

log = logging.getLogger(__name__)


def place_of(output_dir: Path, name: str, suffix: str, depends_on: Mapping[str, Any]) -> Path:
    """Return where a run keeps a result for later ones."""
    return place(output_dir / "cache", name, suffix, depends_on)


def code_of(modules: Iterable[ModuleType]) -> list[str]:
    """Return the text of modules: what other code has computed is not this code's result."""
    return [Path(str(module.__file__)).read_text(encoding="utf-8") for module in modules]


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Hold the lock of a result while the block looks for it and computes it.

    Runs that start together in several processes and agree in the result so compute it once: the others wait,
    and then find it. The system releases the lock of a process that dies. Where there can be no lock, as in a
    folder that is only to be read, each run is as if it were alone.

    Parameters
    ----------
    path
        Where the result is to be kept; the lock is a file in the folder ``locks`` beside it.

    Raises
    ------
    LatentclustError
        If there can be no folder.
    """
    locks = path.parent / "locks"
    lock = FileLock(locks / f"{path.name}.lock")
    try:
        if path.parent.is_dir() and not os.access(path.parent, os.W_OK):
            log.warning("%s cannot be written", path.parent)
        else:
            locks.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire(blocking=False)
            except Timeout:
                log.info("Waiting for another run that computes %s", path)
                lock.acquire()
    except NotImplementedError:
        log.warning("%s is on a file system without locks: an equal run may compute it too", path)
    except OSError as error:
        raise LatentclustError(cannot_write(path, error)) from error
    try:
        yield
    finally:
        lock.release()
