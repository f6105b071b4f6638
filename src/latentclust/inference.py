"""Apply a model to a whole set of images at once."""

from collections.abc import Callable

import torch
from torch import Tensor

from latentclust.data import ImageDataModule
from latentclust.data.batches import to_unit_interval

# Large enough to keep every core or a GPU busy; the widest layer of a chunk then takes 64 MB.
CHUNK = 8192


@torch.inference_mode()
def in_chunks(function: Callable[[Tensor], Tensor], images: Tensor, size: int = CHUNK) -> Tensor:
    """Apply ``function`` to chunks of images and put the results together.

    Parameters
    ----------
    function
        From float images ``(B, C, H, W)`` in [0, 1] to a tensor ``(B, ...)``.
    images
        uint8 ``(N, C, H, W)``, on the function's device.
    size
        Images per chunk.

    Returns
    -------
    Tensor
        ``(N, ...)`` on the same device.
    """
    return torch.cat([function(to_unit_interval(chunk)) for chunk in torch.split(images, size)])


def over_pool_and_test(
    function: Callable[[Tensor], Tensor], data: ImageDataModule
) -> tuple[Tensor, Tensor | None]:
    """Apply ``function`` to the pool's images and to the test images, in chunks.

    Returns
    -------
    tuple[Tensor, Tensor | None]
        One row per image of the pool, and of the test images: a view of the former where they belong to the
        pool, None where there are none.
    """
    pool = in_chunks(function, data.pool.images)
    if data.test_slice is not None:
        return pool, pool[data.test_slice]
    return pool, None if data.test is None else in_chunks(function, data.test.images)
