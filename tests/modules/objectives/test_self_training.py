"""Self-training against DEC's formulas, written out."""

import numpy as np
import pytest
import torch
from scipy.special import softmax
from torch import Tensor

from latentclust.modules.objectives import balanced_targets, self_training_loss


def log_joint(n: int = 40, k: int = 3) -> Tensor:
    return 9 * torch.randn(n, k, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def dec_targets(q: np.ndarray) -> np.ndarray:
    """The target distribution of Xie et al. 2016, one element at a time."""
    frequency = [sum(q[n, j] for n in range(len(q))) for j in range(q.shape[1])]
    p = np.array([[q[n, j] ** 2 / frequency[j] for j in range(q.shape[1])] for n in range(len(q))])
    return p / p.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 5.0])
def test_targets_are_decs(temperature: float) -> None:
    expected = dec_targets(softmax(log_joint().numpy() / temperature, axis=1))
    np.testing.assert_allclose(balanced_targets(log_joint(), temperature), expected, atol=1e-12)


def test_targets_stay_finite_where_a_cluster_has_no_mass() -> None:
    joint = torch.tensor([[0.0, -1e5], [0.0, -2e5]])
    targets = balanced_targets(joint, 1.0)
    assert targets.isfinite().all()
    torch.testing.assert_close(targets.sum(dim=1), torch.ones(2))


def test_loss_is_the_divergence_from_the_targets_but_for_their_entropy() -> None:
    p = balanced_targets(log_joint(), 5.0)
    q = (log_joint() / 5).softmax(dim=1)
    divergence = torch.distributions.kl_divergence(
        torch.distributions.Categorical(probs=p), torch.distributions.Categorical(probs=q)
    )
    entropy = torch.distributions.Categorical(probs=p).entropy()
    torch.testing.assert_close(self_training_loss(log_joint(), p, 5.0), divergence + entropy)


def test_a_small_cluster_is_lifted() -> None:
    # Two images between a cluster of ninety-eight others and an empty one: balance sends them to the latter.
    joint = torch.tensor([[0.0, -6.0]] * 98 + [[0.0, 0.0]] * 2)
    targets = balanced_targets(joint, 1.0)
    assert targets[-1, 1] > 0.95
