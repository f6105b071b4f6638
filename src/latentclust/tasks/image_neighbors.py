"""The neighbors of the pool's images among them: searched once, for they depend on no seed and no network."""

import logging
from pathlib import Path

import numpy as np
from omegaconf import DictConfig
from torch import Tensor

from latentclust import __version__
from latentclust.data import ImageDataModule
from latentclust.initialization import Neighbors, distortion, nearest_images, neighbors
from latentclust.runs.cache import place, written_whole

log = logging.getLogger(__name__)

# The keys of cfg.init that are for the search alone.
SEARCH = ("warp", "candidates", "cache")


def image_neighbors(cfg: DictConfig, data: ImageDataModule, images: Tensor, n: int) -> Neighbors:
    """Find the n neighbors of each of the pool's images, or take them from the cache."""
    options = {"warp": cfg.init.warp, "candidates": cfg.init.candidates}
    if not cfg.init.cache:
        return nearest_images(images, n, **options)
    code = [Path(str(module.__file__)).read_text(encoding="utf-8") for module in (distortion, neighbors)]
    depends_on = {"latentclust": __version__, "code": code, "images": data.fingerprint, "n": n, **options}
    path = place(Path(cfg.output_dir), "neighbors", "npz", depends_on)
    if path.is_file():
        log.info("The images' neighbors come from %s", path)
        with np.load(path) as kept:
            return Neighbors(kept["indices"].astype(np.int64), kept["distances"])
    log.info("Searching neighbors among %s images, for later runs too: %s", f"{len(images):,}", path)
    found = nearest_images(images, n, **options)
    with written_whole(path) as unfinished:
        np.savez_compressed(unfinished, indices=found.indices.astype(np.int32), distances=found.distances)
    return found
