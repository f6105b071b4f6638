"""Draw inputs from a trained model."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentclust import figures
from latentclust.atomic import whole_file
from latentclust.errors import LatentclustError
from latentclust.gallery.pictures import Painter, in_rows
from latentclust.hardware import choose_accelerator
from latentclust.models import HasMixture, LatentModel, Samples
from latentclust.registry import MODELS
from latentclust.runs.checkpoints import check_class, read_checkpoint
from latentclust.runs.rebuilding import rebuild
from latentclust.runs.run import Run, tell
from latentclust.settings import Settings
from latentclust.tasks.evaluate import begin, require_trained


def generate(settings: Settings, run: Run) -> None:
    """Write ``generated.png`` and ``generated.npz``: images (n, C, H, W), and of VaDE their clusters (n,).

    Of a model of vectors, the file has inputs (n, P) in the units of the training's, and ``generated.csv`` is
    the same as a table.

    Raises
    ------
    LatentclustError
        If there is no checkpoint, its model does not generate, or it has no such cluster.
    """
    begin(settings, run)
    path = require_trained(settings.task.name, run)
    assert settings.n is not None
    checkpoint = read_checkpoint(path)
    kind = MODELS[settings.model.name]
    check_class(path, checkpoint, kind)
    model = rebuild(path, checkpoint, kind)
    if not isinstance(model, HasMixture | Samples):
        raise LatentclustError(
            f"model={settings.model.name} has no distribution of codes to draw from: give ckpt_path of a "
            "VAE or a VaDE run"
        )
    model.to(choose_accelerator(settings.trainer.accelerator)).eval()
    generator = torch.Generator(model.device).manual_seed(settings.seed)
    clusters: Tensor | None = None
    with torch.no_grad():
        if isinstance(model, HasMixture):
            codes, clusters = model.sample_codes(settings.n, settings.cluster, generator)
            drawn = model.decode(codes)
            source = "the mixture" if settings.cluster is None else f"component {settings.cluster}"
        elif settings.cluster is None:
            drawn = model.sample(settings.n, generator)
            source = "N(0, I)"
        else:
            raise LatentclustError(
                f"model={settings.model.name} has no clusters to draw from: leave out cluster=..."
            )
    paint = Painter.of(drawn)
    grid = figures.image_grid(
        in_rows(paint(drawn)), title=f"{kind.__name__} on {settings.data.name}: samples of {source}"
    )
    written = [figures.save(grid, run.folder / "generated.png", svg=settings.figures.svg)]
    written += keep(run.folder, model, drawn.cpu(), clusters)
    tell(f"{settings.n} {paint.noun}: {', '.join(str(path) for path in written)}")


def keep(folder: Path, model: LatentModel, drawn: Tensor, clusters: Tensor | None) -> list[Path]:
    """Write what was drawn ``(n, C, H, W)`` or ``(n, P)``, and return the files."""
    arrays: dict[str, Any] = {"images": drawn} if drawn.dim() > 2 else {"inputs": as_inputs(model, drawn)}
    if clusters is not None:
        arrays["clusters"] = clusters.cpu()
    path = folder / "generated.npz"
    with whole_file(path) as file:
        np.savez_compressed(file, **arrays)
    if drawn.dim() > 2:
        return [path]
    names = model.description.feature_names if model.description is not None else ()
    rows: list[list[str]] = [[f"{number:.7g}" for number in row] for row in arrays["inputs"].tolist()]
    columns = list(names) or [f"x{place + 1}" for place in range(len(rows[0]))]
    if clusters is not None:
        columns.append("cluster")
        rows = [[*row, str(cluster)] for row, cluster in zip(rows, clusters.tolist(), strict=True)]
    return [path, write_table(folder / "generated.csv", columns, rows)]


def as_inputs(model: LatentModel, x: Tensor) -> Tensor:
    """Undo the preprocessing of vectors ``(n, P)``, as far as that is possible."""
    return x if model.description is None else model.description.preprocess.cpu().inverse(x)


def write_table(path: Path, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Path:
    """Write rows as comma-separated text with a header."""
    with whole_file(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        csv.writer(text, lineterminator="\n").writerows([columns, *rows])
        text.flush()
        text.detach()
    return path
