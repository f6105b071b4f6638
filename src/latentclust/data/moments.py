"""What is measured of rows part by part, whether they lie in memory or in a file; NaN is missing."""

import torch
from torch import Tensor

from latentclust.data.mapped import InputRows, parts


def nan_extremes(x: InputRows) -> tuple[Tensor, Tensor]:
    """Return the smallest and the largest value of each feature that is not missing, 0 where all are."""
    low, high = (torch.full(x.shape[1:], end) for end in (torch.inf, -torch.inf))
    for part in parts(x):
        missing = part.isnan()
        low = torch.minimum(low, torch.where(missing, torch.inf, part).amin(dim=0))
        high = torch.maximum(high, torch.where(missing, -torch.inf, part).amax(dim=0))
    return torch.where(low.isinf(), 0.0, low), torch.where(high.isinf(), 0.0, high)


def moments(x: InputRows) -> tuple[Tensor, Tensor]:
    """Measure each feature's mean and variance, of what is not missing; both are 0 where all is.

    Part by part, whose sums of squared deviations are joined exactly (Chan, Golub and LeVeque 1983): the
    same numbers whether the rows lie in memory or in a file.

    Parameters
    ----------
    x
        ``(N, P)``.

    Returns
    -------
    tuple[Tensor, Tensor]
        Each ``(P,)``, float64; the variance has the denominator N.
    """
    count = torch.zeros(x.shape[1], dtype=torch.int64)
    mean, deviations = torch.zeros(2, x.shape[1], dtype=torch.float64)
    for part in parts(x):
        known, rows = ~part.isnan(), part.double()
        n = known.sum(dim=0)
        own = rows.nan_to_num().sum(dim=0) / n.clamp(min=1)
        squares = torch.where(known, (rows - own).square(), 0.0).sum(dim=0)
        total = (count + n).clamp(min=1)
        deviations += squares + (own - mean).square() * count * n / total
        mean += (own - mean) * n / total
        count += n
    return mean, deviations / count.clamp(min=1)
