"""A folder of pictures: classes by sub-folders, if there are any."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from latentclust.data.checks import require_variety
from latentclust.data.found import Found, find_images
from latentclust.data.kept import keep, place_of_inputs, taken
from latentclust.data.looks import Looks
from latentclust.data.pictures import Pictures, Size, read_images, sizes_of, told_of, whites_of
from latentclust.data.shades import KINDS, WHITES
from latentclust.data.splits import Source, Split, require_limit, uniform_choice
from latentclust.errors import LatentclustError

PROPOSED = 64  # pixels along each side
TRAIN = ("train", "training")
TEST = ("test", "testing", "val", "valid", "validation")


class Eyes(Protocol):
    """Turns images into vectors, as a pretrained network does."""

    @property
    def side(self) -> int:
        """Pixels along each side of the squares that it takes."""

    def __call__(self, images: Tensor) -> Tensor:
        """Turn uint8 images ``(n, C, H, W)`` into float32 vectors ``(n, P)``."""

    def plain(self) -> dict[str, Any]:
        """Say what the vectors depend on, in plain values."""

    def note(self, n_features: int) -> str:
        """Say what vectors of this length are."""


def load_folder(
    path: str | Path,
    *,
    size: int | Sequence[int] | None = None,
    color: str = "rgb",
    on_error: str = "skip",
    cache_dir: str | Path | None = None,
    eyes: Eyes | None = None,
    limit: int | None = None,
) -> Source:
    """Load the pictures of a folder and its sub-folders.

    Parameters
    ----------
    path
        The folder. With two or more sub-folders, and no picture beside them, they are the classes; two
        called train and test are the publisher's split, their sub-folders the classes.
    size
        The side of a square, or height and width; by default the one that all pictures have.
    color
        ``gray`` or ``rgb``.
    on_error
        ``skip`` leaves out what cannot be read, and says so in the notes; ``stop`` raises an error.
    cache_dir
        Where the arrays are kept for later runs; None for nowhere.
    eyes
        Turns the images into vectors.
    limit
        If given, this many pictures are read and no others, drawn as by `uniform_subset`: those of them that
        cannot be read are missing. A folder that is split into train and test is read as a whole.

    Raises
    ------
    LatentclustError
        If the folder has no pictures, one only, or all the same; if they have several sizes and none is
        given; if one cannot be read, where that is to stop.
    """
    folder = Path(path).expanduser()
    try:
        found = find_images(folder)
        whole = found.names
        limited = limit is not None and not _is_split(found.names)
        if limit is not None and limited:
            require_limit(limit, len(found.names))
            chosen = uniform_choice(len(found.names), limit).tolist()
            found = Found([found.names[i] for i in chosen], found.others)
        target = _target(folder, found, size, eyes)
        pictures = _read(folder, found, target, color, cache_dir, eyes)
        if pictures.failures and on_error == "stop":
            first, others = min(pictures.failures), len(pictures.failures) - 1
            like = f", like {others:,} other{'s' * (others > 1)}" if others else ""
            raise LatentclustError(
                f"{found.names[first]} cannot be read ({pictures.failures[first]}){like}: mend or remove "
                f"{'them' if others else 'it'}, or give data.on_error=skip"
            )
        if len(pictures.kept) < 2:
            raise LatentclustError(
                f"{len(pictures.kept)} of {len(found.names)} pictures can be read, which are too few to "
                f"cluster{_reason(pictures)}"
            )
        require_variety(pictures.inputs, "pictures")
    except LatentclustError as error:
        raise LatentclustError(f"{folder}: {error}") from error
    names = [found.names[i] for i in pictures.kept]
    reading: dict[str, Any] = {"reader": "folder", "size": list(target), "color": color, "on_error": on_error}
    if pictures.whites:
        reading["whites"] = dict(pictures.whites)
    notes, looks = _notes(found, pictures), None
    if eyes is not None:
        reading["backbone"] = eyes.plain()
        notes += (eyes.note(pictures.inputs.shape[1]),)
        looks = Looks.of_files([folder / name for name in names], target, color, pictures.whites)
    return replace(_source(whole, names, pictures.inputs, looks, notes, reading), limited=limited)


def _target(folder: Path, found: Found, size: int | Sequence[int] | None, eyes: Eyes | None) -> Size:
    """Return the height and width that all images are to have."""
    if size is None and eyes is not None:
        size = eyes.side
    if size is not None:
        return (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))
    sizes = [
        known for known in sizes_of([folder / name for name in found.names]) if not isinstance(known, str)
    ]
    different = sorted(set(sizes))
    if len(different) > 1:
        (low, left), (high, right) = different[0], different[-1]
        side = min(PROPOSED, max(8, min(min(one) for one in different)))
        raise LatentclustError(
            f"the pictures have {len(different):,} sizes, such as {left} x {low} and {right} x {high}: give "
            f"data.size={side} to cut out squares from their middle and resize them, or data.size=[H,W]"
        )
    return different[0] if different else (PROPOSED, PROPOSED)


def _read(
    folder: Path, found: Found, size: Size, color: str, cache_dir: str | Path | None, eyes: Eyes | None
) -> Pictures:
    """Read the pictures, or take them from the cache."""
    paths = [folder / name for name in found.names]
    if cache_dir is None:
        return read_images(paths, size, color, eyes, whites_of(paths))
    depends_on = {
        "files": [[name, *_stamp(path)] for name, path in zip(found.names, paths, strict=True)],
        "size": size,
        "color": color,
        "eyes": None if eyes is None else eyes.plain(),
        "shades": WHITES,
    }
    cache = place_of_inputs(cache_dir, "pictures" if eyes is None else "features", depends_on)
    arrays = taken(cache)
    if arrays is not None:
        failures = {int(i): why for i, why in json.loads(str(arrays["failures"])).items()}
        whites = json.loads(str(arrays["whites"]))
        return Pictures(torch.from_numpy(arrays["inputs"]), arrays["kept"].tolist(), failures, whites)
    pictures = read_images(paths, size, color, eyes, whites_of(paths))
    told = {name: np.array(json.dumps(getattr(pictures, name))) for name in ("failures", "whites")}
    keep(cache, inputs=pictures.inputs.numpy(), kept=np.array(pictures.kept, np.int64), **told)
    return pictures


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:  # a link to nothing
        return 0, 0
    return status.st_size, status.st_mtime_ns


def _reason(pictures: Pictures) -> str:
    return f" ({next(iter(pictures.failures.values()))})" if pictures.failures else ": add some"


def _notes(found: Found, pictures: Pictures) -> tuple[str, ...]:
    notes = []
    if found.others:
        n, first = len(found.others), found.others[0]
        many = f"{n:,} files are no pictures, such as {first}: left out"
        notes.append(many if n > 1 else f"{first} is no picture: left out")
    if pictures.whites:
        white = ", and ".join(f"{white:,} in {KINDS[kind]}" for kind, white in pictures.whites.items())
        notes.append(f"of the pictures of more than 8 bits, white is {white}: the same in all")
    return (*notes, *told_of(found.names, pictures.failures))


def _source(
    whole: list[str],
    names: list[str],
    inputs: Tensor,
    looks: Looks | None,
    notes: tuple[str, ...],
    reading: Mapping[str, Any],
) -> Source:
    """Put what was read into splits; the classes are those of the whole folder."""
    parts = [tuple(name.split("/")) for name in whole]
    # Names that are no text, as some systems allow, are written as escapes.
    ids = tuple(name.encode("utf-8", "backslashreplace").decode() for name in names)
    split = _is_split(names)
    labels, classes, note = _classes([part[1:] if split else part for part in parts])
    places = {name: place for place, name in enumerate(whole)}
    kept = torch.tensor([places[name] for name in names])
    read = Split(inputs, None if labels is None else labels[kept], ids, looks)
    notes += (note,) if note else ()
    if not split:
        return Source(read, None, classes, (), notes, reading)
    is_test = torch.tensor([part[0].lower() in TEST for part in parts])[kept]
    return Source(read[~is_test], read[is_test], classes, (), notes, reading)


def _is_split(names: Sequence[str]) -> bool:
    """Whether all pictures lie in two sub-folders that are called train and test."""
    parts = [name.split("/") for name in names]
    tops = {part[0].lower() for part in parts if len(part) > 1}
    both = len(tops) == 2 and bool(tops & {*TRAIN}) and bool(tops & {*TEST})
    return both and all(len(part) > 1 for part in parts)


def _classes(parts: list[tuple[str, ...]]) -> tuple[Tensor | None, tuple[str, ...], str]:
    """Return labels ``(N,)`` by the first sub-folder, the classes, and what is to be said of them."""
    tops = sorted({part[0] for part in parts if len(part) > 1})
    beside = sum(len(part) == 1 for part in parts)
    if len(tops) < 2:
        return None, (), ""
    if beside:
        return (
            None,
            (),
            f"{beside:,} pictures lie beside the sub-folders, which are thus no classes",
        )
    numbers = {name: number for number, name in enumerate(tops)}
    labels = torch.tensor([numbers[part[0]] for part in parts])
    return labels, tuple(tops), f"the {len(tops)} sub-folders are the classes, for evaluation alone"
