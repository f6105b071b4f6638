"""What numba compiles is kept, so that only a first run waits for it; and a folder for it."""

import atexit
import logging
import os
import shutil
import tempfile
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numba

from latentclust.errors import LatentclustError

SETTING = "NUMBA_CACHE_DIR"
# UMAP and what it imports keep their compiled functions, each beside its own source or in the user's folder.
CACHING = ("umap", "pynndescent")
# These UMAP compiles anew in every process, which takes nine seconds, although numba can keep them.
FORGOTTEN = (
    ("umap.umap_", "smooth_knn_dist"),
    ("umap.umap_", "compute_membership_strengths"),
    ("umap.layouts", "_nb_optimize_layout_euclidean_single_epoch"),
)

log = logging.getLogger(__name__)


def import_umap() -> Any:
    """Import the class ``UMAP``, which takes seconds, and have numba keep all that it compiles of it.

    Raises
    ------
    LatentclustError
        If there is no folder to write to, or the environment names one that cannot be written.
    ImportError
        If it is not installed.
    """
    ensure_numba_cache()
    kind = import_module("umap").UMAP
    for module, name in FORGOTTEN:
        with suppress(ImportError, AttributeError):  # other versions have other functions
            keep_compiled(getattr(import_module(module), name))
    return kind


def keep_compiled(function: Any) -> None:
    """Have numba keep what it compiles of a function for later processes, if it finds a place for it.

    A function that is not compiled, as with ``NUMBA_DISABLE_JIT=1``, stays what it is.
    """
    if not hasattr(function, "enable_caching") or function.stats.cache_path is not None:
        return
    try:
        function.enable_caching()
    except RuntimeError:  # "cannot cache function: no locator available"
        log.debug("%s is compiled in every process: no folder can be written", function.__name__)


def ensure_numba_cache() -> None:
    """Give numba a temporary folder where it can write neither beside UMAP's files nor in the user's folder.

    That is so with a read-only home and environment, as in a cluster's container. The folder belongs to this
    process alone, for a cache holds code; it is removed at the end. Does nothing if numba can write.

    Raises
    ------
    LatentclustError
        If there is no folder to write to, or the environment names one that cannot be written.
    """
    if all(_can_cache(package) for package in CACHING):
        return
    if os.environ.get(SETTING):
        raise LatentclustError(
            f"{SETTING} is {os.environ[SETTING]}, which cannot be written: set it to a folder that can"
        )
    try:
        folder = tempfile.mkdtemp(prefix="latentclust-numba-")
    except OSError as error:
        raise LatentclustError(
            f"numba has no folder for what it compiles ({error.strerror}): set {SETTING} to one"
        ) from error
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ[SETTING] = numba.config.CACHE_DIR = folder  # type: ignore[attr-defined]
    log.info("Compiling UMAP takes seconds in each run: set %s to a folder that can be written", SETTING)


def _can_cache(package: str) -> bool:
    """Whether numba finds a place for functions of this package; one that is not installed needs none."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return True
    names: dict[str, Any] = {}
    exec(compile("def probe(): pass", spec.origin, "exec"), names)
    try:
        numba.njit(cache=True)(names["probe"])
    except RuntimeError:  # "cannot cache function: no locator available"
        return False
    return True
