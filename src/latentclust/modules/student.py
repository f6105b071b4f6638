"""Soft assignments to centers by Student's t, and their divergence from targets.

Shapes: B images, D latent dimensions, K clusters. Everything is computed in log space.

References
----------
Xie, Girshick and Farhadi, "Unsupervised Deep Embedding for Clustering Analysis", 2016 (DEC).
van der Maaten and Hinton, "Visualizing Data using t-SNE", 2008.
"""

import torch
from torch import Tensor


def student_logits(z: Tensor, centers: Tensor, alpha: float) -> Tensor:
    """Compute log of the unnormalized assignments: (1 + |z - mu_c|^2 / alpha)^(-(alpha + 1) / 2).

    Their softmax is q of Xie et al. 2016, eq. 1. Elementwise: a matrix product would be shorter, but autocast
    turns those into half precision.

    Parameters
    ----------
    z
        Codes ``(B, D)``.
    centers
        ``(K, D)``.
    alpha
        Degrees of freedom, above 0.

    Returns
    -------
    Tensor
        ``(B, K)``, at most 0.
    """
    squared = (z.unsqueeze(-2) - centers).square().sum(dim=-1)
    return -(alpha + 1) / 2 * (squared / alpha).log1p()


def kl_of_targets(targets: Tensor, logits: Tensor) -> Tensor:
    """KL(P || Q) with q = softmax(logits), ``(B, K)`` each, to ``(B,)``: Xie et al. 2016, eq. 2.

    A target of 0 adds nothing. The targets get no gradient.
    """
    targets = targets.detach()
    gain: Tensor = torch.special.entr(targets) + targets * logits.log_softmax(dim=-1)
    return -gain.sum(dim=-1)
