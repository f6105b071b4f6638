"""Images the model drew: samples of each component, and inputs beside their reconstructions."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from latentclust.errors import LatentclustError
from latentclust.figures.mosaic import (
    WHITE,
    Picture,
    highest,
    label_columns,
    label_rows,
    mosaic,
    page,
    widest,
)
from latentclust.figures.style import DPI, SMALL_SIZE, Floats, styled, wrapped

_COLUMNS = 10
_GAP = 24  # pixels between a cluster's mean and its members


@styled
def image_grid(images: Floats, *, title: str, row_labels: Sequence[str] | None = None) -> Figure:
    """Draw rows of images, every pixel enlarged by the same whole number.

    Parameters
    ----------
    images
        R rows of M images in [0, 1]: (R, M, H, W) gray, or (R, M, H, W, C) with C of 1 or 3.
    title
        What is shown: data, model, epoch.
    row_labels
        A text for each row, such as the component and its weight.

    Raises
    ------
    LatentclustError
        The array is not a grid of gray or RGB images.
    """
    picture = mosaic(images)
    labels = [] if row_labels is None else row_labels
    figure, axes = page(picture, title, left=widest(labels))
    label_rows(axes, labels, len(images))
    return figure


@styled
def reconstructions(originals: Floats, decoded: Floats, *, title: str) -> Figure:
    """Draw inputs with what the model made of them right below, ten to a row.

    Parameters
    ----------
    originals, decoded
        As many images each, in [0, 1]: (M, H, W), or (M, H, W, C) with C of 1 or 3.
    title
        What is shown: data, model, epoch.

    Raises
    ------
    LatentclustError
        The two differ in shape, or are not images.
    """
    if originals.shape != decoded.shape or len(originals) == 0:
        raise LatentclustError(
            f"reconstructions need as many inputs as outputs, not {originals.shape} and {decoded.shape}"
        )
    columns = min(_COLUMNS, len(originals))
    blocks = -(-len(originals) // columns)
    # Empty places in the last row are white, like the page.
    rows = np.ones((2 * blocks, columns, *originals.shape[1:]), dtype=originals.dtype)
    for offset, images in enumerate((originals, decoded)):
        for block in range(blocks):
            part = images[block * columns : (block + 1) * columns]
            rows[2 * block + offset, : len(part)] = part
    return image_grid(rows, title=title, row_labels=["input", "output"] * blocks)


@styled
def interpolation(images: Floats, *, title: str, row_labels: Sequence[str] | None = None) -> Figure:
    """Draw how images change along the straight line from one code to another, a line a row.

    Parameters
    ----------
    images
        The decoded codes of R lines at M even steps, see :func:`latentclust.figures.between`, in [0, 1]:
        (R, M, H, W), or (R, M, H, W, C) with C of 1 or 3.
    title
        What is shown: data, model, epoch.
    row_labels
        A text for each row, such as the two components.

    Returns
    -------
    Figure
        Above each column stands which share of the way it has gone, from 0 to 1.

    Raises
    ------
    LatentclustError
        The array is not a grid of gray or RGB images.
    """
    picture = mosaic(images)
    labels = [] if row_labels is None else row_labels
    n_steps = images.shape[1]
    shares = [f"{share:.2g}" for share in np.linspace(0, 1, n_steps)]
    figure, axes = page(picture, title, left=widest(labels), top=highest(shares))
    label_rows(axes, labels, len(images))
    pitch = picture.shape[1] / n_steps
    label_columns(axes, [pitch * (step + 0.5) for step in range(n_steps)], shares)
    return figure


@styled
def prototypes(
    prototype: Floats,
    certain: Sequence[Floats],
    uncertain: Sequence[Floats],
    *,
    title: str,
    row_labels: Sequence[str] | None = None,
) -> Figure:
    """Draw each cluster's decoded mean beside its most and its least certain members.

    Parameters
    ----------
    prototype
        The decoded means of K clusters, in [0, 1]: (K, H, W), or (K, H, W, C) with C of 1 or 3.
    certain, uncertain
        For each cluster the images of its members with the largest and the smallest responsibility, in the
        order in which they are to stand: (M_k, H, W[, C]). A cluster with fewer members than another has
        fewer images, or none, and white cells in their place; an array (K, M, H, W[, C]) will do where all
        have as many.
    title
        What is shown: data, model, epoch.
    row_labels
        A text for each cluster, such as its number and weight.

    Raises
    ------
    LatentclustError
        As many lists of members as clusters are needed, and members as large as the means.
    """
    shape = prototype.shape[1:]
    if any(
        len(members) != len(prototype) or any(images.shape[1:] != shape for images in members)
        for members in (certain, uncertain)
    ):
        raise LatentclustError(
            f"prototypes of the shape {prototype.shape} need a list of images {shape} for each cluster, "
            f"not {[images.shape for images in (*certain, *uncertain)]}"
        )
    groups = {"mean": list(prototype[:, None]), "most certain": certain, "least certain": uncertain}
    return galleries(groups, title=title, row_labels=row_labels)


@styled
def galleries(
    groups: Mapping[str, Sequence[Floats]], *, title: str, row_labels: Sequence[str] | None = None
) -> Figure:
    """Draw a row for each cluster, with images of several kinds beside each other.

    Parameters
    ----------
    groups
        By kind, for each of K clusters its images in [0, 1], ``(M_k, H, W[, C])`` with C of 1 or 3. A cluster
        with fewer images of a kind than another has white cells in their place; a kind without any is left
        out.
    title
        What is shown: data, model, epoch.
    row_labels
        A text for each cluster, such as its number and share.

    Raises
    ------
    LatentclustError
        There is no image.
    """
    pictures = {name: picture for name, images in groups.items() if (picture := _padded(images)) is not None}
    if not pictures:
        raise LatentclustError("a grid of images needs an image at least")
    pieces: list[Picture] = []
    centers, texts, x = [], [], 0
    for name, piece in pictures.items():
        if pieces:
            pieces.append(np.full((len(piece), _GAP, 3), WHITE, dtype=np.uint8))
            x += _GAP
        pieces.append(piece)
        centers.append(x + piece.shape[1] / 2)
        texts.append(wrapped(name, SMALL_SIZE, (piece.shape[1] + _GAP) / DPI))
        x += piece.shape[1]
    labels = [] if row_labels is None else row_labels
    figure, axes = page(np.concatenate(pieces, axis=1), title, left=widest(labels), top=highest(texts))
    label_rows(axes, labels, max(map(len, groups.values())))
    label_columns(axes, centers, texts)
    return figure


def _padded(members: Sequence[Floats]) -> Picture | None:
    """Tile a row for each cluster, white where it has fewer images than another; None if none has any."""
    most = max((len(images) for images in members), default=0)
    if not most:
        return None
    rows = np.ones((len(members), most, *members[0].shape[1:]), dtype=members[0].dtype)
    for row, images in zip(rows, members, strict=True):
        row[: len(images)] = images
    return mosaic(rows)
