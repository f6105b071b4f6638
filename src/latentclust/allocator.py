"""Have the C library keep the memory that one step frees, for the next one."""

import ctypes
import os
import platform

# Blocks up to this size come from the heap; larger ones are the system's, each time anew.
LARGEST_BLOCK = 2**27
# So much free memory stays at the heap's end before it goes back to the system.
KEPT = 2**29
# The parameters' numbers in glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
# How a user sets them: what is set is not touched.
_CHOSEN = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TOP_PAD_", "MALLOC_MMAP_MAX_")


def keep_freed_memory() -> bool:
    """Keep freed memory in the process, 512 MiB at most, instead of handing it back after each operation.

    A tensor of a few MB that is freed and made again, as in every step, otherwise costs a page fault for each
    4 KiB of it: 6 % of a step of VaDE, half of the time to encode all inputs.

    Returns
    -------
    bool
        Whether that was done: not without glibc, nor where the environment chooses
        (``MALLOC_TRIM_THRESHOLD_`` and its like, or ``GLIBC_TUNABLES``).
    """
    if platform.libc_ver()[0] != "glibc" or any(name in os.environ for name in _CHOSEN):
        return False
    if "glibc.malloc." in os.environ.get("GLIBC_TUNABLES", ""):
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(_M_MMAP_THRESHOLD, LARGEST_BLOCK)) and bool(mallopt(_M_TRIM_THRESHOLD, KEPT))
