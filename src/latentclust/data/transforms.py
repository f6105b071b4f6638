"""Steps of the preprocessing: each is fitted to rows, transforms rows, and undoes that as far as it can.

Shapes: N inputs, P features; images ``(N, C, H, W)``. NaN stands for a missing value and stays NaN.
"""

import torch
from sklearn import decomposition
from torch import Tensor, nn

from latentclust.errors import LatentclustError


class Transform(nn.Module):
    """A fitted step: a function of rows with buffers, and its inverse as far as there is one."""

    fields: tuple[str, ...] = ()
    """The buffers that were fitted."""

    def __init__(self, **fitted: Tensor) -> None:
        super().__init__()
        for name in self.fields:
            # Checkpoints carry them beside the weights: see Preprocess.plain.
            self.register_buffer(name, fitted[name], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Transform rows."""
        return x

    def inverse(self, x: Tensor) -> Tensor:
        """Undo it, as far as that is possible."""
        return x

    @classmethod
    def fit(cls, x: Tensor, n: int | None) -> "Transform":
        """Fit it to rows."""
        return cls()


class Unit(Transform):
    """Scale to [0, 1]: vectors feature by feature, floating-point images as a whole and to 8 bits.

    Images that are 8 bits stay as they are: each batch divides them by 255.
    """

    fields = ("low", "high")
    low: Tensor
    high: Tensor

    @classmethod
    def fit(cls, x: Tensor, n: int | None) -> "Unit":
        """Take the smallest and the largest value; images within [0, 1] keep that range."""
        if x.dim() == 2:
            low, high = nan_extremes(x)
        else:
            low, high = x.min().float(), x.max().float()
            if x.dtype == torch.uint8 or (low >= 0 and high <= 1):
                low, high = torch.zeros(()), torch.ones(())
        return cls(low=low, high=torch.where(high > low, high, low + 1))

    def forward(self, x: Tensor) -> Tensor:
        """Scale; what lies outside of the fitted range of an image becomes its end."""
        if x.dtype == torch.uint8:
            return x
        scaled = (x - self.low) / (self.high - self.low)
        return scaled if x.dim() == 2 else (scaled.clamp(0, 1) * 255).round().to(torch.uint8)

    def inverse(self, x: Tensor) -> Tensor:
        """Scale back."""
        return x * (self.high - self.low) + self.low


class Standardize(Transform):
    """Subtract each feature's mean and divide by its standard deviation; a constant feature becomes 0."""

    fields = ("mean", "scale")
    mean: Tensor
    scale: Tensor

    @classmethod
    def fit(cls, x: Tensor, n: int | None) -> "Standardize":
        """Measure what is not missing."""
        known = ~x.isnan()
        count = known.sum(dim=0).clamp(min=1)
        mean = x.double().nan_to_num().sum(dim=0) / count
        variance = torch.where(known, (x - mean).square(), 0.0).sum(dim=0) / count
        scale = torch.where(variance > 0, variance.sqrt(), 1.0)
        return cls(mean=mean.float(), scale=scale.float())

    def forward(self, x: Tensor) -> Tensor:
        """Standardize rows ``(N, P)``."""
        return (x - self.mean) / self.scale

    def inverse(self, x: Tensor) -> Tensor:
        """Give rows their means and scales back."""
        return x * self.scale + self.mean


class Log1p(Transform):
    """log(1 + count), after each row is scaled to the same total: the usual start with counts."""

    fields = ("total",)
    total: Tensor

    @classmethod
    def fit(cls, x: Tensor, n: int | None) -> "Log1p":
        """Take the median of the rows' totals.

        Raises
        ------
        LatentclustError
            If a value is negative.
        """
        if (x < 0).any():
            raise LatentclustError(
                "preprocess=log1p is for counts, and some values are negative: choose standardize"
            )
        totals = x.nansum(dim=1)
        return cls(total=totals[totals > 0].median() if (totals > 0).any() else torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        """Scale the rows ``(N, P)`` and take the logarithm."""
        totals = x.nansum(dim=1, keepdim=True)
        return (x * (self.total / torch.where(totals > 0, totals, 1.0))).log1p()

    def inverse(self, x: Tensor) -> Tensor:
        """Return counts of a row with the median total."""
        return x.expm1()


class Top(Transform):
    """Keep the n features that vary most."""

    fields = ("kept", "others")
    kept: Tensor
    others: Tensor

    @classmethod
    def fit(cls, x: Tensor, n: int | None) -> "Top":
        """Find them; the others' means are what the inverse puts in their places."""
        assert n is not None
        mean = x.nanmean(dim=0)
        variance = (x - mean).square().nanmean(dim=0).nan_to_num()
        kept = variance.argsort(descending=True, stable=True)[:n].sort().values
        return cls(kept=kept, others=mean.nan_to_num())

    def forward(self, x: Tensor) -> Tensor:
        """Choose columns."""
        return x.index_select(1, self.kept)

    def inverse(self, x: Tensor) -> Tensor:
        """Put the columns back; the others have their means."""
        return self.others.repeat(len(x), 1).index_copy(1, self.kept, x)


class PCA(Transform):
    """Project on n principal components, all divided by one number: their total variance becomes n."""

    fields = ("mean", "components", "scale")
    mean: Tensor
    components: Tensor
    scale: Tensor

    @classmethod
    def fit(cls, x: Tensor, n: int | None) -> "PCA":
        """Fit scikit-learn's PCA.

        Raises
        ------
        LatentclustError
            If a value is missing, or there are fewer rows or features than components.
        """
        assert n is not None
        if x.isnan().any():
            raise LatentclustError(
                f"preprocess=pca:{n} needs whole rows, and some values are missing: leave pca out, or the "
                "columns with holes"
            )
        if n > min(x.shape):
            raise LatentclustError(
                f"preprocess=pca:{n} is more than {len(x)} rows of {x.shape[1]} features have: choose fewer"
            )
        fitted = decomposition.PCA(n, random_state=0).fit(x.numpy())
        scale = max(float(fitted.explained_variance_.mean()) ** 0.5, 1e-12)
        return cls(
            mean=torch.as_tensor(fitted.mean_).float(),
            components=torch.as_tensor(fitted.components_).float(),
            scale=torch.tensor(scale),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Project rows ``(N, P)`` to ``(N, n)``."""
        return (x - self.mean) @ self.components.T / self.scale

    def inverse(self, x: Tensor) -> Tensor:
        """Return rows of the plane of the components."""
        return x * self.scale @ self.components + self.mean


TRANSFORMS: dict[str, type[Transform]] = {
    "unit": Unit,
    "standardize": Standardize,
    "log1p": Log1p,
    "top": Top,
    "pca": PCA,
    "none": Transform,
}


def nan_extremes(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the smallest and the largest value of each feature that is not missing, 0 where all are."""
    missing = x.isnan()
    low = torch.where(missing, torch.inf, x).amin(dim=0)
    high = torch.where(missing, -torch.inf, x).amax(dim=0)
    return torch.where(low.isinf(), 0.0, low), torch.where(high.isinf(), 0.0, high)
