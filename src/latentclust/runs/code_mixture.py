"""The clusters of an AE's or a VAE's codes: a mixture that is fitted once and kept in the checkpoints."""

from pathlib import Path

import torch

from latentclust.clustering import fit
from latentclust.data import DataModule
from latentclust.errors import LatentclustError
from latentclust.evaluation.baselines import RESTARTS
from latentclust.models import Clusters, LatentModel
from latentclust.runs.checkpoints import read_checkpoint
from latentclust.runs.run import Run
from latentclust.training.checkpoint_io import WholeCheckpointIO
from latentclust.training.inference import evaluating, in_chunks, looked_at


def fit_code_mixture(data: DataModule, model: LatentModel, n_clusters: int, seed: int) -> None:
    """Fit the model's mixture of ``n_clusters`` components to the codes of what is looked at of the pool.

    Raises
    ------
    LatentclustError
        If a code is not finite.
    """
    with evaluating(model.to(data.pool.inputs.device)):
        codes = in_chunks(model.encode, looked_at(data).inputs)
    model.code_mixture.set_parameters(fit("gmm", codes, n_clusters, seed=seed, n_init=RESTARTS).parameters)
    model.to(codes.device)


def keep_code_mixture(folder: Path, data: DataModule, model: LatentModel, n_clusters: int, seed: int) -> None:
    """Fit a mixture to the codes of the trained model, and put it into ``last.ckpt`` and ``best.ckpt``.

    The best epoch may be an earlier one: then its weights give other codes, which get a mixture of their own.
    A model with clusters of its own, as VaDE's, needs none.
    """
    if isinstance(model, Clusters):
        return
    fit_code_mixture(data, model, n_clusters, seed)
    final = {name: value.clone() for name, value in model.state_dict().items()}
    for path in (folder / "checkpoints" / name for name in ("last.ckpt", "best.ckpt")):
        if not path.is_file():
            continue  # a finished run that was continued trains nothing
        checkpoint = read_checkpoint(path)
        weights = checkpoint["state_dict"]
        if any(not torch.equal(value, final[name].cpu()) for name, value in weights.items()):
            model.load_state_dict(weights)
            fit_code_mixture(data, model, n_clusters, seed)
        checkpoint["state_dict"] = {name: value.cpu() for name, value in model.state_dict().items()}
        WholeCheckpointIO().save_checkpoint(checkpoint, path)
        model.load_state_dict(final)


def require_code_mixture(run: Run, data: DataModule, model: LatentModel, n_clusters: int, seed: int) -> None:
    """Give a model whose checkpoint has no mixture of ``n_clusters`` components one, with a warning.

    Raises
    ------
    LatentclustError
        If there are too few inputs to fit one to.
    """
    if isinstance(model, Clusters) or model.code_mixture.n_clusters == n_clusters:
        return
    what = f"'{run.checkpoint}' has no mixture of {n_clusters} clusters"
    if len(data.pool) < n_clusters:
        raise LatentclustError(
            f"{what}, and {len(data.pool)} images are too few to fit one: finish its run with task=fit, or "
            "give more images"
        )
    run.warn(
        f"{what}: its training was not over, or had other settings. One is fitted to these images, so that "
        "cluster numbers hold for this call alone"
    )
    fit_code_mixture(data, model, n_clusters, seed)
