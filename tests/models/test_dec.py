"""DEC and IDEC: their formulas against NumPy, what they promise, and whole runs."""

import json
import re
from itertools import pairwise
from pathlib import Path

import lightning as L
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from latentclust.errors import LatentclustError
from latentclust.models import (
    AE,
    DEC,
    IDEC,
    Clusters,
    EpochTargets,
    HasCenters,
    HasMixture,
    Pretrains,
    Samples,
    StartsFromMixture,
)
from latentclust.modules.mixture import MixtureParameters
from latentclust.modules.student import kl_of_targets, student_logits
from latentclust.training.callbacks import ClusterTargets, MixtureInitialization
from tests.conftest import Command, first_of
from tests.training.test_callbacks import digits, train

Array = NDArray[np.float64]
SIZES = {"input_shape": [1, 4, 4], "widths": [12], "latent_dim": 3}
B, D, K = 9, 3, 4


def assignments(z: Array, centers: Array, alpha: float) -> Array:
    """Eq. 1 of Xie et al. 2016, as it is printed."""
    squared = ((z[:, None] - centers[None]) ** 2).sum(axis=2)
    t = (1 + squared / alpha) ** (-(alpha + 1) / 2)
    return t / t.sum(axis=1, keepdims=True)


def sharpened(q: Array) -> Array:
    """Eq. 3."""
    p = q**2 / q.sum(axis=0)
    return p / p.sum(axis=1, keepdims=True)


@pytest.fixture
def codes() -> tuple[Array, Array]:
    random = np.random.default_rng(0)
    return 2 * random.normal(size=(B, D)), 2 * random.normal(size=(K, D))


@pytest.mark.parametrize("alpha", [1.0, 2.5])
def test_assignments_targets_and_loss_are_the_papers(codes: tuple[Array, Array], alpha: float) -> None:
    z, centers = codes
    q = assignments(z, centers, alpha)
    logits = student_logits(torch.from_numpy(z), torch.from_numpy(centers), alpha)
    np.testing.assert_allclose(logits.softmax(dim=1), q)
    model = DEC(**SIZES, n_clusters=K, alpha=alpha)
    p = sharpened(q)
    np.testing.assert_allclose(model.epoch_targets(logits), p)
    np.testing.assert_allclose(kl_of_targets(torch.from_numpy(p), logits), (p * np.log(p / q)).sum(axis=1))


@pytest.mark.parametrize("alpha", [1.0, 2.5])
def test_gradients_are_the_papers(codes: tuple[Array, Array], alpha: float) -> None:
    """Eq. 4 and 5, as they are printed but for the factor (alpha + 1) / alpha of the whole."""
    z, centers = codes
    q = assignments(z, centers, alpha)
    p = sharpened(q)
    difference = z[:, None] - centers[None]
    pull = (alpha + 1) / alpha / (1 + (difference**2).sum(axis=2) / alpha) * (p - q)
    of_codes = (pull[..., None] * difference).sum(axis=1)
    of_centers = -(pull[..., None] * difference).sum(axis=0)
    ours = [torch.from_numpy(values).requires_grad_() for values in (z, centers)]
    kl_of_targets(torch.from_numpy(p), student_logits(*ours, alpha)).sum().backward()
    for parameter, expected in zip(ours, (of_codes, of_centers), strict=True):
        np.testing.assert_allclose(parameter.grad, expected, atol=1e-12)


def test_certain_targets_and_far_codes_are_finite() -> None:
    """A target of 0 adds nothing; a code far from all centers still has assignments and a gradient."""
    centers = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    far = torch.tensor([[1e6, 0.0], [0.0, 1e9]], requires_grad=True)
    logits = student_logits(far, centers, 1.0)
    loss = kl_of_targets(torch.tensor([[0.0, 1.0], [1.0, 0.0]]), logits)
    torch.testing.assert_close(loss.detach(), torch.full((2,), np.log(2)), rtol=1e-3, atol=0)
    loss.sum().backward()
    assert far.grad is not None
    assert far.grad.isfinite().all()


def test_objectives_add_up() -> None:
    torch.manual_seed(0)
    x = torch.rand(B, 1, 4, 4)
    for model in (DEC(**SIZES, n_clusters=K), IDEC(**SIZES, n_clusters=K, clustering_weight=0.3)):
        z = model.encode(x).detach().double().numpy()
        q = assignments(z, model.centers.detach().double().numpy(), 1.0)
        p = np.roll(sharpened(q), 1, axis=0)  # targets of other images, so that the loss is not 0
        terms = model.objective(x, torch.from_numpy(p).float())
        kl = (p * np.log(p / q)).sum(axis=1).mean()
        assert terms["kl"].item() == pytest.approx(kl, rel=1e-4)
        error = (model(x) - x).square().mean().item() if isinstance(model, IDEC) else 0.0
        weight = 0.3 if isinstance(model, IDEC) else 1.0
        assert terms["loss"].item() == pytest.approx(error + weight * kl, rel=1e-4)
        # Without targets they are these images' own.
        p = sharpened(q)
        assert model.objective(x)["kl"].item() == pytest.approx((p * np.log(p / q)).sum(1).mean(), rel=1e-3)


@pytest.mark.parametrize("kind", [DEC, IDEC])
def test_what_they_can_do(kind: type[DEC]) -> None:
    model = kind(**SIZES, n_clusters=K)
    for capability in (Pretrains, Clusters, HasCenters, StartsFromMixture, EpochTargets):
        assert isinstance(model, capability), capability
    assert not isinstance(model, HasMixture | Samples)
    trained = {id(p) for group in model.parameter_groups() for p in group["params"]}
    decoder = {id(p) for p in model.decoder.parameters()}
    assert trained == {id(p) for p in model.parameters()} - (set() if kind is IDEC else decoder)


def test_the_start_is_the_autoencoders_codes_and_the_means() -> None:
    model, autoencoder, x = DEC(**SIZES, n_clusters=K), AE(**SIZES), torch.rand(B, 1, 4, 4)
    model.start_from(autoencoder)
    means = torch.randn(K, D)
    model.set_mixture(MixtureParameters(torch.full((K,), 1 / K), means, torch.ones(K, D)))
    assert torch.equal(model.encode(x), autoencoder.encode(x))
    assert torch.equal(model(x), autoencoder(x))
    assert torch.equal(model.centers, means)
    assert bool(model.mixture_is_fitted)
    nearest = torch.cdist(autoencoder.encode(x), means).argmin(dim=1)
    assert torch.equal(model.predict(x), nearest)
    axes, decoded = torch.randn(D, D), model(x)
    model.change_axes(axes)
    torch.testing.assert_close(model.encode(x), autoencoder.encode(x) @ axes.T, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(model(x), decoded, rtol=1e-3, atol=1e-4)
    with pytest.raises(LatentclustError, match="other sizes"):
        model.start_from(AE(**SIZES | {"widths": [13]}))


@pytest.mark.parametrize("model", first_of("idec", "dec"))
def test_a_run_from_fit_to_prediction(latentclust: Command, model: str) -> None:
    drawn = ["figures.at_end=true", "figures.embedding.method=none", "figures.plane.n=2"]
    fitted = latentclust(f"experiment=tiny_{model}", *drawn)
    assert fitted.status == 0, fitted.err
    assert fitted.folder is not None
    assert fitted.summary["results"][-1]["pool"]["used"] == 10
    captions = json.loads((fitted.folder / "figures/captions.json").read_text())
    assert {"prototypes.png", "interpolation.png", "latent_confidence.png"} <= set(captions.values())
    assert "samples.png" not in captions.values()
    evaluated = latentclust("task=evaluate", "ckpt_path=last")
    assert evaluated.status == 0, evaluated.err
    assert evaluated.summary["results"][-1] == fitted.summary["results"][-1]
    predicted = latentclust("task=predict", "ckpt_path=last")
    assert predicted.status == 0, predicted.err
    refused = latentclust("task=generate", "ckpt_path=last", "n=3")
    assert refused.status == 2
    assert "no distribution of codes" in refused.err


@pytest.mark.parametrize("model", first_of("idec", "dec"))
def test_a_continued_run_is_an_uninterrupted_one(latentclust: Command, model: str) -> None:
    whole = latentclust(f"experiment=tiny_{model}", "trainer.max_epochs=4")
    latentclust(f"experiment=tiny_{model}", "trainer.max_epochs=2")
    continued = latentclust("ckpt_path=last", "trainer.max_epochs=4")
    assert continued.status == 0, continued.err
    expected, actual = whole.weights(), continued.weights()
    assert all(torch.equal(expected[name], actual[name]) for name in expected)


def test_training_stops_once_hardly_an_input_moves(tmp_path: Path) -> None:
    """Where it stops is told by the clusters that an unstopped training has at the start of each epoch."""

    class Watch(L.Callback):
        def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
            assert isinstance(pl_module, DEC)
            seen.append(pl_module.predict(digits().pool.inputs))

    def trained(tolerance: float, epochs: int) -> tuple[DEC, L.Trainer, ClusterTargets]:
        torch.manual_seed(0)
        model = DEC([1, 8, 8], [32], 4, 10, tolerance=tolerance)
        init = MixtureInitialization("kmeans", 0, n_init=1)
        targets = ClusterTargets(init)
        return model, train(model, [init, targets, Watch()], tmp_path, epochs=epochs), targets

    seen: list[torch.Tensor] = []
    _, trainer, targets = trained(0.0, 40)
    assert trainer.current_epoch == 40
    assert targets.settled is None
    moved = [(a != b).double().mean().item() for a, b in pairwise(seen)]
    tolerance = 0.045
    last = next(epoch for epoch, share in enumerate(moved, 1) if share < tolerance)
    assert 1 < last < 40, moved
    stopped, trainer, targets = trained(tolerance, 40)
    assert trainer.current_epoch == last
    assert targets.settled == pytest.approx(moved[last - 1], abs=1e-6)
    unstopped, _, _ = trained(0.0, last)
    for name, expected in unstopped.state_dict().items():
        assert torch.equal(stopped.state_dict()[name], expected), name


def test_a_run_says_that_it_settled(latentclust: Command) -> None:
    run = latentclust("experiment=tiny_dec", "model.tolerance=0.9", "trainer.max_epochs=3")
    assert run.status == 0, run.err
    assert re.search(r"settled: \d+\.\d+% of the images changed .* after epoch 1 of 3", run.out + run.err)
    assert run.summary["warnings"] == []
