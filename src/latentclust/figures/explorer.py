"""The latent space in a browser: point at a dot and see the image it stands for."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np

from latentclust.errors import LatentclustError
from latentclust.figures.colorings import by_confidence, by_group, name_of
from latentclust.figures.style import Floats, Integers
from latentclust.figures.thumbnails import sprite_sheet

_PLOT = "explorer-plot"
_DIV = f"""<div class="card explorer">
<div class="explorer-controls" id="explorer-controls" hidden>
<label>Plane <select id="explorer-plane"></select></label>
<label>Color by <select id="explorer-color"></select></label>
<span class="explorer-groups">
<button type="button" id="explorer-show">Show all groups</button>
<button type="button" id="explorer-hide">Hide all</button>
</span>
</div>
<div class="explorer-plot" id="{_PLOT}"><noscript>This plot needs JavaScript.</noscript></div>
<p class="explorer-help">Point at a dot to see its image. Click an entry of the legend to hide its group or \
show it again. Drag to move, Ctrl and scroll to zoom.</p>
</div>"""


class Explorer(NamedTuple):
    """The parts of a page that make an explorer; one to a page, and nothing of it comes from elsewhere."""

    head: str
    """The styles, for the page's head."""
    div: str
    """What is seen, for the page's body."""
    script: str
    """Data and programs, for the end of the body."""
    sources: tuple[str, ...]
    """What a Content-Security-Policy must name under ``script-src`` so that only these programs may run.

    Under ``img-src`` it must allow ``blob:`` and ``data:``."""


def explorer(
    points: Floats | Mapping[str, Floats],
    images: Floats,
    clusters: Integers,
    confidence: Floats | None = None,
    labels: Integers | None = None,
    *,
    class_names: Sequence[str] | None = None,
    axis_labels: tuple[str, str] | Mapping[str, tuple[str, str]] | None = None,
) -> Explorer:
    """Draw a plane of the latent space in which every dot shows its image.

    Dots are colored by cluster, by label or by confidence, as the reader chooses, and a click on the legend
    hides a group. No server: the page works offline.

    Parameters
    ----------
    points
        Codes in the plane, (M, 2); or several planes by name, among which the reader chooses. A few
        thousand points draw smoothly.
    images
        What the points stand for, in [0, 1]: (M, H, W), or (M, H, W, C) with C of 1 or 3. Shown as
        thumbnails (see `sprite_sheet` for their size).
    clusters
        The cluster of each point, (M,); negative means none.
    confidence
        How sure the model is of that cluster, (M,) in [0, 1], such as the largest responsibility.
    labels
        The class of each point, (M,); negative means none.
    class_names
        A name for each class; the numbers themselves if not given.
    axis_labels
        What the axes measure; with several planes, by the plane's name. A plane without them carries no
        ticks, as after t-SNE, whose units mean nothing.

    Returns
    -------
    Explorer
        HTML for `render_report`; the same arrays give the same bytes.

    Raises
    ------
    LatentclustError
        Arrays that do not fit together, hold NaN, or leave their range.
    """
    planes = dict(points) if isinstance(points, Mapping) else {"latent space": points}
    if not isinstance(axis_labels, Mapping):
        axis_labels = dict.fromkeys(planes, axis_labels) if axis_labels else {}
    count = _check(planes, images, clusters, confidence, labels, class_names)

    # In a shuffled order: group after group would bury the first ones under the last.
    order = np.random.default_rng(0).permutation(count)
    facts: dict[str, Any] = {"cluster": [name_of(number, None) for number in clusters[order].tolist()]}
    colorings = [by_group("cluster", clusters[order])]
    if labels is not None:
        colorings.append(by_group("label", labels[order], class_names))
        facts["label"] = [name_of(number, class_names) for number in labels[order].tolist()]
    if confidence is not None:
        colorings.append(by_confidence(confidence[order]))
        facts["confidence"] = confidence[order].astype(np.float32)
    sheet = sprite_sheet(images[order])

    from latentclust.figures.explorer_plot import bokeh_js, plot_item  # here: Bokeh takes a second to import

    data = {
        "item": plot_item(
            {name: plane[order] for name, plane in planes.items()},
            axis_labels,
            colorings,
            facts,
            sheet,
            _PLOT,
        ),
        "sheet": sheet.png,
        "planes": [{"name": name, "labels": axis_labels.get(name)} for name in planes],
        "colorings": [{"key": each.key, "name": each.name.lower()} for each in colorings],
    }
    programs = (bokeh_js(), _resource("explorer.js"))
    return Explorer(
        head=f"<style>\n{_resource('explorer.css')}</style>",
        div=_DIV,
        script="\n".join([_data_block(data), *(f"<script>{program}</script>" for program in programs)]),
        sources=tuple(_hash_source(program) for program in programs),
    )


def _check(
    planes: Mapping[str, Floats],
    images: Floats,
    clusters: Integers,
    confidence: Floats | None,
    labels: Integers | None,
    class_names: Sequence[str] | None,
) -> int:
    """Return the number of points, if all arrays fit it."""
    count = len(clusters)
    if not planes or count == 0:
        raise LatentclustError("an explorer needs a plane and a point at least")
    for name, plane in planes.items():
        if plane.shape != (count, 2):
            raise LatentclustError(
                f"the plane {name!r} has the shape {plane.shape}, but {count} clusters ask for ({count}, 2)"
            )
        if not np.isfinite(plane).all():
            raise LatentclustError(f"the plane {name!r} holds NaN or infinity: training diverged?")
    for name, array, axes in (
        ("clusters", clusters, 1),
        ("images", images, None),
        ("confidence", confidence, 1),
        ("labels", labels, 1),
    ):
        if array is not None and (len(array) != count or axes not in (None, array.ndim)):
            raise LatentclustError(
                f"{name} of shape {array.shape} do not fit {count} points: there must be one for each point"
            )
    # Written so that NaN fails too.
    if confidence is not None and not (confidence.min() >= 0 and confidence.max() <= 1):
        raise LatentclustError(
            f"confidence goes from {confidence.min():g} to {confidence.max():g}: give probabilities in [0, 1]"
        )
    if labels is not None and class_names and labels.max() >= len(class_names):
        raise LatentclustError(
            f"there are {len(class_names)} class names, but a label is {labels.max()}: name every class"
        )
    return count


def _data_block(data: Any) -> str:
    """Write data for a program of the page; a name with a tag in it must not end the block."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return f'<script type="application/json" id="explorer-data">{text}</script>'


def _hash_source(program: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(program.encode()).digest()).decode()}'"


@cache
def _resource(name: str) -> str:
    return (files("latentclust.figures") / name).read_text(encoding="utf-8")
