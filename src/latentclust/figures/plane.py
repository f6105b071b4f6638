"""A plane of the latent space, decoded: codes on a regular grid, and codes on a line."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from latentclust.errors import LatentclustError
from latentclust.figures.mosaic import mosaic, page, widest
from latentclust.figures.style import DPI, POINTS_PER_INCH, SMALL_SIZE, TEXT_SIZE, Floats, styled

Ranges = tuple[tuple[float, float], tuple[float, float]]
"""Lowest and highest coordinate along the first and along the second axis of a plane."""

_SIDE = 1000  # pixels of the whole grid on the page, about
_TICKS = 7


def plane_ranges(z: Floats, *, dims: tuple[int, int] = (0, 1), coverage: float = 0.98) -> Ranges:
    """Find where in a plane the codes lie: ranges for :func:`plane_codes`.

    Parameters
    ----------
    z
        Codes, (N, D).
    dims
        The two coordinates of the plane.
    coverage
        The share of the codes between the two ends of a range; as many lie below it as above.

    Raises
    ------
    LatentclustError
        There are no codes, they are not finite, or they have no such coordinates.
    """
    if z.ndim != 2 or not len(z) or not np.isfinite(z).all() or not 0 < coverage <= 1:
        raise LatentclustError(
            "the ranges of a plane need finite codes (N, D) with N >= 1 and a coverage in (0, 1], "
            f"not codes of shape {z.shape} and {coverage:g}"
        )
    _check_dims(dims, z.shape[1])
    tail = (1 - coverage) / 2
    first, second = np.quantile(z[:, list(dims)].astype(float), [tail, 1 - tail], axis=0).T.tolist()
    return tuple(first), tuple(second)


def plane_codes(
    latent_dim: int,
    *,
    dims: tuple[int, int] = (0, 1),
    limit: float | Ranges = 3.0,
    n: int = 12,
    center: Floats | None = None,
) -> NDArray[np.float64]:
    """Lay a regular grid of codes over a plane of the latent space.

    Parameters
    ----------
    latent_dim
        D.
    dims
        The two coordinates that vary: the first from left to right, the second from bottom to top.
    limit
        The plane is [-limit, limit]^2, as suits a prior of N(0, I). Elsewhere, as in the latent space of an
        autoencoder or of VaDE, a range for each of the two coordinates, see :func:`plane_ranges`.
    n
        Codes along either axis, both ends included.
    center
        A code from which all others take the coordinates that do not vary, (D,); zeros if not given.

    Returns
    -------
    NDArray
        Codes, (n, n, D): as they are decoded they stand as in a plot, the largest second coordinate on top.

    Raises
    ------
    LatentclustError
        There are no such coordinates, a range is empty, or the center has another size.

    Examples
    --------
    >>> plane_codes(3, limit=1, n=2, center=np.array([0, 0, 5.0])).tolist()
    [[[-1.0, 1.0, 5.0], [1.0, 1.0, 5.0]], [[-1.0, -1.0, 5.0], [1.0, -1.0, 5.0]]]
    """
    _check_dims(dims, latent_dim)
    (left, right), (bottom, top) = _as_ranges(limit)
    if n < 2:
        raise LatentclustError(f"a grid of codes needs n >= 2 along either axis, not {n}")
    if center is not None and center.shape != (latent_dim,):
        raise LatentclustError(f"the center of the plane needs {latent_dim} coordinates, not {center.shape}")
    codes = np.zeros((n, n, latent_dim))
    if center is not None:
        codes[:] = center
    codes[..., dims[0]] = np.linspace(left, right, n)
    codes[..., dims[1]] = np.linspace(top, bottom, n)[:, None]
    return codes


def between(start: Floats, end: Floats, n: int) -> NDArray[np.float64]:
    """Return `n` codes (n, D) at even steps on the line from one code (D,) to another, both included.

    Raises
    ------
    LatentclustError
        The two have not the same size, or `n` leaves no room for both.

    Examples
    --------
    >>> between(np.array([0.0, 4.0]), np.array([1.0, 0.0]), 3).tolist()
    [[0.0, 4.0], [0.5, 2.0], [1.0, 0.0]]
    """
    if start.ndim != 1 or start.shape != end.shape or n < 2:
        raise LatentclustError(
            f"a line needs n >= 2 codes between two of the shape (D,), not {n}, {start.shape}, {end.shape}"
        )
    return np.linspace(start, end, n, dtype=np.float64)


@styled
def plane_grid(
    images: Floats,
    ranges: float | Ranges,
    *,
    title: str,
    axis_labels: tuple[str, str] = ("z1", "z2"),
) -> Figure:
    """Draw a decoded plane of the latent space as one picture without gaps, in latent coordinates.

    Parameters
    ----------
    images
        The decoded codes of :func:`plane_codes`, in [0, 1]: (n, n, H, W), or (n, n, H, W, C) with C of 1 or
        3, from the largest second coordinate to the smallest.
    ranges
        The same as its `limit`: the coordinates of the middles of the outermost images.
    title
        What is shown: data, model, epoch.
    axis_labels
        The names of the two coordinates.

    Returns
    -------
    Figure
        Every pixel enlarged by the same whole number.

    Raises
    ------
    LatentclustError
        The array is not a grid of gray or RGB images, or a range is empty.
    """
    across, up = _as_ranges(ranges)
    side = max(np.multiply(images.shape[:2], images.shape[2:4])) if images.ndim >= 4 else 1
    picture = mosaic(images, scale=max(1, round(_SIDE / max(side, 1))), line=0)
    rows, columns = images.shape[:2]
    edges = _edges(across, columns), _edges(up, rows)
    # Of the height each number needs a line, of the width what it is long.
    ticks_across, texts_across = _ticks(across, picture.shape[1] / DPI * np.ptp(across) / np.ptp(edges[0]))
    ticks_up, texts_up = _ticks(up)
    line = 1.9 * TEXT_SIZE / POINTS_PER_INCH
    figure, axes = page(
        picture,
        title,
        left=widest(texts_up) + line,
        bottom=1.5 * SMALL_SIZE / POINTS_PER_INCH + line,
        right=0.1,
    )
    axes.images[0].set_extent((*edges[0], *edges[1]))
    axes.set_xticks(ticks_across, texts_across)
    axes.set_yticks(ticks_up, texts_up)
    axes.tick_params(length=3)
    axes.set(xlabel=axis_labels[0], ylabel=axis_labels[1])
    return figure


def _as_ranges(limit: float | Ranges) -> Ranges:
    ranges = limit if isinstance(limit, Sequence) else ((-limit, limit), (-limit, limit))
    if (
        np.shape(ranges) != (2, 2)
        or not np.isfinite(ranges).all()
        or any(low >= high for low, high in ranges)
    ):
        raise LatentclustError(
            f"a plane needs a limit above 0, or (low, high) with low < high for both axes, not {limit}"
        )
    return ranges


def _check_dims(dims: tuple[int, int], latent_dim: int) -> None:
    if dims[0] == dims[1] or not all(0 <= dim < latent_dim for dim in dims):
        raise LatentclustError(
            f"a plane of a latent space of {latent_dim} dimensions needs two of the coordinates "
            f"0 to {latent_dim - 1}, not {dims}"
        )


def _edges(axis: tuple[float, float], count: int) -> tuple[float, float]:
    """Return the coordinates of the picture's edges: half an image beyond the middles of the outermost."""
    low, high = axis
    half = (high - low) / max(count - 1, 1) / 2
    return low - half, high + half


def _ticks(axis: tuple[float, float], inches: float | None = None) -> tuple[Floats, list[str]]:
    """Choose round numbers within a range, and few enough to fit side by side into a width in inches."""
    slack = 1e-9 * (axis[1] - axis[0])
    for bins in range(_TICKS, 0, -1):
        values = np.asarray(MaxNLocator(bins, steps=[1, 2, 2.5, 5, 10]).tick_values(*axis))
        values = values[(values >= axis[0] - slack) & (values <= axis[1] + slack)]
        values = np.where(np.abs(values) < slack, 0.0, values)
        texts = [f"{value:.6g}".replace("-", "\u2212") for value in values]
        if inches is None or len(values) * (widest(texts) + 0.05) <= inches:
            break
    return values, texts
