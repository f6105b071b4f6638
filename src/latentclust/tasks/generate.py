"""Draw inputs from a trained model."""

from typing import Any

import numpy as np
import torch

from latentclust import figures
from latentclust.atomic import whole_file
from latentclust.errors import LatentclustError
from latentclust.gallery.pictures import as_pictures, in_rows
from latentclust.hardware import choose_accelerator
from latentclust.models import HasMixture, Samples
from latentclust.registry import MODELS
from latentclust.runs.checkpoints import check_class, read_checkpoint
from latentclust.runs.rebuilding import rebuild
from latentclust.runs.run import Run, tell
from latentclust.settings import Settings
from latentclust.tasks.evaluate import begin, require_trained


def generate(settings: Settings, run: Run) -> None:
    """Write ``generated.png`` and ``generated.npz``: images (n, C, H, W), and of VaDE their clusters (n,).

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
    with torch.no_grad():
        if isinstance(model, HasMixture):
            codes, clusters = model.prior.sample(settings.n, settings.cluster, generator)
            images = model.decode(codes)
            arrays: dict[str, Any] = {"images": images.cpu(), "clusters": clusters.cpu()}
            source = "the mixture" if settings.cluster is None else f"component {settings.cluster}"
        elif settings.cluster is None:
            images = model.sample(settings.n, generator)
            arrays = {"images": images.cpu()}
            source = "N(0, I)"
        else:
            raise LatentclustError(
                f"model={settings.model.name} has no clusters to draw from: leave out cluster=..."
            )
    written = run.folder / "generated.npz"
    with whole_file(written) as file:
        np.savez_compressed(file, **arrays)
    grid = figures.image_grid(
        in_rows(as_pictures(images)), title=f"{kind.__name__} on {settings.data.name}: samples of {source}"
    )
    picture = figures.save(grid, run.folder / "generated.png", svg=settings.figures.svg)
    tell(f"{settings.n} images: {picture} and {written}")
