"""Where labels meet predictions: run a model on its inputs and score its clusters."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from latentclust import progress
from latentclust.clustering import Initialization, fit
from latentclust.data import DataModule
from latentclust.data.batches import as_floats
from latentclust.data.mapped import parts
from latentclust.evaluation.baselines import RESTARTS, cluster_codes, cluster_pixels, nearest_component
from latentclust.evaluation.health import REMEDIES, Health, active, gaussian_kl
from latentclust.evaluation.results import Result
from latentclust.evaluation.unlabeled import sampled, unlabeled_scores
from latentclust.models import AE, Clusters, HasMixture, LatentModel, StartsFromMixture
from latentclust.models.base import VariationalModel
from latentclust.training.inference import CHUNK, evaluating, in_chunks, looked_at, over_pool_and_test

log = logging.getLogger(__name__)

# What the numbers of an input are called.
PIXELS = {"image": "pixels", "vector": "inputs"}
CODE_NAMES = {"kmeans": "k-means on {} latents", "gmm": "GMM on {} latents"}


def measure(
    data: DataModule,
    model: LatentModel,
    n_clusters: int,
    seed: int,
    *,
    autoencoder: AE | None = None,
    start: tuple[str, Tensor] | None = None,
) -> list[Result]:
    """Score the model and what it is to be compared with; the model's own clustering comes last.

    What has to be fitted to the inputs is left out where they are fewer than the clusters.

    Parameters
    ----------
    data, model
        The inputs, and the model on any device.
    n_clusters, seed
        Of what the model is compared with.
    autoencoder
        Of the model's first stage, if at hand.
    start
        What the model's clusters started from, if at hand: the method's name and the pool's partition
        ``(N,)``.
    """
    k = n_clusters
    device = data.pool.inputs.device
    test_images = None if data.test is None else data.test.inputs
    labels = data.pool.labels, None if data.test is None else data.test.labels
    scored = partial(Result.of, labels=labels, n_clusters=k, n_classes=data.n_classes)
    results = []
    own, clusters_itself = type(model).__name__, isinstance(model, Clusters)
    judged = autoencoder if clusters_itself else model
    fitted = ["kmeans", "gmm"] if clusters_itself else ["kmeans"]
    enough = len(data.pool) >= k
    rows = enough * (1 + (judged is not None) * len(fitted)) + (start is not None) + 1
    progress.current().expect(rows)
    if not enough:
        log.info(
            "%d inputs are too few to fit %d clusters to: those rows are left out of the table.",
            len(data.pool),
            k,
        )
    else:
        pixels = cluster_pixels(data.pool.inputs, test_images, k, seed=seed)
        results.append(scored(f"k-means on {PIXELS[data.kind]}", pixels))
        progress.current().advance()
        if judged is None:
            log.info("The pretraining is not in the cache: its rows are left out of the table.")
        else:
            judged.to(device).eval()
            for method, clusters in _clustered(fitted, judged, data, k, seed):
                name = CODE_NAMES[method].format(type(judged).__name__)
                results.append(scored(name, clusters))
                progress.current().advance()
    if start is not None:
        method, partition = start
        test = None if data.test_slice is None else partition[data.test_slice]
        results.append(scored(f"{own}'s start ({method})", (partition.long(), test)))
        progress.current().advance()
    clusters = over_pool_and_test(model.to(device).eval().predict, data)
    results.append(scored(own if clusters_itself else CODE_NAMES["gmm"].format(own), clusters))
    progress.current().advance()
    return without_labels(data, model, results)


def _clustered(
    methods: list[str], model: LatentModel, data: DataModule, k: int, seed: int
) -> Iterator[tuple[str, tuple[Tensor, Tensor | None]]]:
    """Cluster a model's codes by each method; of a pool in a file the codes are not kept."""
    if not data.streams:
        codes = over_pool_and_test(model.encode, data)
        for method in methods:
            yield method, cluster_codes(method, *codes, k, seed=seed, n_init=RESTARTS)
        return
    some = in_chunks(model.encode, looked_at(data).inputs)
    for method in methods:
        fitted = fit(method, some, k, seed=seed, n_init=RESTARTS)
        yield method, over_pool_and_test(partial(_place, method, fitted, model), data)


def _place(method: str, fitted: Initialization, model: LatentModel, x: Tensor) -> Tensor:
    return nearest_component(method, fitted, model.encode(x).cpu().float())


def without_labels(data: DataModule, model: LatentModel, results: list[Result]) -> list[Result]:
    """Add the scores that need no labels: of every clustering among the model's codes, to compare them."""
    chosen = sampled(len(data.pool))
    inputs = data.pool.inputs[torch.from_numpy(chosen).to(data.pool.inputs.device)]
    codes = in_chunks(model.encode, inputs).cpu().numpy()
    certain = in_chunks(model.predict_proba, inputs).amax(dim=-1).cpu().numpy()
    scored = []
    for result in results:
        own = result is results[-1]
        scores = unlabeled_scores(
            codes, result.clusters[chosen], of_all=result.clusters, confidence=certain if own else None
        )
        if own and data.held_out is not None:
            bounds = in_chunks(lambda x: model.describe(x).bounds, data.held_out.inputs)
            scores = scores._replace(held_out_bound=float(bounds.double().mean()))
        scored.append(replace(result, unlabeled=scores))
    return scored


def health_of(data: DataModule, model: LatentModel, own: Result, n_clusters: int) -> Health:
    """Judge the run: its clusters, and where the model has posteriors, their dimensions."""
    # The codes of the other models are clustered when their training is over.
    remedies = REMEDIES if isinstance(model, StartsFromMixture) else ("longer training",)
    if not isinstance(model, VariationalModel):
        return Health.of(own, n_clusters, remedies=remedies)
    chosen = torch.from_numpy(sampled(len(data.pool))).to(data.pool.inputs.device)
    with evaluating(model.to(data.pool.inputs.device)):
        inputs = data.pool.inputs[chosen]
        posteriors = in_chunks(lambda x: torch.stack(model.posterior(x), dim=1), inputs)
        both = posteriors.cpu().double().numpy()
        mu, log_var = both[:, 0], both[:, 1]
        gamma, means = np.ones((len(mu), 1)), np.zeros((1, mu.shape[1]))
        variances = np.ones_like(means)
        if isinstance(model, HasMixture):
            gamma = in_chunks(model.predict_proba, inputs).cpu().double().numpy()
            mixture = model.mixture_parameters()
            means, variances = (
                value.detach().cpu().double().numpy() for value in (mixture.means, mixture.variances)
            )
    kl = gaussian_kl(mu, log_var, gamma, means, variances)
    kl_per_dimension, n_active = [float(value) for value in kl], int(active(mu, log_var).sum())
    return Health.of(own, n_clusters, kl_per_dimension, n_active, remedies)


@torch.inference_mode()
def objective_terms(data: DataModule, model: LatentModel, seed: int) -> dict[str, float]:
    """Measure the terms of the objective, as means over inputs that are not changed at random.

    Returns
    -------
    dict[str, float]
        ``train/<term>`` of the pool, and ``test/<term>`` of the inputs that it leaves out. The same names in
        a training are means over its last epoch, while the weights still changed.
    """
    torch.manual_seed(seed)  # of the posterior's samples
    metrics: dict[str, float] = {}
    with evaluating(model.to(data.pool.inputs.device)):
        for part, split in (("train", data.pool), ("test", data.held_out)):
            if split is None:
                continue
            sums: dict[str, float] = {}
            for images in parts(split.inputs, CHUNK):
                for name, mean in model.measured_terms(as_floats(images)).items():
                    sums[name] = sums.get(name, 0.0) + float(mean) * len(images)
            metrics |= {f"{part}/{name}": total / len(split) for name, total in sums.items()}
    return metrics
