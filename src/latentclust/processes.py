"""Several processes that train one model, one for each device: which one this is, what they tell each other.

The first process decides, measures and writes; the others train along. Where there is only one, whatever is
here returns at once.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Place(NamedTuple):
    """Which of how many processes one is."""

    rank: int
    """From 0."""
    world_size: int
    """How many there are."""


def place_given(environment: Mapping[str, str] = os.environ) -> Place:
    """Return the place that ``srun`` or ``torchrun`` has given this process; a process alone has (0, 1).

    Examples
    --------
    >>> place_given({"RANK": "1", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "TORCHELASTIC_RUN_ID": "none"})
    Place(rank=1, world_size=4)
    >>> place_given({"SLURM_NTASKS": "2", "SLURM_PROCID": "0"})
    Place(rank=0, world_size=2)
    >>> place_given({})
    Place(rank=0, world_size=1)
    """
    names = [("SLURM_PROCID", "SLURM_NTASKS")] if "SLURM_NTASKS" in environment else []
    if environment.get("SLURM_JOB_NAME") in {"bash", "interactive"}:  # a shell, for Lightning too
        names = []
    if "TORCHELASTIC_RUN_ID" in environment:
        names.append(("RANK", "WORLD_SIZE"))
    places = [Place(int(environment.get(rank, 0)), int(environment.get(size, 1))) for rank, size in names]
    return next((place for place in places if place.world_size > 1), Place(0, 1))


def world_size() -> int:
    """Return how many processes have joined; 1 where none has."""
    from torch import distributed

    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def rank() -> int:
    """Return which of them this one is."""
    from torch import distributed

    return distributed.get_rank() if world_size() > 1 else 0


def is_first() -> bool:
    """Whether this one is the first, or alone."""
    return rank() == 0


def from_first(value: T) -> T:
    """Return the first process's value in each; tensors must be on the CPU."""
    if world_size() == 1:
        return value
    from torch import distributed

    values = [value]
    distributed.broadcast_object_list(values, src=0)
    return values[0]


@contextmanager
def first_before_others() -> Iterator[None]:
    """Let the first process run the block before the others: what it downloads and keeps, they then find."""
    if not is_first():
        from_first(None)
    yield
    if is_first():
        from_first(None)


def leave() -> None:
    """Wait for the others, and be alone from here on."""
    if world_size() == 1:
        return
    from torch import distributed

    distributed.barrier()
    distributed.destroy_process_group()
