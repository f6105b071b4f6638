"""What a run changes in its process, put back when it ends: a program that fits goes on as it was."""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

# Lightning writes them where it seeds.
VARIABLES = ("PL_GLOBAL_SEED", "PL_SEED_WORKERS")


@contextmanager
def process_as_found() -> Iterator[None]:
    """Put back the random states, torch's choice of algorithms and Lightning's variables, in any case."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    gpus, seed = gpu_states(), torch.initial_seed()
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    benchmark = torch.backends.cudnn.benchmark
    variables = {name: os.environ.get(name) for name in VARIABLES}
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        torch.set_rng_state(states[2])
        restore_gpus(gpus, seed)
        torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
        torch.backends.cudnn.benchmark = benchmark
        for name, value in variables.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def gpu_states() -> dict[str, list[torch.Tensor]]:
    """Return the random states of the GPUs that have one, by the kind of GPU."""
    found = {}
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        found["cuda"] = torch.cuda.get_rng_state_all()
    if torch.backends.mps.is_available():
        found["mps"] = [torch.mps.get_rng_state()]
    return found


def restore_gpus(states: dict[str, list[torch.Tensor]], seed: int) -> None:
    """Put them back; a GPU that nobody had used yet starts from the seed of the CPU, as it would have."""
    if "cuda" in states:
        torch.cuda.set_rng_state_all(states["cuda"])
    else:
        torch.cuda.manual_seed_all(seed)  # waits until CUDA is used, if it is not yet
    if "mps" in states:
        torch.mps.set_rng_state(states["mps"][0])
