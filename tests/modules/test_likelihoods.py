"""Likelihoods against torch.distributions, with values missing and without."""

import pytest
import torch
from torch.distributions import Bernoulli, Normal

from latentclust.modules.likelihoods import LIKELIHOODS, LOG_VAR_MAX, LOG_VAR_MIN, Gaussian, likelihood_of

B, P, L = 5, 4, 3
GENERATOR = torch.Generator().manual_seed(0)
X = torch.rand(B, P, generator=GENERATOR, dtype=torch.double)


def output_of(name: str, shape: tuple[int, ...] = (P,), *lead: int) -> torch.Tensor:
    sizes = *(lead or (B,)), *likelihood_of(name, shape).output_shape(shape)
    return 2 * torch.randn(sizes, generator=torch.Generator().manual_seed(1), dtype=torch.double)


def test_a_gaussian_of_vectors_is_that_of_torch_distributions() -> None:
    likelihood, output = Gaussian("vector"), output_of("gaussian")
    mean, log_var = likelihood.parameters_of(output)
    expected = -Normal(mean, (0.5 * log_var).exp()).log_prob(X).sum(dim=1)
    torch.testing.assert_close(likelihood.nll(output, X), expected)
    torch.testing.assert_close(likelihood.mean(output.float()), mean.float())
    torch.testing.assert_close(mean, output[:, 0])


@pytest.mark.parametrize("shape", [(P,), (1, 2, 3)])
def test_the_variance_is_bounded_and_never_stuck(shape: tuple[int, ...]) -> None:
    likelihood = likelihood_of("gaussian", shape)
    assert isinstance(likelihood, Gaussian)
    output = torch.linspace(-9, 6, 31).view(-1, *(1,) * (len(shape) + 1)).expand(-1, 2, *shape)
    output = output.clone().requires_grad_()
    _, log_var = likelihood.parameters_of(output)
    assert log_var.shape == (31, *shape)
    assert log_var.min() > LOG_VAR_MIN
    assert log_var.max() < LOG_VAR_MAX
    log_var.sum().backward()
    assert output.grad is not None
    assert (output.grad[:, 1] > 0).all()


def test_a_bernoulli_of_vectors_is_that_of_torch_distributions() -> None:
    output, x = output_of("bernoulli"), (X > 0.5).double()
    expected = -Bernoulli(logits=output).log_prob(x).sum(dim=1)
    torch.testing.assert_close(likelihood_of("bernoulli", (P,)).nll(output, x), expected)


def test_the_squared_error_of_vectors_has_no_sigmoid() -> None:
    output, likelihood = output_of("squared_error"), likelihood_of("squared_error", (P,))
    torch.testing.assert_close(likelihood.nll(output, X), (output - X).square().sum(dim=1))
    torch.testing.assert_close(likelihood.mean(output), output.float())


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_what_is_missing_is_left_out(name: str) -> None:
    likelihood = likelihood_of(name, (P,))
    holes = torch.zeros(B, P, dtype=torch.bool)
    holes[0, 1] = holes[2, :] = True
    x = X.masked_fill(holes, torch.nan)
    output = output_of(name).requires_grad_()
    nll = likelihood.nll(output, x)
    known = torch.stack(
        [likelihood.losses(output[i : i + 1], X[i : i + 1])[0, ~holes[i]].sum() for i in range(B)]
    )
    torch.testing.assert_close(nll, known)
    assert nll[2] == 0
    nll.sum().backward()
    assert output.grad is not None
    assert output.grad.isfinite().all()
    assert not output.grad[2].any()


@pytest.mark.parametrize("name", LIKELIHOODS)
@pytest.mark.parametrize("shape", [(P,), (2, 3, 2)])
def test_one_sample_or_several(name: str, shape: tuple[int, ...]) -> None:
    likelihood, x = likelihood_of(name, shape), torch.rand(B, *shape, generator=GENERATOR, dtype=torch.double)
    output = output_of(name, shape, L, B)
    nll = likelihood.nll(output, x)
    assert nll.shape == (L, B)
    torch.testing.assert_close(nll[1], likelihood.nll(output[1], x))
    assert likelihood.mean(output).shape == (L, B, *shape)
