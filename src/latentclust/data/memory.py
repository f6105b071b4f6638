"""How much memory is free, looked at before something large is read."""

from pathlib import Path

import psutil

from latentclust.errors import LatentclustError

CONTROL_GROUP = Path("/sys/fs/cgroup")
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
    """Return the bytes of memory that this process may still take, at least 0."""
    free = int(psutil.virtual_memory().available)
    try:
        limit = int((CONTROL_GROUP / "memory.max").read_text(encoding="ascii"))
    except (OSError, ValueError):  # no control group, or one without a limit: "max"
        return free
    return max(0, min(free, limit - used_memory()))


def used_memory() -> int:
    """Return the bytes that the control group uses, but for pages of files that the kernel gives back."""
    try:
        current = int((CONTROL_GROUP / "memory.current").read_text(encoding="ascii"))
        lines = (CONTROL_GROUP / "memory.stat").read_text(encoding="ascii").splitlines()
        return current - int(dict(line.split() for line in lines)["inactive_file"])
    except (OSError, ValueError, KeyError):  # the limit alone is known
        return 0
