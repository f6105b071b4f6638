"""The Gaussian mixture that gives the codes of a model without clusters of its own to clusters."""

from collections.abc import Mapping
from math import log, pi
from typing import Any

from torch import Tensor, nn

from latentclust.modules.mixture import MixtureParameters


class CodeMixture(nn.Module):
    """A diagonal Gaussian mixture fitted once to the codes of a trained model.

    It is part of the model's state: checkpoints carry it, so that every image has the same cluster in every
    call, and nothing trains it. It is empty until :meth:`set_parameters`, and in checkpoints written before
    the training was over.
    """

    weights: Tensor | None
    """``(K,)``, sum 1; None while it is empty, like the others."""
    means: Tensor | None
    """``(K, D)``."""
    variances: Tensor | None
    """``(K, D)``."""

    def __init__(self) -> None:
        super().__init__()
        self.clear()

    @property
    def n_clusters(self) -> int:
        """K; 0 while it is empty."""
        return 0 if self.weights is None else len(self.weights)

    def set_parameters(self, parameters: MixtureParameters) -> None:
        """Become the given mixture, on the device of the module that this belongs to."""
        for name, value in parameters._asdict().items():
            self.register_buffer(name, value.clone())

    def clear(self) -> None:
        """Forget the mixture: the codes that it was fitted to are no more."""
        for name in MixtureParameters._fields:
            self.register_buffer(name, None)

    def responsibilities(self, z: Tensor) -> Tensor:
        """Compute p(c|z): codes ``(..., D)`` to ``(..., K)``, with sum 1 over K.

        Raises
        ------
        ValueError
            If the mixture is empty.
        """
        if self.weights is None or self.means is None or self.variances is None:
            raise ValueError("no mixture was fitted to the codes of this model: its training is not over")
        squared = (z.unsqueeze(-2) - self.means).square()
        log_normal = -0.5 * (log(2 * pi) + self.variances.log() + squared / self.variances).sum(dim=-1)
        return (self.weights.log() + log_normal).softmax(dim=-1)

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *others: Any) -> None:
        """Become the mixture of a checkpoint, whatever its size; empty if the checkpoint has none."""
        names = [prefix + name for name in MixtureParameters._fields]
        if all(name in state_dict for name in names):
            device = None if self.weights is None else self.weights.device
            self.set_parameters(MixtureParameters(*(state_dict[name].to(device) for name in names)))
        else:
            self.clear()
        super()._load_from_state_dict(state_dict, prefix, *others)
