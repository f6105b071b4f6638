"""Pictures of all kinds of files become arrays of one size."""

import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from latentclust import progress
from latentclust.data.memory import require_memory
from latentclust.data.shades import Whites, common_whites, highest, in_8_bits, kind_of
from latentclust.errors import LatentclustError

SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".tif", ".tiff", ".bmp")
DEEP = (".png", ".tif", ".tiff")  # which may have more than 8 bits
MODES = {"gray": "L", "rgb": "RGB"}
SHOWN = 20  # files that are named
CHUNK = 256  # pictures that are decoded before they go on
WORKERS = 16  # threads at most: Pillow works outside of Python's lock
EXIF_ORIENTATION, FIRST_TURNED = 0x0112, 5  # from this orientation on, width and height change places
T = TypeVar("T")
Size = tuple[int, int]
"""Height and width."""


class Pictures(NamedTuple):
    """What could be read."""

    inputs: Tensor
    """uint8 ``(N, C, H, W)``, or what a function has made of them."""
    kept: list[int]
    """Which of the files they are, N ascending numbers."""
    failures: dict[int, str]
    """Why the others could not be read."""
    whites: Whites = {}  # noqa: RUF012  # never changed
    """What is white in those of more than 8 bits."""


def read_images(
    paths: Sequence[Path],
    size: int | Sequence[int],
    color: str = "rgb",
    then: Callable[[Tensor], Tensor] | None = None,
    whites: Whites | None = None,
) -> Pictures:
    """Read pictures of any sizes as images of one size, in parallel.

    Parameters
    ----------
    paths
        PNG, JPEG, WebP, TIFF or BMP files; of several frames the first is read. An orientation in EXIF is
        honored, and what is transparent becomes white.
    size
        The side of a square, or height and width: the middle of a picture is cut out in that shape, and
        resized.
    color
        ``gray`` or ``rgb``: C = 1 or 3.
    then
        Applied to images ``(n, C, H, W)``, some at a time, so that they need not all fit into the memory.
    whites
        What is white in pictures of more than 8 bits, as :func:`whites_of` finds it; None: 65535, or 1 in
        floats. A picture with a larger number is not read.

    Raises
    ------
    LatentclustError
        If they do not fit into the memory.
    """
    height, width = (size, size) if isinstance(size, int) else (int(side) for side in size)
    if then is None:
        channels = len(MODES[color])
        require_memory(
            len(paths) * channels * height * width,
            "give a smaller data.size, as in data.size=64, or fewer images",
        )
    parts: list[Tensor] = []
    kept: list[int] = []
    failures: dict[int, str] = {}

    def one(path: Path) -> NDArray[np.uint8] | str:
        return attempt(lambda: _decoded(path, (height, width), color, whites or {}))

    with progress.task("reading pictures", len(paths)) as task, _threads() as pool:
        for start in range(0, len(paths), CHUNK):
            results = list(pool.map(one, paths[start : start + CHUNK]))
            good = [result for result in results if not isinstance(result, str)]
            kept += [start + i for i, result in enumerate(results) if not isinstance(result, str)]
            failures |= {start + i: result for i, result in enumerate(results) if isinstance(result, str)}
            if good:
                images = torch.from_numpy(np.stack(good))
                parts.append(images if then is None else then(images))
            task.advance(len(results))
    return Pictures(torch.cat(parts) if parts else torch.empty(0), kept, failures, whites or {})


def told_of(names: Sequence[str], failures: Mapping[int, str]) -> list[str]:
    """Say which of N files could not be read, and why, in a line each; of many the first 20."""
    if not failures:
        return []
    told = [f"{len(failures):,} of {len(names):,} pictures cannot be read and are left out:"]
    told += [f"  {names[i]}: {why}" for i, why in sorted(failures.items())[:SHOWN]]
    return told + [f"  and {len(failures) - SHOWN:,} more"] * (len(failures) > SHOWN)


def sizes_of(paths: Sequence[Path]) -> list[Size | str]:
    """Return the height and width of each picture as it is shown, or why it cannot be read."""
    with _threads() as pool:
        return list(pool.map(lambda path: attempt(lambda: _size(path)), paths))


def whites_of(paths: Sequence[Path]) -> dict[str, int]:
    """Find what is white in the pictures of more than 8 bits, by their kinds; nothing if there are none."""

    def look(path: Path) -> tuple[str, float] | None:
        _require_content(path)
        with Image.open(path) as image:
            return highest(image)

    deep = [path for path in paths if path.suffix.lower() in DEEP]
    with _threads() as pool:
        found = list(pool.map(lambda path: attempt(lambda: look(path)), deep))
    return common_whites(one for one in found if isinstance(one, tuple))


def attempt(function: Callable[[], T]) -> T | str:
    """Return a function's result, or say in a few words why a picture cannot be read."""
    try:
        return function()
    except UnidentifiedImageError:
        return "no picture, whatever its name says"
    except Image.DecompressionBombError:
        return f"larger than {2 * (Image.MAX_IMAGE_PIXELS or 0) / 1e6:.0f} megapixels: make it smaller"
    except MemoryError:
        return "does not fit into the memory"
    except LatentclustError as error:
        return str(error)
    except OSError as error:
        return error.strerror or " ".join(str(error).split())[:120]
    except Exception as error:  # a damaged file fails in ways that no list foresees
        return " ".join(f"damaged ({type(error).__name__}: {error})".split())[:120]


def _size(path: Path) -> Size:
    _require_content(path)
    with Image.open(path) as image:
        width, height = image.size
        turned = image.getexif().get(EXIF_ORIENTATION, 1) >= FIRST_TURNED
    return (width, height) if turned else (height, width)


def _decoded(path: Path, size: Size, color: str, whites: Whites) -> NDArray[np.uint8]:
    """Return a picture as ``(C, H, W)``."""
    height, width = size
    _require_content(path)
    with Image.open(path) as opened:
        # A JPEG can be decoded at a half, a quarter or an eighth: never below twice the size that is wanted.
        opened.draft(None, (2 * max(size), 2 * max(size)))
        image = _plain(ImageOps.exif_transpose(opened), whites).convert(MODES[color])
    if image.size != (width, height):
        image = ImageOps.fit(image, (width, height), Image.Resampling.BICUBIC)
    array = np.asarray(image, dtype=np.uint8)
    return np.ascontiguousarray(array[np.newaxis] if array.ndim == 2 else np.moveaxis(array, -1, 0))


def _require_content(path: Path) -> None:
    if not path.is_file():  # a pipe would be waited for without end
        raise LatentclustError("no file, or a link to none")
    if path.stat().st_size == 0:
        raise LatentclustError("an empty file")


def _plain(image: Image.Image, whites: Whites) -> Image.Image:
    """Return a picture of 8 bits without transparency."""
    if kind_of(image) is not None:
        return in_8_bits(image, whites)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image


@contextmanager
def _threads() -> Iterator[ThreadPoolExecutor]:
    """Yield threads in which Pillow's warnings are silent: of large pictures, and of odd EXIF data."""
    with warnings.catch_warnings(), ThreadPoolExecutor(min(WORKERS, os.cpu_count() or 1)) as pool:
        warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield pool
