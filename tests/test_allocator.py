"""Memory that is freed and needed again, in processes of their own: what is set stays set."""

import os
import platform
import subprocess
import sys

import pytest

# Ten training steps of a convolution, whose tensors of some MB are freed at the end of each. The fewest
# faults of some rounds: the first one needs its memory for the first time, and what else the process or the
# system does can only add some.
ROUNDS = """
import resource
import torch
from latentclust.allocator import keep_freed_memory

layers = torch.nn.Sequential(torch.nn.Conv2d(1, 32, 5, 2, 2), torch.nn.ReLU(), torch.nn.Conv2d(32, 64, 3))
x = torch.rand(256, 1, 28, 28)

def faults():
    counts = []
    for _ in range(5):
        begin = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(10):
            layers(x).sum().backward()
        counts.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - begin)
    return min(counts)

before = faults()
print(before, keep_freed_memory(), faults())
"""
glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")


def rounds(**environment: str) -> list[str]:
    """Return the page faults without it, what it returns, and the page faults with it."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    command = [sys.executable, "-c", ROUNDS]
    done = subprocess.run(command, env=plain | environment, capture_output=True, text=True, check=True)
    return done.stdout.split()


@glibc
def test_freed_memory_is_used_again() -> None:
    before, kept, after = rounds()
    assert kept == "True"
    assert int(after) < 100 < int(before)


@glibc
@pytest.mark.parametrize("chosen", ["MALLOC_TRIM_THRESHOLD_=100000", "GLIBC_TUNABLES=glibc.malloc.top_pad=1"])
def test_what_the_user_has_chosen_stays(chosen: str) -> None:
    name, _, value = chosen.partition("=")
    before, kept, after = rounds(**{name: value})
    assert kept == "False"
    assert int(after) > int(before) / 2
