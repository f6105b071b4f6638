"""Choose the number of clusters, where it is left to the run: before anything is built, without labels."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from latentclust.clustering import Neighbors, nearest_images
from latentclust.clustering.choose import (
    LAID_OUT_BY,
    SAMPLE,
    Choice,
    Space,
    by_modes,
    require_range,
    space_of,
)
from latentclust.clustering.manifold import neighbors_needed
from latentclust.data import DataModule
from latentclust.processes import from_first, is_first
from latentclust.runs.image_neighbors import image_neighbors
from latentclust.runs.run import Run, tell
from latentclust.settings import Settings
from latentclust.settings.init import Init, Manifold


def choose_number(
    inputs: DataModule | NDArray[np.floating], settings: Settings, run: Run
) -> tuple[Settings, Choice | None]:
    """Fill in ``n_clusters=auto`` and say why; a number that was given stays.

    Parameters
    ----------
    inputs
        Loaded; or points ``(N, D)``. Of more than 10,000 a sample is looked at.
    settings
        All settings.
    run
        Its continuations have the number that is chosen.

    Raises
    ------
    LatentclustError
        If there are fewer inputs than the lowest K.
    """
    if settings.n_clusters != "auto":
        return settings, None
    with run.timed("n_clusters"):
        choice = from_first(_choose(inputs, settings) if is_first() else None)
    assert choice is not None
    run.chosen["n_clusters"] = str(choice.n_clusters)
    tell(f"n_clusters=auto: {choice.n_clusters}. {choice.reason[0].upper()}{choice.reason[1:]}")
    return settings.model_copy(update={"n_clusters": choice.n_clusters}), choice


def _choose(inputs: DataModule | NDArray[np.floating], settings: Settings) -> Choice:
    space = _space(inputs, settings)
    lowest, highest = require_range(len(space.points), *settings.n_clusters_range)
    choice = by_modes(space.points, lowest, highest, settings.seed, n_neighbors=space.n_neighbors)
    return choice._replace(reason=f"{choice.reason}; in {space.name}")


def _space(inputs: DataModule | NDArray[np.floating], settings: Settings) -> Space:
    """Return where K is chosen: points as they are, or the plane of the inputs' neighbors."""
    n = len(inputs.pool) if isinstance(inputs, DataModule) else len(inputs)
    chosen = np.arange(n)
    if n > SAMPLE:
        chosen = np.sort(np.random.default_rng(settings.seed).permutation(n)[:SAMPLE])
    name = "the inputs" if n <= SAMPLE else f"{SAMPLE:,} of the inputs"
    if not isinstance(inputs, DataModule):
        return space_of(inputs[chosen], settings.seed, name=name)
    pool = inputs.pool.inputs[torch.from_numpy(chosen).to(inputs.pool.inputs.device)]
    points = pool.flatten(1).float().nan_to_num().cpu().numpy()
    neighbors = None
    if inputs.kind == "image":
        neighbors = _among_images(inputs, pool, settings.init, Path(settings.output_dir))
    return space_of(points, settings.seed, neighbors, name)


def _among_images(data: DataModule, images: torch.Tensor, init: Init, output_dir: Path) -> Neighbors:
    """Find the images' neighbors as the start finds them, and for it too where these are all images."""
    n = min(LAID_OUT_BY, len(images) - 1)
    if not isinstance(init, Manifold) or init.space != "images":
        return nearest_images(images, n, warp=Manifold().warp, candidates=Manifold().candidates)
    if len(images) < len(data.pool):
        return nearest_images(images, n, warp=init.warp, candidates=init.candidates)
    # As many as the start asks for, so that it finds them in the cache.
    laid_out = neighbors_needed(init.n_neighbors, int(init.n_layouts), len(images))
    wanted = min(max(laid_out, init.voters + 1, LAID_OUT_BY), len(images) - 1)
    found = image_neighbors(init, output_dir, data, images, wanted)
    return Neighbors(found.indices[:, :n], found.distances[:, :n])
