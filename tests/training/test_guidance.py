"""What guides VaDE: the fitted mixture, the held partition, the targets; watched through a Trainer."""

from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from torch import Tensor

from latentclust.clustering import (
    Initialization,
    Neighbors,
    fit_gmm,
    fit_semitied,
    fit_vote,
    nearest,
    nearest_images,
)
from latentclust.data import Batch, TensorBatches
from latentclust.evaluation import clustering_scores
from latentclust.models import VaDE
from latentclust.registry import STARTS
from latentclust.training.callbacks import ClusterAccuracy, ClusterTargets, History, MixtureInitialization
from latentclust.training.inference import in_chunks
from tests.training.test_callbacks import digits, train, vade


def test_the_mixture_becomes_the_one_fitted_to_the_codes(tmp_path: Path) -> None:
    model = vade(learning_rate=1e-12, prior_learning_rate=0.0)
    codes = in_chunks(model.encode, digits().pool.inputs)
    expected = fit_gmm(codes, 10, n_init=2, seed=5)
    init = MixtureInitialization("gmm", 5, n_init=2)
    train(model, [init], tmp_path, epochs=1)
    mixture = model.prior.mixture_parameters()
    for ours, theirs in zip(mixture, expected.parameters, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)
    assert init.initialization is not None
    assert torch.equal(init.initialization.clusters, expected.clusters)
    assert bool(model.mixture_is_fitted)


def test_axes_of_the_mixture_become_those_of_the_codes(tmp_path: Path) -> None:
    model = vade(learning_rate=1e-12, prior_learning_rate=0.0)
    x = digits().pool.inputs.float() / 255
    codes, decoded = in_chunks(model.encode, digits().pool.inputs), model.decode(model.encode(x))
    expected = fit_semitied(codes, 10, n_init=2, seed=5)
    assert expected.axes is not None
    init = MixtureInitialization("semitied", 5, n_init=2)
    train(model, [init], tmp_path, epochs=1)
    torch.testing.assert_close(model.encode(x), codes @ expected.axes.T, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(model.decode(model.encode(x)), decoded, rtol=1e-3, atol=1e-4)
    assert torch.equal(model.predict(x), expected.clusters)
    for ours, theirs in zip(model.prior.mixture_parameters(), expected.parameters, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.long
def test_codes_keep_their_axes_in_later_fits(tmp_path: Path) -> None:
    model = vade(learning_rate=1e-12, prior_learning_rate=0.0, refit_at=[1])
    init = MixtureInitialization("semitied", 5, n_init=2)
    changes = 0

    def change_axes(axes: Tensor) -> None:
        nonlocal changes
        changes += 1
        VaDE.change_axes(model, axes)

    model.change_axes = change_axes  # type: ignore[method-assign]
    train(model, [init], tmp_path, epochs=2)
    assert changes == 1
    codes = in_chunks(model.encode, digits().pool.inputs)
    assert init.clusters is not None
    for cluster, mean in enumerate(model.prior.means.detach()):
        members = codes[init.clusters.long() == cluster]
        torch.testing.assert_close(mean, members.mean(dim=0), rtol=1e-3, atol=1e-4)


def test_the_method_may_see_features(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def method(z: Tensor, n_clusters: int, *, features: Tensor, seed: int) -> Initialization:
        seen.append((z, features))
        return fit_gmm(z, n_clusters, n_init=1, seed=seed)

    seen: list[tuple[Tensor, Tensor]] = []
    monkeypatch.setitem(STARTS, "manifold", method)
    model = vade(learning_rate=1e-12, prior_learning_rate=0.0)
    x = digits().pool.inputs.float() / 255
    hidden = (x.flatten(1) @ model.encoder.trunk[1].weight.T + model.encoder.trunk[1].bias).clamp(min=0)
    train(model, [MixtureInitialization("manifold", 0, "features")], tmp_path, epochs=1)
    ((codes, features),) = seen
    torch.testing.assert_close(features, hidden.detach(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(codes, model.encode(x).detach(), rtol=1e-4, atol=1e-5)


def test_the_method_may_see_neighbors_among_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def method(z: Tensor, n_clusters: int, *, seed: int, **told: Any) -> Initialization:
        seen.append({name: value for name, value in told.items() if name not in options})
        return fit_gmm(z, n_clusters, n_init=1, seed=seed)

    def search(images: Tensor, n: int) -> Neighbors:
        searches.append(n)
        return nearest_images(images, n, warp=1)

    seen: list[dict[str, Any]] = []
    searches: list[int] = []
    monkeypatch.setitem(STARTS, "manifold", method)
    options = {"n_neighbors": 6, "n_layouts": 1}
    init = MixtureInitialization("manifold", 0, "images", voters=3, search=search, **options)
    train(vade(refit_at=[1]), [init], tmp_path, epochs=2)
    true = nearest_images(digits().pool.inputs, 6, warp=1)
    assert len(seen) == 2
    for told in seen:
        (name, near), *others = told.items()
        assert (name, others) == ("among_images", [])
        assert (near.indices == true.indices).all()
    assert searches == [6]  # one search for both fits


@pytest.mark.parametrize("space", ["features", "images"])
def test_neighbors_vote_in_later_fits(space: str, tmp_path: Path) -> None:
    """In a model that stands still, so that the vote can be told from outside."""
    options = {"n_init": 1, "n_neighbors": 8, "n_epochs": 5, "n_layouts": 1}
    init = MixtureInitialization("manifold", 0, space, "vote", voters=4, vote_tolerance=2.0, **options)
    model = vade(learning_rate=1e-12, prior_learning_rate=0.0, refit_at=[1])
    watch = Before(init)
    train(model, [watch, init], tmp_path, epochs=2)
    x = digits().pool.inputs.float() / 255
    senses = [nearest(model.features(x).numpy(), 5)]
    if space == "images":
        senses.append(nearest_images(digits().pool.inputs, 5))
    voted = fit_vote(model.encode(x).detach(), 10, watch.clusters, senses, voters=4)
    assert init.clusters is not None
    assert torch.equal(init.clusters.long(), voted.clusters)
    assert not torch.equal(voted.clusters, watch.clusters)
    torch.testing.assert_close(model.prior.means.detach(), voted.parameters.means, rtol=1e-3, atol=1e-4)


class Before(L.Callback):
    """Keeps what the model makes of the images before the second epoch's fit."""

    def __init__(self, init: MixtureInitialization) -> None:
        self.init = init
        self.clusters = torch.empty(0)

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, VaDE)
        self.clusters = pl_module.predict(digits().pool.inputs.float() / 255)


def test_a_fitted_mixture_is_left_alone(tmp_path: Path) -> None:
    model = vade(learning_rate=1e-12, prior_learning_rate=0.0)
    model.mixture_is_fitted.fill_(True)
    before = model.prior.means.detach().clone()
    train(model, [MixtureInitialization("gmm", 0, n_init=1)], tmp_path, epochs=1)
    assert torch.equal(model.prior.means, before)


class Targets(L.Callback):
    """Keeps each epoch's targets in the pool's order, and the model's own view of the images before it."""

    def __init__(self) -> None:
        self.seen: list[Tensor] = []
        self.joints: list[Tensor] = []
        self.in_order: list[bool] = []

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, VaDE)
        batches = trainer.train_dataloader
        assert isinstance(batches, TensorBatches)
        assert batches.targets is not None
        self.seen.append(batches.targets)
        with torch.no_grad():
            x = digits().pool.inputs.float() / 255
            self.joints.append(pl_module.prior.log_joint(pl_module.encode(x)))

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Batch, batch_idx: int
    ) -> None:
        assert batch.target is not None
        images = trainer.datamodule.pool.inputs  # type: ignore[attr-defined]
        numbers = [int((images.float() / 255 == x).flatten(1).all(dim=1).nonzero()[0]) for x in batch.x[:5]]
        mine = self.seen[-1][numbers]
        self.in_order.append(torch.equal(batch.target[: len(mine)], mine))


@pytest.mark.parametrize(("least", "batches"), [(None, 4), (401, 10)])
def test_targets_are_the_partition_and_then_the_models_own(
    tmp_path: Path, least: int | None, batches: int
) -> None:
    model = vade(hold_epochs=1, self_training_weight=10.0, self_training_temperature=2.0)
    init, watch = MixtureInitialization("gmm", 0, n_init=1), Targets()
    trainer = train(
        model, [init, ClusterTargets(init), watch], tmp_path, epochs=3, min_images_per_epoch=least
    )
    assert init.clusters is not None
    assert torch.equal(watch.seen[0], torch.eye(10)[init.clusters.long()])
    for joint, targets in list(zip(watch.joints, watch.seen, strict=True))[1:]:
        q = (joint.double() / 2).softmax(dim=1)  # in float32 a cluster that nearly died would be 0 / 0
        expected = q.square() / q.sum(dim=0)
        torch.testing.assert_close(
            targets.double(), expected / expected.sum(dim=1, keepdim=True), rtol=1e-3, atol=1e-5
        )
    assert len(watch.in_order) == 3 * batches
    assert all(watch.in_order)
    assert batches_of(trainer).targets is None


def batches_of(trainer: L.Trainer) -> TensorBatches:
    batches = trainer.train_dataloader
    assert isinstance(batches, TensorBatches)
    return batches


def test_without_schedule_or_self_training_there_are_no_targets(tmp_path: Path) -> None:
    class Asserts(L.Callback):
        def on_train_batch_start(self, *args: Any) -> None:
            trainer, _, batch, _ = args
            assert batches_of(trainer).targets is None
            assert batch.target is None

    init = MixtureInitialization("gmm", 0, n_init=1)
    train(vade(), [init, ClusterTargets(init), Asserts()], tmp_path)


def test_the_mixture_is_fitted_anew_where_that_is_due(tmp_path: Path) -> None:
    class Watch(L.Callback):
        def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
            assert isinstance(pl_module, VaDE)
            held.append(pl_module.holds_partition)
            moved.append(not torch.equal(pl_module.prior.means, last[0]) if last else False)
            if pl_module.current_epoch == 2:
                codes = pl_module.encode(digits().pool.inputs.float() / 255)
                for cluster in range(10):
                    members = codes[init.clusters == cluster]  # type: ignore[index]
                    torch.testing.assert_close(pl_module.prior.means[cluster], members.mean(dim=0))

        def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
            assert isinstance(pl_module, VaDE)
            last[:] = [pl_module.prior.means.detach().clone()]

    held: list[bool] = []
    moved: list[bool] = []
    last: list[Tensor] = []
    init = MixtureInitialization("kmeans", 0, n_init=1)
    train(vade(hold_epochs=1, refit_at=[2]), [init, ClusterTargets(init), Watch()], tmp_path, epochs=4)
    assert held == [True, False, True, False]
    assert moved == [False, False, True, False]
    assert init.start is not None
    assert not torch.equal(init.start, init.clusters)  # type: ignore[arg-type]


def test_what_measures_or_fits_runs_in_float32(tmp_path: Path) -> None:
    """Under bfloat16 too, so that an epoch's numbers and the final table's are of one model."""
    model = vade(hold_epochs=1, self_training_weight=10.0, refit_at=[2])
    seen: list[tuple[bool, torch.dtype]] = []

    def watch(layer: torch.nn.Module, inputs: Any, output: Tensor) -> None:
        seen.append((model.training, output.dtype))

    model.encoder.mean.register_forward_hook(watch)
    init, history = MixtureInitialization("kmeans", 0, n_init=1), History()
    callbacks = [init, ClusterTargets(init), ClusterAccuracy(10, n_images=None), history]
    train(model, callbacks, tmp_path, epochs=3, trainer_options={"precision": "bf16-mixed"})
    assert {dtype for training, dtype in seen if training} == {torch.bfloat16}
    assert {dtype for training, dtype in seen if not training} == {torch.float32}
    data = digits()
    clusters = in_chunks(model.eval().predict, data.pool.inputs)
    acc = clustering_scores(clusters, data.pool.labels).acc
    assert history.metrics["cluster/acc"][-1] == (3, pytest.approx(acc, abs=1e-7))


def test_chunks_leave_autocast_to_those_who_train() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        codes = in_chunks(vade().encode, digits().pool.inputs)
    assert torch.equal(codes, in_chunks(vade().encode, digits().pool.inputs))


def test_a_refit_forgets_what_adam_knew_of_the_old_mixture(tmp_path: Path) -> None:
    class Moments(L.Callback):
        def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
            assert isinstance(pl_module, VaDE)
            (optimizer,) = trainer.optimizers
            mixture.append(
                [len(optimizer.state[p]) if p in optimizer.state else 0 for p in pl_module.prior.parameters()]
            )
            networks.append(
                [
                    int(optimizer.state[p]["step"])
                    for p in pl_module.encoder.parameters()
                    if p in optimizer.state
                ]
            )

        def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *args: Any) -> None:
            assert isinstance(pl_module, VaDE)
            steps.append(int(trainer.optimizers[0].state[pl_module.prior.means]["step"]))

    mixture: list[list[int]] = []
    networks: list[list[int]] = []
    steps: list[int] = []
    init = MixtureInitialization("kmeans", 0, n_init=1)
    train(vade(hold_epochs=1, refit_at=[2]), [init, ClusterTargets(init), Moments()], tmp_path, epochs=3)
    assert mixture == [[0, 0, 0], [3, 3, 3], [0, 0, 0]]
    assert networks == [[], [4] * 6, [8] * 6]
    assert steps == [1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4]


@pytest.mark.parametrize(("tolerance", "kept"), [(0.01, True), (2.0, False)])
def test_a_vote_that_loses_the_graph_is_not_taken(tmp_path: Path, tolerance: float, kept: bool) -> None:
    """The model forgets its clusters, so that what the neighbors vote on says nothing of the images."""

    class Forgets(L.Callback):
        def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
            assert isinstance(pl_module, VaDE)
            pl_module.prior.means.data.normal_(generator=torch.Generator().manual_seed(0))

    options = {"n_neighbors": 6, "n_layouts": 1, "refit": "vote", "vote_tolerance": tolerance}
    init = MixtureInitialization("manifold", 0, "images", **options)
    train(vade(refit_at=[1]), [init, Forgets()], tmp_path, epochs=2)
    assert init.start is not None
    assert init.clusters is not None
    assert torch.equal(init.start, init.clusters) == kept
