"""Show a run: figures as files and in TensorBoard, the embedding projector, and the report."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from lightning.pytorch.loggers import Logger, TensorBoardLogger
from matplotlib.figure import Figure
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from latentclust import figures, progress
from latentclust.atomic import whole_file
from latentclust.data import DataModule
from latentclust.errors import LatentclustError
from latentclust.evaluation.results import Result
from latentclust.gallery.decoded import generation
from latentclust.gallery.draw import History, Planes, draw, embed, latent_space
from latentclust.gallery.view import View
from latentclust.models import LatentModel
from latentclust.settings.figures import Figures, Plane
from latentclust.training.inference import Looked

CAPTIONS, EXPLORED, PLANE = "captions.json", "explorer.npz", "plane: "
SKETCHED = ("latent", "samples", "reconstructions")


def show(
    settings: Figures,
    folder: Path,
    data: DataModule,
    model: LatentModel,
    own: Result,
    history: History,
    *,
    title: str,
    seed: int,
    loggers: Iterable[Logger] = (),
    looked: Looked | None = None,
    into: Tensor | None = None,
) -> None:
    """Write ``figures/*.png`` into a run's folder, to TensorBoard's images and its projector.

    Parameters
    ----------
    settings, folder
        What is drawn, and the run's folder.
    data, model, own
        The inputs, the model and its own clustering.
    history
        Pairs of epoch and value by the metric's name.
    title
        What every title begins with: model and data.
    seed
        Of the embeddings.
    loggers
        TensorBoard's is among them, if it is wanted.
    looked
        What the model says of the pool, for the galleries of what is odd; none are drawn without it.
    into
        The merged cluster of each of the model's ``(K,)``; None: they are not merged.
    """
    step = max((epoch for series in history.values() for epoch, _ in series), default=0)
    title = f"{title}, epoch {step}" if step else title
    view = View.of(data, model.to(data.pool.inputs.device).eval(), title, own.clusters, into)
    part = view.first(settings.embedding.size)
    planes = embed(settings.embedding, seed, part)
    writers = [logger.experiment for logger in loggers if isinstance(logger, TensorBoardLogger)]
    captions = {}
    drawings = draw(settings.plane, data, model, view, planes, own, history, looked)
    for drawing in drawings:
        path = figures.save(drawing.figure, folder / "figures" / drawing.name, svg=settings.svg)
        captions[drawing.caption] = path.name
        progress.current().advance(note=drawing.name)
        for writer in writers:
            writer.add_figure(drawing.name, drawing.figure, step)
    with whole_file(folder / "figures" / CAPTIONS) as file:
        file.write((json.dumps(captions, indent=1) + "\n").encode())
    if settings.projector:
        for writer in writers:
            project(writer, part, step)
    keep_explored(folder, part, planes)


def sketch(
    settings: Plane, title: str, data: DataModule, model: LatentModel, epoch: int
) -> Iterator[tuple[str, Figure]]:
    """Draw what is worth a look during training: latent space, samples, reconstructions."""
    view = View.of(data, model, f"{title}, epoch {epoch}")
    for drawing in (*latent_space(view), *generation(settings, model, view)):
        if drawing.name in SKETCHED:
            yield drawing.name, drawing.figure


def project(writer: SummaryWriter, view: View, step: int) -> None:
    """Write the codes for TensorBoard's embedding projector, each with its picture."""
    columns = {"cluster": view.clusters.tolist()}
    if view.labels is not None:
        columns["class"] = [view.class_names[label] for label in view.labels]
    if view.confidence is not None:
        columns["confidence"] = view.confidence.round(3).tolist()
    writer.add_embedding(
        view.codes.astype(np.float32),
        # A header asks for rows of at least two cells.
        metadata=list(zip(*columns.values(), strict=True)) if len(columns) > 1 else columns["cluster"],
        metadata_header=list(columns) if len(columns) > 1 else None,
        label_img=view.thumbnails,
        global_step=step,
        tag="codes",
    )


def keep_explored(folder: Path, view: View, planes: Planes) -> None:
    """Keep what the report's explorer shows, so that the report can be made again."""
    own = "Latent space" if view.codes.shape[1] <= 2 else "PCA of the latent space"
    all_planes = {own: view.plane.project(view.codes), **planes}
    arrays: dict[str, Any] = {
        "pictures": (view.small_pictures * 255).round().astype(np.uint8),
        "clusters": view.clusters,
        "class_names": np.array(view.class_names, dtype=str),
        "axis_labels": np.array(view.plane.labels, dtype=str),
        **{PLANE + name: points for name, points in all_planes.items()},
    }
    if view.labels is not None:
        arrays["labels"] = view.labels
    if view.confidence is not None:
        arrays["confidence"] = view.confidence
    with whole_file(folder / "figures" / EXPLORED) as file:
        np.savez_compressed(file, **arrays)


def add_figure(folder: Path, caption: str, name: str, *, first: bool = False) -> None:
    """Let the report of a run's folder show a figure that lies among the others."""
    path = folder / "figures" / CAPTIONS
    captions: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    captions = {caption: name, **captions} if first else {**captions, caption: name}
    with whole_file(path) as file:
        file.write((json.dumps(captions, indent=1) + "\n").encode())


def write_report(folder: Path) -> Path:
    """Make ``report.html`` of what a run's folder holds.

    Raises
    ------
    LatentclustError
        If it is not the folder of a finished run.
    """
    try:
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        captions = json.loads((folder / "figures" / CAPTIONS).read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise LatentclustError(
            f"no report can be made of '{folder}': give the folder of a run that has drawn its figures"
        ) from error
    paths = {caption: folder / "figures" / name for caption, name in captions.items()}
    with progress.task("report"):
        return figures.render_report(
            summary, paths, folder / "report.html", explored(folder), account=kept_account(folder)
        )


def kept_account(folder: Path) -> dict[str, Any] | None:
    """Read what a run has kept of its clusters in a few numbers; None if it has kept nothing."""
    try:
        kept: dict[str, Any] = json.loads((folder / "clusters.json").read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):  # a run of an earlier version
        return None
    return kept


def explored(folder: Path) -> figures.Explorer | None:
    """Build the report's explorer of what the run has kept; None if it has kept nothing."""
    path = folder / "figures" / EXPLORED
    if not path.is_file():
        return None
    with np.load(path) as kept:
        planes = {name.removeprefix(PLANE): kept[name] for name in kept.files if name.startswith(PLANE)}
        own = next(iter(planes))
        return figures.explorer(
            planes,
            kept["pictures"] / 255,
            kept["clusters"],
            confidence=kept.get("confidence"),
            labels=kept.get("labels"),
            class_names=kept["class_names"].tolist() or None,
            axis_labels={own: tuple(kept["axis_labels"].tolist())},
        )
