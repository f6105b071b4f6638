"""What a model says of each input, and how usual that is in the pool that it was trained on."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

PERCENTS = 101
UNLIKE = 1
"""The percentile of the pool below which an input is like nothing seen."""


class Described(NamedTuple):
    """What a model says of B inputs."""

    codes: Tensor
    """``(B, D)``."""
    gamma: Tensor
    """The clusters' probabilities ``(B, K)``, rows with sum 1."""
    bounds: Tensor
    """How well the model explains each input ``(B,)``: higher is better; see ``LatentModel.bound_name``."""


class PoolBounds(nn.Module):
    """The percentiles of the bounds of the pool: by these, new inputs are judged.

    They are part of the model's state, so that checkpoints carry them. They are empty until :meth:`set_pool`,
    and in checkpoints written before the training was over.
    """

    quantiles: Tensor | None
    """The 0th, 1st, ..., 100th percentile ``(101,)``, float64, ascending; None while it is empty."""

    def __init__(self) -> None:
        super().__init__()
        self.clear()

    def set_pool(self, bounds: Tensor) -> None:
        """Take the percentiles of the bounds of the pool ``(N,)``; those that are not finite do not count."""
        values = bounds.detach().cpu().double().numpy()
        values = values[np.isfinite(values)]
        if not len(values):
            self.clear()
            return
        quantiles = torch.from_numpy(np.quantile(values, np.linspace(0, 1, PERCENTS)))
        self.register_buffer("quantiles", quantiles)

    def clear(self) -> None:
        """Forget them: the weights that gave the bounds are no more."""
        self.register_buffer("quantiles", None)

    def percentiles(self, bounds: NDArray[np.floating]) -> NDArray[np.float64] | None:
        """Return which percentile of the pool each bound ``(M,)`` is, 0 to 100; None while this is empty.

        Between the 101 percentiles it is interpolated.
        """
        if self.quantiles is None:
            return None
        known = self.quantiles.cpu().numpy()
        places: NDArray[np.float64] = np.interp(bounds, known, np.arange(PERCENTS, dtype=np.float64))
        return places

    def unlike(self, bounds: NDArray[np.floating]) -> NDArray[np.bool_] | None:
        """Say which inputs ``(M,)`` are explained worse than 99 % of the pool; None while this is empty.

        A bound that is not a number is among them.
        """
        if self.quantiles is None:
            return None
        # Written so that NaN is unlike.
        marked: NDArray[np.bool_] = ~(bounds >= float(self.quantiles[UNLIKE]))
        return marked

    def _apply(self, fn: Any, recurse: bool = True) -> "PoolBounds":
        """Stay where and what it is: on the CPU in float64, whatever the model moves to."""
        return self

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *others: Any) -> None:
        """Take the percentiles of a checkpoint; none if it has none."""
        quantiles = state_dict.get(f"{prefix}quantiles")
        self.register_buffer("quantiles", None if quantiles is None else quantiles.detach().cpu().clone())
        super()._load_from_state_dict(state_dict, prefix, *others)
