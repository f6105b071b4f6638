"""From settings to objects: one small factory each for data and model."""

import logging
from collections.abc import Sequence
from inspect import signature
from typing import Any

import lightning as L

from latentclust.data import DataModule, build_datamodule
from latentclust.models import AE, LatentModel
from latentclust.registry import MODELS
from latentclust.settings.data import PoolData
from latentclust.settings.model import NetworkModel, Pretrained
from latentclust.settings.network import Network

log = logging.getLogger(__name__)

# Images that trainer.fast_dev_run keeps, unless a batch or the clusters need more.
TRIED = 1000


def build_data(
    settings: PoolData,
    preprocess: Sequence[str] | None,
    seed: int,
    n_clusters: int,
    *,
    fast_dev_run: bool | int = False,
) -> DataModule:
    """Build the data module and load its inputs.

    Parameters
    ----------
    settings, preprocess, seed
        Which inputs, the steps of their preprocessing (None: what suits them), and the seed of their order.
    n_clusters, fast_dev_run
        To try everything once, of many inputs a few are kept: at least as many as there are clusters.

    Raises
    ------
    LatentclustError
        If the inputs cannot be had.
    """
    options = settings.model_dump() | {"seed": seed, "preprocess": preprocess}
    data = build_datamodule(**options)
    data.setup()
    tried = max(TRIED, data.batch_size, n_clusters)
    if fast_dev_run and len(data.pool) > tried:
        data = build_datamodule(**options | {"limit": tried})
        data.setup()
        log.info("trainer.fast_dev_run: %s %ss, no checkpoints, no curves", f"{tried:,}", data.kind)
    return data


def build_model(
    settings: NetworkModel, network: Network, n_clusters: int, seed: int, input_shape: Sequence[int]
) -> LatentModel:
    """Build a model with the layers of ``network`` for inputs ``(C, H, W)`` or ``(P,)``."""
    options = settings.model_dump(mode="json", exclude={"pretrain"})
    if isinstance(
        settings, Pretrained
    ):  # a model without a likelihood of its own decodes by that of its start
        options.setdefault("likelihood", settings.pretrain.likelihood)
    return _build(options, network, n_clusters, seed, input_shape)


def build_pretraining(settings: Pretrained, network: Network, seed: int, input_shape: Sequence[int]) -> AE:
    """Build the autoencoder of a model's first stage."""
    options = {
        "name": "ae",
        "latent_dim": settings.latent_dim,
        "likelihood": settings.pretrain.likelihood,
        "optimizer": settings.pretrain.optimizer.model_dump(mode="json"),
    }
    model = _build(options, network, None, seed, input_shape)
    assert isinstance(model, AE)
    return model


def _build(
    options: dict[str, Any], network: Network, n_clusters: int | None, seed: int, input_shape: Sequence[int]
) -> LatentModel:
    # Whatever ran before, such as a stage that came out of the cache, must not shift the random numbers.
    L.seed_everything(seed, verbose=False)
    kind, optimizer = MODELS[options.pop("name")], options.pop("optimizer")
    options |= options.pop("warmup", {})
    options |= {f"self_training_{key}": v for key, v in options.pop("self_training", {}).items()}
    layers = network.model_dump(mode="json")
    if "decoder" not in signature(kind).parameters:
        del layers["decoder"]
    options |= layers
    if "n_clusters" in signature(kind).parameters:
        options["n_clusters"] = n_clusters
    model: LatentModel = kind(input_shape=list(input_shape), **options, **optimizer)
    return model
