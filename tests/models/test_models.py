"""The models as tensor functions."""

from collections.abc import Callable

import pytest
import torch
from sklearn.mixture import GaussianMixture

from latentclust.errors import LatentclustError
from latentclust.models import AE, VAE, LatentModel, VaDE
from latentclust.modules.mixture import MixtureParameters

SHAPE, WIDTHS, D, K = [1, 6, 6], [20, 12], 3, 4


def build(kind: type[AE] | type[VAE] | type[VaDE], **options: object) -> LatentModel:
    torch.manual_seed(0)
    arguments = {"input_shape": SHAPE, "widths": WIDTHS, "latent_dim": D, **options}
    if kind is VaDE:
        arguments["n_clusters"] = K
    return kind(**arguments)  # type: ignore[arg-type]


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(7, *SHAPE, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("kind", [AE, VAE, VaDE])
def test_shapes_and_ranges(kind: type[AE], images: torch.Tensor) -> None:
    model = build(kind)
    assert model.encode(images).shape == (7, D)
    rebuilt = model(images)
    assert rebuilt.shape == images.shape
    assert rebuilt.min() >= 0
    assert rebuilt.max() <= 1
    assert model.decode(torch.zeros(2, 5, D)).shape == (2, 5, *SHAPE)


def test_the_terms_make_up_the_loss(images: torch.Tensor) -> None:
    for kind, parts in ((VAE, ("reconstruction", "kl_z")), (VaDE, ("reconstruction", "kl_z", "kl_c"))):
        # In double precision, as the loss and the bound are sums in another order, which round differently.
        options = {"gamma": "exact"} if kind is VaDE else {}
        terms = build(kind, **options).double().objective(images.double())
        assert terms["loss"].item() == pytest.approx(sum(terms[name].item() for name in parts), rel=1e-12)
        assert terms["elbo"].item() == pytest.approx(-terms["loss"].item(), rel=1e-12)


def test_the_autoencoders_loss_is_the_mean_squared_error(images: torch.Tensor) -> None:
    model = build(AE)
    expected = torch.nn.functional.mse_loss(model(images), images)
    torch.testing.assert_close(model.objective(images)["loss"], expected)


def test_vade_with_one_standard_component_is_a_vae(images: torch.Tensor) -> None:
    torch.manual_seed(0)
    vae, vade = VAE(SHAPE, WIDTHS, D), VaDE(SHAPE, WIDTHS, D, 1)
    vade.encoder.load_state_dict(vae.encoder.state_dict())
    vade.decoder.load_state_dict(vae.decoder.state_dict())
    vade.set_mixture(MixtureParameters(torch.ones(1), torch.zeros(1, D), torch.ones(1, D)))
    losses = []
    for model in (vae, vade):
        torch.manual_seed(2)
        losses.append(model.objective(images)["loss"])
    torch.testing.assert_close(*losses)


def test_vade_starts_from_the_autoencoder(images: torch.Tensor) -> None:
    autoencoder, vade = build(AE), build(VaDE)
    for parameter in autoencoder.parameters():
        parameter.data.normal_(std=0.3)
    vade.start_from(autoencoder)  # type: ignore[operator]
    torch.testing.assert_close(vade.encode(images), autoencoder.encode(images))
    torch.testing.assert_close(vade(images), autoencoder(images))


def test_predictions_are_deterministic_responsibilities_at_the_mean(images: torch.Tensor) -> None:
    model = build(VaDE)
    assert isinstance(model, VaDE)
    mixture = MixtureParameters(torch.full((K,), 1 / K), 0.1 * torch.eye(K)[:, :D], torch.ones(K, D))
    model.set_mixture(mixture)
    gamma = model.predict_proba(images)
    normal = torch.distributions.Independent(torch.distributions.Normal(mixture.means, 1.0), 1)
    joint = normal.log_prob(model.encode(images).unsqueeze(1)).exp() / K
    torch.testing.assert_close(gamma, joint / joint.sum(1, keepdim=True))
    assert torch.equal(gamma, model.predict_proba(images))
    assert torch.equal(model.predict(images), gamma.argmax(1))


def test_samples_come_from_the_cluster_that_was_asked_for() -> None:
    model = build(VaDE)
    assert isinstance(model, VaDE)
    means = 5.0 * torch.tensor([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]])
    model.set_mixture(MixtureParameters(torch.full((K,), 1 / K), means, torch.full((K, D), 1e-4)))
    for cluster in range(K):
        generated = model.sample(4, cluster, torch.Generator().manual_seed(0))
        # Hardly any variance: every sample is nearly the decoded mean.
        torch.testing.assert_close(
            generated, model.decode(means[cluster]).expand_as(generated), atol=0.02, rtol=0
        )
    assert model.sample(3).shape == (3, *SHAPE)
    with pytest.raises(LatentclustError, match="0 to 3"):
        model.sample(1, cluster=K)


@pytest.mark.parametrize("kind", [VAE, VaDE])
@pytest.mark.parametrize("n", [0, -1, 2.5])
def test_only_some_can_be_drawn(kind: type[VAE] | type[VaDE], n: float) -> None:
    model = build(kind)
    assert isinstance(model, VAE | VaDE)
    with pytest.raises(
        LatentclustError, match=rf"{n} inputs cannot be drawn: give a whole number, at least 1"
    ):
        model.sample(n)  # type: ignore[arg-type]


def test_a_vae_samples_by_decoding_standard_normal_codes() -> None:
    model = build(VAE)
    assert isinstance(model, VAE)
    codes = torch.randn(5, D, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(model.sample(5, torch.Generator().manual_seed(3)), model.decode(codes))


def test_the_mixture_learns_at_its_own_rate() -> None:
    groups = {group["name"]: group for group in build(VaDE, prior_learning_rate=7e-4).parameter_groups()}
    assert {name: group["lr"] for name, group in groups.items()} == {"networks": 2e-3, "mixture": 7e-4}
    assert {tuple(p.shape) for p in groups["mixture"]["params"]} == {(K,), (K, D)}
    n_parameters = sum(p.numel() for group in groups.values() for p in group["params"])
    assert n_parameters == sum(p.numel() for p in build(VaDE).parameters())


def test_hyperparameters_are_plain_values() -> None:
    for kind in (AE, VAE, VaDE):
        values = dict(build(kind).hparams).values()
        assert all(isinstance(value, int | float | str | list | None) for value in values)


def test_under_bf16_the_terms_stay_float32(images: torch.Tensor) -> None:
    for kind in (AE, VAE, VaDE):
        model = build(kind)
        exact = model.objective(images)
        with torch.autocast("cpu", torch.bfloat16):
            rounded = model.objective(images)
        assert all(term.dtype == torch.float32 for term in rounded.values())
        assert rounded["loss"].item() == pytest.approx(exact["loss"].item(), rel=0.05)


def test_vades_loss_has_the_weights_that_it_is_given(images: torch.Tensor) -> None:
    options = {"gamma": "exact", "self_training_weight": 7.0, "self_training_temperature": 2.0}
    model = build(VaDE, **options)
    assert isinstance(model, VaDE)
    targets = torch.rand(7, K, generator=torch.Generator().manual_seed(3)).softmax(dim=1)

    def terms(*arguments: torch.Tensor, **options: object) -> dict[str, float]:
        torch.manual_seed(4)
        found = model.objective(images, *arguments, **options)  # type: ignore[arg-type]
        return {name: value.item() for name, value in found.items()}

    pure, weighted = terms(), terms(weight=3.0)
    assert weighted["loss"] == pytest.approx(pure["loss"] + 2 * (pure["kl_z"] + pure["kl_c"]), rel=1e-5)
    assert weighted["elbo"] == pure["elbo"]
    guided = terms(targets)
    expected = -(targets * (model.prior.log_joint(model.encode(images)) / 2).log_softmax(dim=1)).sum(dim=1)
    assert guided["self_training"] == pytest.approx(expected.mean().item(), rel=1e-5)
    assert guided["loss"] == pytest.approx(pure["loss"] + 7 * guided["self_training"], rel=1e-5)
    held = terms(targets, hold=True, weight=3.0)
    mu, log_var = model.posterior(images)
    kl_z = (targets * model.prior.component_kl(mu, log_var)).sum(dim=1).mean()
    assert held["trained_kl_z"] == pytest.approx(kl_z.item(), rel=1e-4)
    trained = held["reconstruction"] + 3 * (held["trained_kl_z"] + held["trained_kl_c"])
    assert held["loss"] == pytest.approx(trained + 7 * held["self_training"], rel=1e-5)


@pytest.mark.parametrize("gamma", ["sample", "exact"])
def test_the_bound_is_the_same_whatever_is_trained(images: torch.Tensor, gamma: str) -> None:
    model = build(VaDE, gamma=gamma, self_training_weight=7.0)
    assert isinstance(model, VaDE)
    model.prior.means.data.normal_()
    targets = torch.eye(K)[torch.arange(7) % K]

    def measured(measure: Callable[..., dict[str, torch.Tensor]], **options: object) -> dict[str, float]:
        torch.manual_seed(4)
        return {name: value.item() for name, value in measure(images, **options).items()}

    held_out = measured(model.measured_terms)
    assert set(held_out) == {"elbo", "reconstruction", "kl_z", "kl_c"}
    # The largest bound is log sum_c pi_c exp(-KL_c), less the reconstruction.
    mu, log_var = model.posterior(images)
    best = (model.prior.log_pi - model.prior.component_kl(mu, log_var)).logsumexp(dim=1).mean()
    assert held_out["elbo"] == pytest.approx(best.item() - held_out["reconstruction"], rel=1e-5)
    for options in ({}, {"targets": targets, "hold": True, "weight": 5.0}, {"targets": targets}):
        trained = measured(model.objective, **options)
        assert {name: trained[name] for name in held_out} == held_out
        if options.get("hold"):
            assert trained["trained_kl_z"] + trained["trained_kl_c"] > trained["kl_z"] + trained["kl_c"] + 0.1


def test_the_bound_of_a_vae_knows_no_beta(images: torch.Tensor) -> None:
    def terms(beta: float) -> dict[str, float]:
        model = build(VAE, beta=beta)
        torch.manual_seed(4)
        return {name: value.item() for name, value in model.objective(images).items()}

    plain, weighted = terms(1.0), terms(3.0)
    assert weighted["loss"] == pytest.approx(plain["loss"] + 2 * plain["kl_z"], rel=1e-5)
    assert weighted | {"loss": plain["loss"]} == plain


def test_what_says_how_good_a_model_is() -> None:
    assert AE.objective_metric(held_out=False) == ("train/reconstruction", "min")
    assert VAE.objective_metric(held_out=True) == ("test/elbo", "max")
    assert VaDE.objective_metric(held_out=False) == ("train/elbo", "max")


def test_codes_get_the_clusters_of_their_mixture(images: torch.Tensor) -> None:
    model = build(AE)
    with pytest.raises(ValueError, match="no mixture was fitted"):
        model.predict(images)
    bare = model.state_dict()
    mixture = GaussianMixture(K, covariance_type="diag", random_state=0)
    codes = torch.randn(200, D, generator=torch.Generator().manual_seed(5)) * torch.tensor([1e-2, 1.0, 30.0])
    mixture.fit(codes.double().numpy())
    parameters = (mixture.weights_, mixture.means_, mixture.covariances_)
    model.code_mixture.set_parameters(MixtureParameters(*(torch.tensor(p).float() for p in parameters)))
    expected = torch.from_numpy(mixture.predict_proba(codes.double().numpy())).float()
    torch.testing.assert_close(model.responsibilities(codes), expected, rtol=1e-3, atol=1e-4)
    again = build(AE)
    again.load_state_dict(model.state_dict())
    assert torch.equal(again.predict_proba(images), model.predict_proba(images))
    # Checkpoints of earlier versions have no mixture.
    again.load_state_dict(bare)
    assert again.code_mixture.n_clusters == 0
    assert not [name for name, _ in model.named_parameters() if "code_mixture" in name]
