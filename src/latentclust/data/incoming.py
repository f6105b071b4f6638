"""New inputs for a model that is trained already: a picture, a folder of them, or an array, read in parts."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentclust.data.arrays import read_arrays
from latentclust.data.beside import checked_ids, checked_mask, checked_names
from latentclust.data.checks import MAX_CHANNELS, NUMBERS
from latentclust.data.description import Description
from latentclust.data.found import find_images
from latentclust.data.mapped import Stored
from latentclust.data.pictures import SUFFIXES, read_images, told_of
from latentclust.data.ranges import in_fitted_numbers
from latentclust.data.splits import InputSpec
from latentclust.data.table import read_table
from latentclust.errors import LatentclustError

if TYPE_CHECKING:
    from latentclust.data.backbone import Backbone

ARRAYS = (".npy", ".npz")
TABLES = (".csv", ".tsv", ".parquet")
COLORS = {1: "gray", 3: "rgb"}


class Incoming(NamedTuple):
    """Inputs that have not been read yet."""

    n: int
    """How many there are."""
    ids: tuple[str, ...] | None
    """What each is called; None: by their places."""
    read: Callable[[slice], Tensor]
    """Reads some of them, as they are stored."""
    files: Path | None = None
    """Where their names begin, if they are names of files."""
    skipped: dict[int, str] = {}  # noqa: RUF012  # replaced where anything is skipped
    """Which could not be read, by their places, and why; it grows as they are read."""

    def notes(self) -> list[str]:
        """Say what could not be read, once they have been read.

        Raises
        ------
        LatentclustError
            If that is all of them.
        """
        told = told_of(self.ids or (), self.skipped)
        if told and len(self.skipped) == self.n:
            raise LatentclustError(f"input: no picture of '{self.files}' can be read: {told[1].strip()}")
        return told

    def parts(self, size: int) -> Iterator[tuple[range, Tensor]]:
        """Yield their places and those of them that can be read, ``size`` at a time, in order."""
        for start in range(0, self.n, size):
            places = range(start, min(start + size, self.n))
            yield places, self.read(slice(places.start, places.stop))


def open_inputs(path: str | Path, takes: Description) -> Incoming:
    """Look at new inputs of the kind that a model takes.

    Parameters
    ----------
    path
        A picture, a folder of pictures (its sub-folders too, in the order of their names), an ``.npy`` array,
        which is read in parts, an ``.npz`` file as for ``data=files``, or a table.
    takes
        What the inputs are to be, as the model's own were.

    Raises
    ------
    LatentclustError
        If there is nothing there, it cannot be read, or it is of another kind or shape.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise LatentclustError(f"input: there is no file or folder '{path}'")
    suffix = path.suffix.lower()
    if path.is_dir() or suffix in SUFFIXES:
        return _pictures(path, takes)
    if suffix in TABLES:
        found = _rows(path, takes)
    elif suffix in ARRAYS:
        found = _mapped(path, takes) if suffix == ".npy" else _archive(path, takes)
    else:
        known = ", ".join(SUFFIXES + ARRAYS + TABLES)
        raise LatentclustError(f"input: '{path}' is of no kind that is known: give a folder, {known}")
    _require(found.n > 0, path, "holds no inputs")
    if (eyes := _eyes(takes)) is not None:
        found = found._replace(read=_seen(found.read, eyes))
    _check_shape(path, found.read(slice(0, 1)), takes.spec)

    def read(place: slice) -> Tensor:
        raw = found.read(place).reshape(-1, *takes.spec.shape)
        if takes.spec.kind == "vector":
            raw = raw.float()
        try:
            return in_fitted_numbers(raw, takes)
        except LatentclustError as error:
            raise LatentclustError(f"input: '{path}' {error}") from error

    return found._replace(read=read)


def _eyes(takes: Description) -> "Backbone | None":
    """Return the pretrained network that turned the model's own images into vectors, if one did."""
    if "backbone" not in takes.reading:
        return None
    from latentclust.data.backbone import backbone_of  # here, for torchvision takes a while to import

    return backbone_of(takes.reading["backbone"])


def _seen(stored: Callable[[slice], Tensor], eyes: "Backbone") -> Callable[[slice], Tensor]:
    """Let images be seen by a pretrained network; vectors are taken for what it has given."""

    def read(place: slice) -> Tensor:
        raw = stored(place)
        if raw.dim() == 4 and raw.dtype != torch.uint8 and raw.min() >= 0 and raw.max() <= 1:
            raw = (raw * 255).round().to(torch.uint8)
        return eyes(raw) if raw.dim() == 4 else raw

    return read


def _rows(path: Path, takes: Description) -> Incoming:
    """Read a table as the model's own was."""
    if "columns" not in takes.reading:
        raise LatentclustError(
            f"input: '{path}' is a table, and this model was not trained on one: give {', '.join(ARRAYS)}"
        )
    source = read_table(path, takes.reading)
    rows = source.train.inputs
    return Incoming(len(rows), source.train.ids, lambda place: rows[place])


def _archive(path: Path, takes: Description) -> Incoming:
    """Take all inputs of an ``.npz`` file as they are stored, which are those of an ``.npy`` file then."""
    try:
        arrays = read_arrays(path)
        given = arrays["images"] if "images" in arrays else arrays["x"]
        _require_numbers(given.shape, given.dtype)
        if checked_mask(arrays.get("is_test"), len(given)).any():
            raise LatentclustError("has is_test, which tears its order apart: leave that out")
        ids = checked_ids(arrays.get("ids"), len(given))
        names = checked_names(arrays.get("feature_names"), given.shape[1])
    except LatentclustError as error:
        raise LatentclustError(f"input: '{path}' {error}") from error
    known = takes.feature_names
    if names and known and names != known:
        other = next((one for one in names if one not in known), names[0])
        raise LatentclustError(
            f"input: '{path}' has other features than the model, or in another order, such as {other!r}"
        )
    return Incoming(len(given), ids, lambda place: _as_stored(given[place], takes.spec))


def _mapped(path: Path, takes: Description) -> Incoming:
    """Leave an array in its file, so that only what is read of it is in memory."""
    try:
        stored = Stored.of(path)
        _require_numbers(stored.shape, stored.dtype)
    except LatentclustError as error:
        raise LatentclustError(f"input: '{path}' {error}") from error
    return Incoming(len(stored), None, lambda place: _as_stored(stored.read(place), takes.spec))


def _require_numbers(shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    if len(shape) < 2 or dtype.kind not in NUMBERS:
        raise LatentclustError(f"is {dtype} of shape {shape}: give numbers, a row for each input")


def _as_stored(part: NDArray[Any], spec: InputSpec) -> Tensor:
    """Return images with channels first: 8-bit ones as they are, all other numbers as float32."""
    if part.dtype != np.uint8:
        with np.errstate(over="ignore"):  # what overflows is told as infinite
            part = part.astype(np.float32)
    if part.ndim == 4:
        last = np.moveaxis(part, -1, 1)
        looks_last = part.shape[1:] != spec.shape and part.shape[-1] <= MAX_CHANNELS < part.shape[1]
        part = last if last.shape[1:] == spec.shape or looks_last else part
    if part.ndim == 3:
        part = part[:, None]
    return torch.from_numpy(np.array(part, order="C"))


def _check_shape(path: Path, first: Tensor, spec: InputSpec) -> None:
    shape = tuple(first.shape[1:])
    flat = (int(np.prod(spec.shape)),)
    if shape not in {spec.shape, flat}:
        what = "vectors of" if spec.kind == "vector" else "images of"
        raise LatentclustError(
            f"input: '{path}' holds inputs of shape {_sides(shape)}, and this model takes {what} "
            f"{_sides(spec.shape)}"
        )


def _sides(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))


def _require(holds: bool, path: Path, problem: str) -> None:
    if not holds:
        raise LatentclustError(f"input: '{path}' {problem}")


def _pictures(path: Path, takes: Description) -> Incoming:
    """Find pictures; they are decoded when they are read, as those of a folder are."""
    spec, reading = takes.spec, takes.reading
    eyes = _eyes(takes)
    if spec.kind != "image" and eyes is None:
        raise LatentclustError(
            f"input: '{path}' holds pictures, and this model takes vectors of {_sides(spec.shape)}"
        )
    color = reading.get("color", "rgb" if eyes else COLORS.get(spec.shape[0]))
    size = spec.shape[1:] if eyes is None else reading.get("size", eyes.side)
    if color is None:
        raise LatentclustError(f"this model takes images of {spec.shape[0]} channels, which no picture has")
    root, names = path.parent, [path.name]
    if path.is_dir():
        try:
            root, names = path, find_images(path).names
        except LatentclustError as error:
            raise LatentclustError(f"input: '{path}' {error}") from error

    skipped: dict[int, str] = {}
    stops = len(names) == 1 or reading.get("on_error") == "stop"

    def read(place: slice) -> Tensor:
        chosen = names[place]
        found = read_images([root / name for name in chosen], size, color, eyes, reading.get("whites"))
        if found.failures and stops:
            first = min(found.failures)
            raise LatentclustError(
                f"input: '{root / chosen[first]}' cannot be read ({found.failures[first]}): mend or remove it"
            )
        skipped.update({place.start + i: why for i, why in found.failures.items()})
        return found.inputs

    return Incoming(len(names), tuple(names), read, root, skipped)
