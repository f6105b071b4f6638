"""One page for one run: results, facts and figures, in a single file that needs no network."""

import base64
import json
import mimetypes
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, Template

from latentclust.atomic import whole_file
from latentclust.figures.explorer import Explorer

_SCORES = ("acc", "nmi", "ari")
# Bytes of assignments.csv up to which the report holds it.
LARGEST_INSIDE = 2_000_000
# Without labels: a score's key, its heading, how it is written, and whether a higher one is better.
_UNLABELED = (
    ("silhouette", "Silhouette", "{:.3f}", True),
    ("davies_bouldin", "Davies-Bouldin", "{:.3f}", False),
    ("confidence", "Confidence", "{:.1%}", None),
    ("held_out_bound", "Held-out bound", "{:.2f}", None),
)
_SETS = {"pool": "Clustered", "test": "Test"}
# Latent dimensions whose KL divergence is written out.
SHOWN_DIMS = 16


def render_report(
    summary: Mapping[str, Any],
    figures: Mapping[str, Path],
    path: str | Path,
    explorer: Explorer | None = None,
    account: Mapping[str, Any] | None = None,
) -> Path:
    """Write the report of a run as one self-contained HTML file.

    Parameters
    ----------
    summary
        What ``summary.json`` holds: command, commit, date, device, model, data, versions, seconds, results,
        clusters, config, warnings, inputs (what was clustered, images by default). Keys that are missing or
        None are left out of the page.
    figures
        Image files (PNG or SVG) by their captions, in the order of the page. One that cannot be read
        becomes a warning there: hours of training are not lost to a missing picture.
    path
        Where to write.
    explorer
        The latent space to look around in, shown above the figures and left out in print.
    account
        The clusters in a few numbers, as :func:`latentclust.evaluation.account.account` gives them. With them
        the page links to the ``assignments.csv`` beside it.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    LatentclustError
        The place cannot be written.
    """
    pictures, unread = embed(figures)
    results, inputs = summary.get("results") or [], summary.get("inputs", "images")
    clusters = [] if account is None else account["clusters"]
    labeled = any((row.get("pool") or {}).get("acc") is not None for row in results)
    page = template("report.html.j2").render(
        title=" on ".join(str(summary[key]) for key in ("model", "data") if summary.get(key)) or "A run",
        summary=summary,
        warnings=[*(summary.get("warnings") or []), *unread],
        sets={key: f"{name} {inputs}" for key, name in _SETS.items() if any(row.get(key) for row in results)}
        if labeled
        else {},
        scores=_SCORES,
        best=_best(results),
        sentence=None if account is None else sentence(account, inputs),
        clusters=clusters,
        has_confidence=any("confidence" in row for row in clusters),
        has_classes=any("purity" in row for row in clusters),
        download=_download(Path(path).with_name("assignments.csv")) if account is not None else None,
        unlabeled=None if labeled else _unlabeled(results),
        health=_health(summary.get("health")),
        facts=_facts(summary),
        figures=pictures,
        explorer=explorer,
        config=_as_text(summary.get("config")),
    )
    with whole_file(Path(path)) as file:
        file.write(page.encode())
    return Path(path)


def sentence(account: Mapping[str, Any], inputs: str) -> str:
    """Say what was found.

    >>> found = {"used": 2, "inputs": 1797, "uncertain": 0.031, "unlike": None, "matched": 0.98}
    >>> sentence(found, "images")
    '2 clusters of 1,797 images: 3.1 % uncertain, 98.0 % in the cluster of their class.'
    """
    words = {"uncertain": "uncertain", "matched": "in the cluster of their class"}
    parts = [
        f"{100 * account[key]:.1f} % {text}" for key, text in words.items() if account.get(key) is not None
    ]
    noun = "cluster" if account["used"] == 1 else "clusters"
    told = f": {', '.join(parts)}" if parts else ""
    return f"{account['used']} {noun} of {account['inputs']:,} {inputs}{told}."


def _download(table: Path) -> str | None:
    """Return where the table is to be had: in the page itself if it is small, else beside it."""
    try:
        size = table.stat().st_size
        content = table.read_bytes() if size <= LARGEST_INSIDE else None
    except OSError:
        return None
    if content is None:
        return table.name
    return f"data:text/csv;base64,{base64.b64encode(content).decode()}"


def duration(seconds: float) -> str:
    """Write a duration for a reader.

    >>> [duration(s) for s in (0.84, 75, 8000)]
    ['0.8 s', '1 min 15 s', '2 h 13 min']
    """
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def percent(share: Any) -> str:
    """Write a share in percent, or a dash.

    >>> [percent(share) for share in (0.0614, None)]
    ['6.1 %', '\u2014']
    """
    return f"{100 * share:.1f} %" if isinstance(share, int | float) else "\u2014"


@cache
def template(name: str) -> Template:
    """Return one of the pages' templates."""
    environment = Environment(
        loader=PackageLoader("latentclust", "figures"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["duration"] = duration
    environment.filters["percent"] = percent
    return environment.get_template(name)


def embed(figures: Mapping[str, Path]) -> tuple[list[tuple[str, str]], list[str]]:
    """Turn image files into (caption, data URI) pairs, and those that cannot be read into sentences."""
    pictures, unread = [], []
    for caption, path in figures.items():
        try:
            content = base64.b64encode(Path(path).read_bytes()).decode()
        except OSError as error:
            unread.append(f"The figure \u201c{caption}\u201d could not be read: {error.strerror} ({path}).")
        else:
            pictures.append((caption, f"data:{mimetypes.guess_type(path)[0]};base64,{content}"))
    return pictures, unread


def _facts(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Collect what there is to say about the run, as (name, value) pairs."""
    clusters = summary.get("clusters") or {}
    share, inputs = clusters.get("smallest_share"), summary.get("inputs", "images")
    facts = {
        **{key.capitalize(): summary.get(key) for key in ("data", "model", "commit", "device")},
        "Clusters in use": clusters.get("used"),
        "Smallest cluster": None if share is None else f"{share:.1%} of the {inputs}",
    }
    return [(name, str(value)) for name, value in facts.items() if value is not None]


def _best(results: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], float]:
    """Find the highest value of each set's score."""
    best = {}
    for key in product(_SETS, _SCORES):
        values = [(row.get(key[0]) or {}).get(key[1]) for row in results]
        if known := [value for value in values if value is not None]:
            best[key] = max(known)
    return best


def _unlabeled(results: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Write the scores that need no labels: headings, and rows of (method, [(text, whether best)])."""
    scores = [row.get("unlabeled") or {} for row in results]
    shown = [entry for entry in _UNLABELED if any(row.get(entry[0]) is not None for row in scores)]
    if not shown:
        return None
    rows: list[tuple[str, list[tuple[str, bool]]]] = [(row["method"], []) for row in results]
    for key, _, form, higher in shown:
        known = [row[key] for row in scores if row.get(key) is not None]
        best = None if higher is None or len(results) == 1 else max(known) if higher else min(known)
        for (_, cells), row in zip(rows, scores, strict=True):
            value = row.get(key)
            cells.append(("\u2014", False) if value is None else (form.format(value), value == best))
    for (_, cells), row in zip(rows, results, strict=True):
        pool = row.get("pool") or {}
        cells += [(f"{pool['smallest_share']:.1%}", False), (str(pool["used"]), False)] if pool else []
    return {"headings": [*(entry[1] for entry in shown), "Smallest", "In use"], "rows": rows}


def _health(health: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Write a run's health: facts as (name, value) pairs, and what to try."""
    if not health:
        return None
    facts = [("Clusters in use", f"{health['used']} of {health['n_clusters']}")]
    facts.append(("Smallest cluster", f"{health['smallest_share']:.1%}"))
    if health.get("confidence") is not None:
        facts.append(("Mean confidence", f"{health['confidence']:.1%}"))
    if kl := health.get("kl_per_dimension"):
        facts.append(("Active dimensions", f"{health['active_dimensions']} of {len(kl)}"))
        facts.append(("KL per dimension, nats", ", ".join(f"{value:.2f}" for value in kl[:SHOWN_DIMS])))
        if len(kl) > SHOWN_DIMS:
            facts[-1] = (facts[-1][0], f"{facts[-1][1]}, ... ({len(kl)} in summary.json)")
    return {"facts": facts, "advice": health.get("advice") or []}


def _as_text(config: Any) -> str:
    if not config:
        return ""
    if isinstance(config, str):
        return config
    return json.dumps(config, indent=2, ensure_ascii=False, default=str)
