"""Apply a model to a whole set of inputs at once, or to a sample of it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor, nn

from latentclust.data import DataModule, Split
from latentclust.data.batches import as_floats
from latentclust.data.mapped import InputRows
from latentclust.errors import LatentclustError
from latentclust.models import Described, LatentModel
from latentclust.models.inputs import in_range
from latentclust.processes import rank, world_size

# Large enough to keep every core or a GPU busy, small enough for what the layers make of it to stay in the
# processor's caches and to be freed and made again without asking the system for memory.
CHUNK = 512
# Of inputs that stay in their file: what is looked at where all are not needed.
SAMPLE, SAMPLE_BYTES = 100_000, 2**28


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a model into evaluation mode for a while: batch normalization then knows no batch."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


@torch.inference_mode()
def in_chunks(
    function: Callable[[Tensor], Tensor],
    images: InputRows,
    size: int = CHUNK,
    only: range | None = None,
) -> Tensor:
    """Apply ``function`` to chunks of inputs and put the results together.

    It is computed in float32, whatever precision the model trains in: what measures or fits clusters goes
    through here, and gives the same numbers during training and after it.

    Parameters
    ----------
    function
        From inputs ``(B, ...)``, images as floats in [0, 1], to a tensor ``(B, ...)``.
    images
        As they are stored, uint8 ``(N, C, H, W)`` or float32 ``(N, P)``, on the function's device; those in a
        file are read chunk by chunk.
    size
        Inputs per chunk.
    only
        Which of the inputs, at least one; None for all.

    Returns
    -------
    Tensor
        ``(N, ...)`` on the same device.
    """
    only = only if only is not None else range(len(images))
    with torch.autocast(images.device.type, enabled=False), in_range():
        first = function(as_floats(images[only.start : min(only.start + size, only.stop)]))
        # One tensor for all: results kept between chunks would keep the allocator from reusing their memory.
        results = first.new_empty((len(only), *first.shape[1:]))
        results[:size] = first
        for start in range(size, len(only), size):
            part = only[start : start + size]
            results[start : start + size] = function(as_floats(images[part.start : part.stop]))
    return results


def require_finite(found: Tensor, what: str, places: Sequence[int] | None = None) -> None:
    """Refuse what a model says of inputs ``(N, ...)`` where it is no number.

    Parameters
    ----------
    found
        Probabilities, codes or bounds.
    what
        Where the inputs come from, for the message.
    places
        N numbers of the inputs there; None: 0..N-1.

    Raises
    ------
    LatentclustError
        If it is not finite.
    """
    if len(bad := (~found.isfinite().reshape(len(found), -1).all(dim=1)).nonzero()):
        first = int(bad[0])
        raise LatentclustError(
            f"{what}: row {first if places is None else places[first]} is too far from what the model was "
            "fitted to, and its output for it is not finite: leave that row out"
        )


def in_shared_chunks(function: Callable[[Tensor], Tensor], images: InputRows) -> Tensor:
    """Do what :func:`in_chunks` does, where several processes train shared between them.

    Each of them must call it, with the same inputs, and gets all results.
    """
    n = world_size()
    if n == 1:
        return in_chunks(function, images)
    from torch import distributed

    share = -(-len(images) // n)
    first = min(rank() * share, len(images) - 1)  # at least one input each: a function of none has no shape
    own = in_chunks(function, images, only=range(first, min(first + share, len(images))))
    with torch.inference_mode():
        padded = own.new_zeros((share, *own.shape[1:]))
        padded[: len(own)] = own
        parts = [torch.empty_like(padded) for _ in range(n)]
        distributed.all_gather(parts, padded)
        return torch.cat(parts)[: len(images)]


def described(model: LatentModel, images: InputRows) -> Described:
    """Compute codes, clusters' probabilities and bounds of images ``(N, C, H, W)``, each encoded once."""
    widths: list[int] = []

    def side_by_side(x: Tensor) -> Tensor:
        codes, gamma, bounds = model.describe(x)
        widths[:] = codes.shape[1], gamma.shape[1], 1
        return torch.cat([codes, gamma, bounds[:, None]], dim=1)

    codes, gamma, bounds = torch.split(in_chunks(side_by_side, images), widths, dim=1)
    return Described(codes, gamma, bounds[:, 0])


class Sample(NamedTuple):
    """Part of a data module's inputs; what :func:`over_pool_and_test` needs of it."""

    pool: Split
    """Of the pool."""
    test: Split | None
    """Of the test images."""
    test_slice: slice | None
    """Where these lie in ``pool``, if the test images belong to the pool."""


def sample(data: DataModule, size: int, seed: int = 0) -> Sample:
    """Draw at most ``size`` inputs of the pool uniformly, and as many test inputs where the pool has none.

    Where the test inputs belong to the pool, those that were drawn are the sample's test images. Labels have
    no say in it.
    """
    generator = torch.Generator().manual_seed(seed)

    def draw(split: Split) -> Tensor:
        return torch.randperm(len(split), generator=generator)[:size].sort().values

    chosen = draw(data.pool)
    pool = data.pool[chosen]
    if data.test_slice is not None:
        # The test images are the pool's last.
        start = int((chosen < data.test_slice.start).sum())
        test_slice = slice(start, len(pool))
        return Sample(pool, pool[test_slice] if start < len(pool) else None, test_slice)
    return Sample(pool, None if data.test is None else data.test[draw(data.test)], None)


def looked_at(data: DataModule) -> Split:
    """Return the pool; of one that stays in its file a sample in memory, of 100,000 or what 256 MiB hold."""
    if not data.streams:
        return data.pool
    return sample(data, max(1, min(SAMPLE, SAMPLE_BYTES // max(1, prod(data.input_shape) * 4)))).pool


class Looked(NamedTuple):
    """Inputs, and what a model says of them: all of a pool, or a sample of one that stays in its file."""

    split: Split
    found: Described


def merged(found: Described, into: Tensor) -> tuple[Described, Tensor]:
    """Describe inputs by merged clusters: a cluster's probability is the sum of those that it was made of.

    Parameters
    ----------
    found
        What a model with K clusters says of B inputs.
    into
        The merged cluster of each of the K clusters, int64.

    Returns
    -------
    tuple[Described, Tensor]
        With K' probabilities, and the inputs' merged clusters ``(B,)``: those of their likeliest clusters,
        which may not have the largest sum.
    """
    into = into.to(found.gamma.device)
    gamma = found.gamma.new_zeros(len(found.gamma), int(into.max()) + 1).index_add_(1, into, found.gamma)
    gamma = gamma.clamp(max=1)  # sums of rounded numbers
    return found._replace(gamma=gamma), into[found.gamma.argmax(dim=1)]


def look(data: DataModule, model: LatentModel) -> Looked:
    """Describe the pool, or a sample of one that stays in its file; the model is on the inputs' device."""
    split = looked_at(data)
    with evaluating(model):
        return Looked(split, described(model, split.inputs))


def over_pool_and_test(
    function: Callable[[Tensor], Tensor],
    data: DataModule | Sample,
    apply: Callable[[Callable[[Tensor], Tensor], InputRows], Tensor] = in_chunks,
) -> tuple[Tensor, Tensor | None]:
    """Apply ``function`` to the pool's inputs and to the test inputs, in chunks.

    Parameters
    ----------
    function, data
        What is applied to which inputs.
    apply
        How: :func:`in_chunks` or :func:`in_shared_chunks`.

    Returns
    -------
    tuple[Tensor, Tensor | None]
        One row per input of the pool, and of the test inputs: a view of the former where they belong to the
        pool, None where there are none.
    """
    pool = apply(function, data.pool.inputs)
    if data.test_slice is not None:
        return pool, pool[data.test_slice]
    return pool, None if data.test is None else apply(function, data.test.inputs)
