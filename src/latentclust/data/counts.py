"""Steps of the preprocessing that are for counts, such as those of molecules or words.

Shapes: N inputs, P features. NaN stands for a missing value and stays NaN.
"""

import torch
from torch import Tensor

from latentclust.data.mapped import InputRows, parts
from latentclust.data.transforms import Transform
from latentclust.errors import LatentclustError

DISPERSION = 100.0
"""theta of the negative binomial that counts are expected to follow: nearly a Poisson distribution."""


class Log1p(Transform):
    """log(1 + count), after each row is scaled to the same total: the usual start with counts."""

    fields = ("total",)
    total: Tensor

    @classmethod
    def fit(cls, x: InputRows, n: int | None) -> "Log1p":
        """Take the median of the rows' totals.

        Raises
        ------
        LatentclustError
            If a value is negative.
        """
        totals = []
        for part in parts(x):
            refuse_negative(part, "log1p")
            totals.append(part.nansum(dim=1))
        return cls(total=median_total(torch.cat(totals)))

    def forward(self, x: Tensor) -> Tensor:
        """Scale the rows ``(N, P)`` and take the logarithm."""
        totals = x.nansum(dim=1, keepdim=True)
        return (x * (self.total / torch.where(totals > 0, totals, 1.0))).log1p()

    def inverse(self, x: Tensor) -> Tensor:
        """Return counts of a row with the median total."""
        return x.expm1()


class Pearson(Transform):
    r"""Pearson residuals of counts: what is left of a count when its row's and column's totals are known.

    .. math:: r = \frac{x - \mu}{\sqrt{\mu + \mu^2 / \theta}}, \quad \mu = \text{row total} \cdot p

    with p each feature's share of all counts and theta = 100, cut at plus and minus the root of the number
    of rows that were fitted (Lause, Berens and Kobak 2021, Genome Biology 22, 258).
    """

    fields = ("shares", "total", "limit")
    shares: Tensor
    total: Tensor
    limit: Tensor

    @classmethod
    def fit(cls, x: InputRows, n: int | None) -> "Pearson":
        """Take the features' shares of all counts, and the median of the rows' totals.

        Raises
        ------
        LatentclustError
            If a value is negative.
        """
        sums, totals = torch.zeros(x.shape[1], dtype=torch.float64), []
        for part in parts(x):
            refuse_negative(part, "pearson")
            sums += part.double().nansum(dim=0)
            totals.append(part.nansum(dim=1))
        return cls(
            shares=(sums / sums.sum().clamp(min=1e-300)).float(),
            total=median_total(torch.cat(totals)),
            limit=torch.tensor(float(len(x))).sqrt(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Compute the residuals of rows ``(N, P)``; 0 for a feature that was 0 in all fitted rows."""
        expected = x.nansum(dim=1, keepdim=True) * self.shares
        residuals = (x - expected) / self.deviation(expected).clamp(min=1e-12)
        # Of a feature without a share any count would be at the limit.
        return residuals.clamp(-self.limit, self.limit) * (self.shares > 0)

    def inverse(self, x: Tensor) -> Tensor:
        """Return counts of a row with the median total."""
        expected = self.total * self.shares
        return (x * self.deviation(expected) + expected).clamp(min=0)

    def deviation(self, expected: Tensor) -> Tensor:
        """Compute a count's standard deviation from its expectation."""
        return (expected + expected.square() / DISPERSION).sqrt()


def refuse_negative(counts: Tensor, step: str) -> None:
    """Check that counts are none below 0.

    Raises
    ------
    LatentclustError
        If one is.
    """
    if (counts < 0).any():
        raise LatentclustError(
            f"preprocess={step} is for counts, and some values are negative: choose standardize"
        )


def median_total(totals: Tensor) -> Tensor:
    """Return the median of the rows' totals ``(N,)`` that are not 0; 1 where all are."""
    positive = totals[totals > 0]
    return positive.median() if len(positive) else torch.ones(())
