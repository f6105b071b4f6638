"""Write what a trained model says of every image."""

from typing import Any

import numpy as np
from torch import Tensor

from latentclust.atomic import whole_file
from latentclust.models import LatentModel
from latentclust.runs.run import Run, tell
from latentclust.settings import Settings
from latentclust.tasks.evaluate import assign, load_trained
from latentclust.training.inference import in_chunks


def predict(settings: Settings, run: Run) -> None:
    """Write ``predictions.npz``: the pool's codes (N, D), clusters (N,) and responsibilities (N, K).

    Images that the pool leaves out (``data.pool=train``) get ``test_codes``, ``test_clusters`` and
    ``test_responsibilities``. An AE or a VAE has the clusters of the mixture that was fitted to its codes
    when its training was over; its checkpoint carries it, so an image has the same cluster in every call.
    """
    data, model, _ = load_trained(settings, run)
    arrays, of_what = predictions(model, data.pool.inputs), f"{len(data.pool)} images of the pool"
    if data.held_out is not None:
        held_out = predictions(model, data.held_out.inputs)
        arrays |= {f"test_{name}": array for name, array in held_out.items()}
        of_what += f" and {len(data.held_out)} held-out ones (test_...)"
    path = run.folder / "predictions.npz"
    with whole_file(path) as file:
        np.savez_compressed(file, **arrays)
    tell(f"{of_what}, in their order: {path}")
    tell(f"A row for each, with its confidence: {assign(settings, run, data, model)[0]}")


def predictions(model: LatentModel, images: Tensor) -> dict[str, Any]:
    """Compute codes ``(N, D)``, clusters ``(N,)`` and responsibilities ``(N, K)`` of uint8 images."""
    codes = in_chunks(model.encode, images)
    gamma = in_chunks(model.predict_proba, images)
    arrays = {"codes": codes, "clusters": gamma.argmax(dim=-1), "responsibilities": gamma}
    return {name: array.cpu().numpy() for name, array in arrays.items()}
