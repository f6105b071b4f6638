"""Inputs that took long to read or to compute, kept for later runs."""

import hashlib
import json
import logging
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentclust import __version__
from latentclust.atomic import whole_file
from latentclust.errors import LatentclustError

log = logging.getLogger(__name__)


def place(folder: Path, name: str, suffix: str, depends_on: Mapping[str, Any]) -> Path:
    """Return where a result is kept: the file's name digests everything that the result depends on."""
    digest = hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()
    return folder / f"{name}-{digest[:20]}.{suffix}"


def place_of_inputs(folder: str | Path, name: str, depends_on: Mapping[str, Any]) -> Path:
    """Return where inputs are kept that this release has read or computed."""
    return place(Path(folder).expanduser(), name, "npz", {"latentclust": __version__, **depends_on})


def taken(path: Path) -> dict[str, NDArray[Any]] | None:
    """Read what an earlier run has kept; None if there is nothing, or nothing whole."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            arrays = dict(kept)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        log.warning("%s is damaged: reading everything again", path)
        return None
    log.info("The inputs come from %s", path)
    return arrays


def keep(path: Path, **arrays: NDArray[Any]) -> None:
    """Write arrays for later runs; a place that cannot be written is told, and costs no more than that."""
    try:
        with whole_file(path) as file:
            np.savez(file, allow_pickle=False, **arrays)
    except LatentclustError as error:
        log.warning("The inputs are not kept for later runs: %s", error)
