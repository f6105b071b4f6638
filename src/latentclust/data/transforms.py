"""Steps of the preprocessing: each is fitted to rows, transforms rows, and undoes that as far as it can.

Shapes: N inputs, P features; images ``(N, C, H, W)``. NaN stands for a missing value and stays NaN.
"""

import numpy as np
import torch
from sklearn import decomposition
from torch import Tensor, nn

from latentclust.data.mapped import InputRows, parts
from latentclust.data.moments import moments, nan_extremes
from latentclust.errors import LatentclustError

SAMPLE = 100_000
"""Rows that principal components are fitted to at most."""


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
    def fit(cls, x: InputRows, n: int | None) -> "Transform":
        """Fit it to rows, which are looked at in parts."""
        return cls()


class Unit(Transform):
    """Scale to [0, 1]: vectors feature by feature, floating-point images as a whole and to 8 bits.

    Images that are 8 bits stay as they are: each batch divides them by 255.
    """

    fields = ("low", "high")
    low: Tensor
    high: Tensor

    @classmethod
    def fit(cls, x: InputRows, n: int | None) -> "Unit":
        """Take the smallest and the largest value; images within [0, 1] keep that range."""
        if x.dim() == 2:
            low, high = nan_extremes(x)
        elif x.dtype == torch.uint8:
            low, high = torch.zeros(()), torch.ones(())
        else:
            ends = torch.stack([torch.stack([part.min(), part.max()]) for part in parts(x)]).float()
            low, high = ends[:, 0].min(), ends[:, 1].max()
            if low >= 0 and high <= 1:
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
    def fit(cls, x: InputRows, n: int | None) -> "Standardize":
        """Measure what is not missing."""
        mean, variance = moments(x)
        scale = torch.where(variance > 0, variance.sqrt(), 1.0)
        return cls(mean=mean.float(), scale=scale.float())

    def forward(self, x: Tensor) -> Tensor:
        """Standardize rows ``(N, P)``."""
        return (x - self.mean) / self.scale

    def inverse(self, x: Tensor) -> Tensor:
        """Give rows their means and scales back."""
        return x * self.scale + self.mean


class Scale(Transform):
    """Subtract each feature's mean and divide all features by one number: their mean variance becomes 1."""

    fields = ("mean", "scale")
    mean: Tensor
    scale: Tensor

    @classmethod
    def fit(cls, x: InputRows, n: int | None) -> "Scale":
        """Measure what is not missing."""
        mean, variance = moments(x)
        whole = variance.mean().sqrt()
        return cls(mean=mean.float(), scale=torch.where(whole > 0, whole, 1.0).float())

    def forward(self, x: Tensor) -> Tensor:
        """Scale rows ``(N, P)``."""
        return (x - self.mean) / self.scale

    def inverse(self, x: Tensor) -> Tensor:
        """Give rows their means and scale back."""
        return x * self.scale + self.mean


class Normalize(Transform):
    """Divide each row by its root mean square: what stays is its direction, with numbers of mean square 1."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalize rows ``(N, P)`` by what is not missing in them; a row of zeros stays one."""
        known = ~x.isnan()
        squares = torch.where(known, x, 0.0).square().sum(dim=1, keepdim=True)
        length = (squares / known.sum(dim=1, keepdim=True).clamp(min=1)).sqrt()
        return x / torch.where(length > 0, length, 1.0)


class Top(Transform):
    """Keep the n features that vary most."""

    fields = ("kept", "others")
    kept: Tensor
    others: Tensor

    @classmethod
    def fit(cls, x: InputRows, n: int | None) -> "Top":
        """Find them; the others' means are what the inverse puts in their places."""
        assert n is not None
        mean, variance = moments(x)
        kept = variance.argsort(descending=True, stable=True)[:n].sort().values
        return cls(kept=kept, others=mean.float())

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
    def fit(cls, x: InputRows, n: int | None) -> "PCA":
        """Fit scikit-learn's PCA; of more than 100,000 rows, to a sample of that size.

        Raises
        ------
        LatentclustError
            If a value is missing, or there are fewer rows or features than components.
        """
        assert n is not None
        if any(bool(part.isnan().any()) for part in parts(x)):
            raise LatentclustError(
                f"preprocess=pca:{n} needs whole rows, and some values are missing: leave pca out, or the "
                "columns with holes"
            )
        if n > min(x.shape):
            raise LatentclustError(
                f"preprocess=pca:{n} is more than {len(x)} rows of {x.shape[1]} features have: choose fewer"
            )
        generator = torch.Generator().manual_seed(0)
        chosen = torch.randperm(len(x), generator=generator)[:SAMPLE].sort().values
        rows = (x[:] if len(x) <= SAMPLE else x[chosen]).numpy()
        # Centered before: scikit-learn subtracts the means' products from X'X, and where the means are large
        # float32 has no digits left for what remains. It works on these rows then, without a copy.
        mean = rows.mean(axis=0, dtype=np.float64)
        own = rows if len(x) > SAMPLE else None  # a sample is no part of the inputs
        centered = np.subtract(rows, mean.astype(rows.dtype), out=own)
        fitted = decomposition.PCA(n, copy=False, random_state=0).fit(centered)
        scale = max(float(fitted.explained_variance_.mean()) ** 0.5, 1e-12)
        return cls(
            mean=torch.as_tensor(mean).float(),
            components=torch.as_tensor(fitted.components_).float(),
            scale=torch.tensor(scale),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Project rows ``(N, P)`` to ``(N, n)``."""
        return (x - self.mean) @ self.components.T / self.scale

    def inverse(self, x: Tensor) -> Tensor:
        """Return rows of the plane of the components."""
        return x * self.scale @ self.components + self.mean
