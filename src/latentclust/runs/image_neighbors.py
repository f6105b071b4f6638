"""The neighbors of the pool's inputs among them: searched once, for they depend on no seed and no network."""

import logging
import zipfile
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from latentclust import __version__
from latentclust.atomic import whole_file
from latentclust.clustering import Neighbors, distortion, nearest, nearest_images, neighbors, on_device
from latentclust.data import DataModule
from latentclust.runs.cache import code_of, one_at_a_time, place_of
from latentclust.settings.init import Manifold

log = logging.getLogger(__name__)

# The settings of the start that are for the search alone.
SEARCH = ("warp", "candidates", "cache")


def image_neighbors(init: Manifold, output_dir: Path, data: DataModule, images: Tensor, n: int) -> Neighbors:
    """Find the n neighbors of each of the pool's inputs; those of inputs are kept in the cache.

    Of a sample of the pool they are not kept.

    The neighbors of vectors are the nearest ones, with 0 for what is missing.
    """
    if init.space == "inputs":
        return nearest(images.flatten(1).float().nan_to_num(), n)
    options = {"warp": init.warp, "candidates": init.candidates}
    if not init.cache or len(images) < len(data.pool):  # a sample has neighbors of its own
        return nearest_images(images, n, **options)
    depends_on = {
        "latentclust": __version__,
        "code": code_of((distortion, neighbors, on_device)),
        # Sums round in another order on another kind of device.
        "device": images.device.type,
        "images": data.fingerprint,
        # Principal components choose the candidates, and their sums round by the number of threads.
        "threads": torch.get_num_threads(),
        "n": n,
        **options,
    }
    path = place_of(output_dir, "neighbors", "npz", depends_on)
    with one_at_a_time(path):
        if (kept := kept_neighbors(path)) is not None:
            log.info("The images' neighbors come from %s", path)
            return kept
        log.info("Searching neighbors among %s images, for later runs too: %s", f"{len(images):,}", path)
        found = nearest_images(images, n, **options)
        with whole_file(path) as file:
            np.savez_compressed(file, indices=found.indices.astype(np.int32), distances=found.distances)
        return found


def kept_neighbors(path: Path) -> Neighbors | None:
    """Read what an earlier run has found; None if there is nothing, or nothing whole."""
    try:
        with np.load(path) as kept:
            return Neighbors(kept["indices"].astype(np.int64), kept["distances"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        log.warning("%s is damaged: searching the neighbors again", path)
        return None
