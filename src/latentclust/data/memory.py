"""How much memory is free, looked at before something large is read."""

from pathlib import Path

import psutil

from latentclust.errors import LatentclustError

COPIES = 2  # of the inputs that are in memory at once while they are checked, split and joined


def require_memory(size: int, advice: str = "give fewer or smaller images") -> None:
    """Refuse arrays of this many bytes if working with them would take more memory than is free.

    Raises
    ------
    LatentclustError
        If it would.
    """
    free = free_memory()
    if COPIES * size > free:
        raise LatentclustError(
            f"holds arrays of {size / 2**30:,.2f} GiB, and {COPIES} times that must fit into the "
            f"{free / 2**30:,.2f} GiB of memory that are free: {advice}"
        )


def free_memory() -> int:
    """Return the bytes of memory that this process may still take."""
    free = int(psutil.virtual_memory().available)
    try:
        return min(free, int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    except (OSError, ValueError):  # no control group, or one without a limit: "max"
        return free
