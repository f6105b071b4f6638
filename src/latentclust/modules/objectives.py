"""What is minimized: reconstruction, KL terms and the evidence lower bounds of VAE and VaDE.

Pure functions with one result per input; the caller takes means. Shapes: B inputs of shape S, the decoder's
output of shape O, D latent dimensions, K clusters, L Monte Carlo samples. ``mu`` and ``log_var``, each
``(B, D)``, are those of q(z|x).

References
----------
Kingma and Welling, "Auto-Encoding Variational Bayes", 2014 (VAE).
Jiang, Zheng, Tan, Tang and Zhou, "Variational Deep Embedding: An Unsupervised and Generative Approach to
Clustering", 2017 (VaDE).
"""

from math import log
from typing import NamedTuple

import torch
from torch import Tensor

from latentclust.errors import LatentclustError
from latentclust.modules.likelihoods import Likelihood
from latentclust.modules.mixture import GaussianMixturePrior


class ELBO(NamedTuple):
    """The terms of an evidence lower bound, each ``(B,)`` in nats per input."""

    reconstruction: Tensor
    """-E_q[log p(x|z)]."""
    kl_z: Tensor
    """The divergence of q(z|x) from the prior of z, expected under q(c|x) where there are clusters."""
    kl_c: Tensor
    """KL(q(c|x) || p(c)); zero where there are no clusters."""

    @property
    def elbo(self) -> Tensor:
        """The bound itself, ``(B,)``: what training maximizes."""
        return -(self.reconstruction + self.kl_z + self.kl_c)


def reparameterize(
    mu: Tensor, log_var: Tensor, n_samples: int, generator: torch.Generator | None = None
) -> Tensor:
    """Draw z = mu + sigma * epsilon from q(z|x), ``(L, B, D)``: the reparameterization trick."""
    shape = (n_samples, *mu.shape)
    epsilon = torch.randn(shape, generator=generator, device=mu.device, dtype=mu.dtype)
    return mu + (0.5 * log_var).exp() * epsilon


def gaussian_kl(mu: Tensor, log_var: Tensor) -> Tensor:
    """KL(q(z|x) || N(0, I)) = 1/2 sum_d [mu^2 + sigma^2 - 1 - log sigma^2], ``(B,)``: exact."""
    return 0.5 * (mu.square() + log_var.expm1() - log_var).sum(dim=-1)


def vae_elbo(x: Tensor, output: Tensor, mu: Tensor, log_var: Tensor, likelihood: Likelihood) -> ELBO:
    """Evidence lower bound of the VAE (Kingma and Welling 2014), its KL term in closed form.

    Parameters
    ----------
    x
        Inputs ``(B, *S)``.
    output
        The decoder's, of samples of q(z|x): ``(B, *O)`` or ``(L, B, *O)``.
    mu, log_var
        Mean and log-variance of q(z|x), each ``(B, D)``.
    likelihood
        p(x|z).
    """
    kl_z = gaussian_kl(mu, log_var)
    return ELBO(expected_nll(x, output, likelihood), kl_z, torch.zeros_like(kl_z))


def vade_kl(
    mu: Tensor, log_var: Tensor, z: Tensor, prior: GaussianMixturePrior, gamma: str | Tensor
) -> tuple[Tensor, Tensor]:
    """Both KL terms of VaDE's evidence lower bound (Jiang et al. 2017).

    With gamma_c = q(c|x), kl_z = sum_c gamma_c KL(N(mu, sigma^2) || N(mu_c, sigma_c^2)) and
    kl_c = sum_c gamma_c log(gamma_c / pi_c).

    Parameters
    ----------
    mu, log_var
        Mean and log-variance of q(z|x), each ``(B, D)``.
    z
        The samples that are decoded, ``(L, B, D)``.
    prior
        p(z, c).
    gamma
        ``"sample"``: gamma_c is the mean of p(c|z) over the L samples, the paper's. ``"exact"``: gamma_c is
        proportional to exp E_q[log p(z, c)], which maximizes the bound; ``z`` plays no part. A tensor
        ``(B, K)``: these responsibilities, rows with sum 1.

    Returns
    -------
    tuple[Tensor, Tensor]
        ``kl_z`` and ``kl_c``, each ``(B,)`` and at least 0.

    Raises
    ------
    LatentclustError
        If ``gamma`` is neither.
    """
    log_pi = prior.log_pi
    kl = prior.component_kl(mu, log_var)
    if isinstance(gamma, Tensor):
        kl_z = (gamma * kl).sum(dim=-1)
        return kl_z, -(torch.special.entr(gamma) + gamma * log_pi).sum(dim=-1)
    if gamma == "exact":
        # E_q[log p(z, c)] = log pi_c - KL_c - H(q), and the softmax does not see H(q).
        log_gamma = (log_pi - kl).log_softmax(dim=-1)
    elif gamma == "sample":
        log_gamma = prior.log_responsibilities(z).logsumexp(dim=0) - log(len(z))
    else:
        raise LatentclustError(f"model.gamma is {gamma!r}: choose 'sample' or 'exact'")
    responsibilities = log_gamma.exp()
    kl_z = (responsibilities * kl).sum(dim=-1)
    kl_c = (responsibilities * (log_gamma - log_pi)).sum(dim=-1)
    return kl_z, kl_c


def vade_elbo(
    x: Tensor,
    output: Tensor,
    mu: Tensor,
    log_var: Tensor,
    z: Tensor,
    prior: GaussianMixturePrior,
    likelihood: Likelihood,
    gamma: str | Tensor = "sample",
) -> ELBO:
    """Evidence lower bound of VaDE (Jiang et al. 2017), its KL terms in closed form.

    Parameters
    ----------
    x
        Inputs ``(B, *S)``.
    output
        The decoder's ``(L, B, *O)``, of ``z``.
    mu, log_var, z, prior, gamma
        As for :func:`vade_kl`.
    likelihood
        p(x|z).

    Raises
    ------
    LatentclustError
        If there is no such gamma.
    """
    kl_z, kl_c = vade_kl(mu, log_var, z, prior, gamma)
    return ELBO(expected_nll(x, output, likelihood), kl_z, kl_c)


def expected_nll(x: Tensor, output: Tensor, likelihood: Likelihood) -> Tensor:
    """-E_q[log p(x|z)] as the mean over the decoded samples, ``(B,)``.

    ``x`` are B inputs and ``output`` what the decoder says of L samples of each, ``(L, B, *O)``, or of one,
    ``(B, *O)``.
    """
    # The shape, for len() would fix the batch of an exported program.
    return likelihood.nll(output, x).reshape(-1, x.shape[0]).mean(dim=0)


def balanced_targets(log_joint: Tensor, temperature: float) -> Tensor:
    """Sharpen cluster assignments and balance them by the clusters' sizes.

    With q = softmax(log p(z, c) / T) and f_c = sum_n q_nc, the targets are p_nc proportional to
    q_nc^2 / f_c: confident assignments get more so, and large clusters do not swallow small ones (the target
    distribution of Xie et al. 2016, "Unsupervised Deep Embedding for Clustering Analysis").

    Parameters
    ----------
    log_joint
        log p(z, c) of all inputs ``(N, K)``.
    temperature
        T, above 0; log p(z, c) has D dimensions to add up, so at T = 1 nearly every q is 0 or 1.

    Returns
    -------
    Tensor
        ``(N, K)``, rows with sum 1.
    """
    log_q = (log_joint / temperature).log_softmax(dim=-1)
    return (2 * log_q - log_q.logsumexp(dim=0)).softmax(dim=-1)


def self_training_loss(log_joint: Tensor, targets: Tensor, temperature: float) -> Tensor:
    """Cross-entropy of softmax(log p(z, c) / T) with the targets, ``(B, K)`` each, to ``(B,)``.

    Up to the targets' entropy, which has no gradient, it is the KL divergence that Xie et al. 2016 minimize.
    """
    return -(targets * (log_joint / temperature).log_softmax(dim=-1)).sum(dim=-1)
