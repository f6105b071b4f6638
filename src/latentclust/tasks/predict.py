"""Write what a trained model says of every image."""

from typing import Any

import numpy as np
from omegaconf import DictConfig

from latentclust.atomic import whole_file
from latentclust.evaluation.baselines import cluster_codes
from latentclust.inference import in_chunks
from latentclust.models import VaDE
from latentclust.tasks.evaluate import load_trained
from latentclust.tasks.measure import RESTARTS
from latentclust.tasks.run import Run, tell


def predict(cfg: DictConfig) -> None:
    """Write ``predictions.npz``: the pool's codes (N, D), clusters (N,) and responsibilities (N, K).

    An AE or a VAE has no clusters of its own: its codes are clustered by the Gaussian mixture that the result
    table calls its clustering, without responsibilities.
    """
    run = Run.begin(cfg)
    data, model = load_trained(cfg, run)
    codes = in_chunks(model.encode, data.pool.images)
    path = run.folder / "predictions.npz"
    if isinstance(model, VaDE):
        gamma = in_chunks(model.predict_proba, data.pool.images)
        clusters = gamma.argmax(dim=-1).cpu()
        arrays: dict[str, Any] = {"codes": codes.cpu(), "clusters": clusters, "responsibilities": gamma.cpu()}
    else:
        clusters, _ = cluster_codes("gmm", codes, None, cfg.n_clusters, seed=cfg.seed, n_init=RESTARTS)
        arrays = {"codes": codes.cpu(), "clusters": clusters}
    with whole_file(path) as file:
        np.savez_compressed(file, **arrays)
    tell(f"{len(codes)} images, in the order of the pool: {path}")
