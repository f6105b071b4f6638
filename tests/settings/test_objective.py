"""Which settings make values of the objective incomparable, against objectives that are computed."""

from typing import Any

import pytest
import torch

from latentclust import engine
from latentclust.data import DigitsDataModule
from latentclust.errors import LatentclustError
from latentclust.models import LatentModel
from latentclust.searching import space_of
from latentclust.settings import settings_for
from latentclust.settings.model import NetworkModel
from latentclust.settings.objective import changes_objective
from latentclust.training.builders import build_model

IMAGES = torch.rand(40, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def built(name: str, n_clusters: int = 10, **changes: Any) -> LatentModel:
    settings = settings_for(name, "digits", network="shallow", n_clusters=n_clusters, **changes)
    assert isinstance(settings.model, NetworkModel)
    likelihood = {"likelihood": "squared_error"}
    pretrain = settings.model.pretrain.model_copy(update=likelihood)  # type: ignore[attr-defined]
    plan = settings.model.model_copy(update={"pretrain": pretrain})
    return build_model(plan, settings.network, n_clusters, 0, (1, 8, 8))


def loss_of(model: LatentModel) -> float:
    with torch.no_grad():
        return float(model.objective(IMAGES)["loss"])


@pytest.mark.parametrize(
    ("name", "key", "changes"),
    [
        ("idec", "model.clustering_weight", {"model.clustering_weight": 0.0}),
        ("dec", "model.alpha", {"model.alpha": 5.0}),
        ("idec", "model.alpha", {"model.alpha": 5.0}),
    ],
)
def test_with_the_same_weights_the_loss_is_another(name: str, key: str, changes: dict[str, Any]) -> None:
    """The networks and centers are equal bit by bit, so that only the objective's meaning has changed."""
    one, other = built(name), built(name, **changes)
    other.load_state_dict(one.state_dict())
    assert loss_of(one) != loss_of(other)
    assert changes_objective(key, settings_for(name, "digits"))


def test_one_cluster_has_no_divergence() -> None:
    """DEC's loss of a single cluster is 0, the least there is, whatever the inputs are."""
    assert loss_of(built("dec", n_clusters=1)) == pytest.approx(0, abs=1e-6)
    assert loss_of(built("dec")) > 1e-6
    assert changes_objective("n_clusters", settings_for("dec", "digits"))


@pytest.mark.parametrize("name", ["ae", "vae", "vade", "dec", "idec"])
@pytest.mark.parametrize(
    "key",
    [
        *("model", "model.likelihood", "preprocess", "augment", "augment.pixels", "experiment"),
        *("data", "data.pool", "data.limit", "data.backbone", "data.path", "data.columns"),
        *("trainer.limit_train_batches", "trainer.limit_val_batches", "trainer.overfit_batches"),
    ],
)
def test_of_any_model(name: str, key: str) -> None:
    assert changes_objective(key, settings_for(name, "digits", **{"data.pool": "all"}))


@pytest.mark.parametrize("name", ["ae", "vae", "vade", "dec", "idec"])
@pytest.mark.parametrize(
    "key",
    [
        *("model.latent_dim", "model.optimizer.learning_rate", "network", "network.widths", "seed"),
        *("data.batch_size", "data.min_images_per_epoch", "trainer.max_epochs"),
    ],
)
def test_what_does_not_change_it(name: str, key: str) -> None:
    assert not changes_objective(key, settings_for(name, "digits"))


def test_what_counts_for_some_models_alone() -> None:
    for name in ("ae", "vae", "vade"):  # the bound is one on log p(x) for any number of clusters
        assert not changes_objective("n_clusters", settings_for(name, "digits"))
    assert changes_objective("model.pretrain.likelihood", settings_for("idec", "digits"))
    assert not changes_objective("model.pretrain.likelihood", settings_for("dec", "digits"))


def test_images_that_are_held_out_are_not_augmented() -> None:
    held_out = settings_for("vae", "digits", **{"data.pool": "train"})
    assert not changes_objective("augment.pixels", held_out)
    files = settings_for("vae", {"name": "files", "path": "x.npy", "pool": "train"})
    assert changes_objective("augment.pixels", files)  # they may hold no test images


def test_targets_of_held_out_images_are_those_of_their_batch() -> None:
    model = built("dec")
    with torch.no_grad():
        parts = [model.objective(part)["loss"].item() for part in IMAGES.split(10)]
    assert sum(parts) / 4 != pytest.approx(loss_of(model), rel=1e-3)
    assert changes_objective("data.batch_size", settings_for("dec", "digits", **{"data.pool": "train"}))


def test_batches_that_share_a_step_change_no_objective() -> None:
    """DEC's loss is its divergence, which is logged beside it."""
    changes = {"max_epochs": 1, "accumulate_grad_batches": 2}
    settings = settings_for(
        "dec", "digits", network="shallow", init="kmeans", figures={"at_end": False}, trainer=changes
    )
    metrics = engine.fit(DigitsDataModule(limit=120, batch_size=30), settings).summary.metrics
    assert metrics["train/loss"] == pytest.approx(metrics["train/kl"], rel=1e-5)
    assert not changes_objective("trainer.accumulate_grad_batches", settings)


def test_a_space_that_has_one_is_refused_unless_another_metric_is_asked_for() -> None:
    pytest.importorskip("optuna")
    search: dict[str, Any] = {"search.space": ["model.clustering_weight=interval(0, 1)"]}
    with pytest.raises(LatentclustError, match="clustering_weight changes what the objective means"):
        space_of(settings_for("idec", "digits", **search))
    space_of(settings_for("idec", "digits", optimized_metric="cluster/silhouette", **search))
