"""From raw inputs to what a network takes: steps that are fitted once and go with the model.

Shapes: N inputs, P features; images ``(N, C, H, W)``. NaN stands for a missing value and stays NaN.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from latentclust.data.counts import Log1p, Pearson
from latentclust.data.mapped import CHUNK, InputRows, MappedInputs
from latentclust.data.moments import moments
from latentclust.data.transforms import PCA, Normalize, Scale, Standardize, Top, Transform, Unit
from latentclust.errors import LatentclustError
from latentclust.steps import Step, parse

# One for each name in STEPS.
TRANSFORMS: dict[str, type[Transform]] = {
    "unit": Unit,
    "standardize": Standardize,
    "scale": Scale,
    "normalize": Normalize,
    "log1p": Log1p,
    "pearson": Pearson,
    "top": Top,
    "pca": PCA,
    "none": Transform,
}
# Whole numbers with a smaller share of zeros are not taken for the counts of molecules or words.
SPARSE = 0.5
TOP, COMPONENTS = 2000, 50
# Features of which none varies by more than so many times the median are taken to have one unit: their
# differences in spread then mean something.
ONE_UNIT = 4.0
# Of so many features, the length of a row says little of its kind, and the direction much.
MANY = 100
# Rows that are looked at, from all over the inputs.
LOOKED_AT = 5000


class Preprocess(nn.Module):
    """Fitted steps, one after the other: raw inputs in, what the network takes out.

    Parameters
    ----------
    steps
        As they are written.
    transforms
        The fitted steps.
    """

    def __init__(self, steps: Sequence[Step] = (), transforms: Sequence[Transform] = ()) -> None:
        super().__init__()
        self.steps = tuple(steps)
        self.transforms = nn.ModuleList(transforms)

    @classmethod
    def fit(cls, steps: Sequence[str], inputs: InputRows) -> "Preprocess":
        """Fit steps to raw inputs, each to what the steps before it give.

        Parameters
        ----------
        steps
            Any of ``TRANSFORMS``; ``top:n`` and ``pca:n`` with a number.
        inputs
            uint8 or float32 images ``(N, C, H, W)``, or float32 vectors ``(N, P)``, on the CPU or in a file.

        Raises
        ------
        LatentclustError
            If there is no such step, or one does not suit the inputs.
        """
        parsed = [parse(step) for step in steps]
        for step in parsed:
            if inputs.dim() > 2 and step.name not in ("unit", "none"):
                raise LatentclustError(f"preprocess={step} is for vectors, and these are images: choose unit")
        if inputs.dim() > 2 and inputs.dtype != torch.uint8 and all(step.name == "none" for step in parsed):
            raise LatentclustError(
                "preprocess=none is for 8-bit images and vectors, and these images are floats: choose unit"
            )
        transforms: list[Transform] = []
        for number, step in enumerate(parsed):
            transforms.append(TRANSFORMS[step.name].fit(inputs, step.n))
            if number + 1 < len(parsed):
                inputs = in_parts(transforms[-1], inputs)
        return cls(parsed, transforms)

    def forward(self, inputs: Tensor) -> Tensor:
        """Apply all steps to raw inputs."""
        for transform in self.transforms:
            inputs = transform(inputs)
        return inputs

    def inverse(self, x: Tensor) -> Tensor:
        """Undo all steps ``(N, Q)`` to ``(N, P)``, as far as that is possible."""
        for transform in reversed(self.transforms):
            x = transform.inverse(x)  # type: ignore[operator]
        return x

    def plain(self) -> list[dict[str, Any]]:
        """Return the steps as names, numbers and tensors, for a checkpoint."""
        return [
            {"step": str(step), **{name: getattr(transform, name).cpu() for name in transform.fields}}  # type: ignore[union-attr]
            for step, transform in zip(self.steps, self.transforms, strict=True)
        ]

    @classmethod
    def of_plain(cls, plain: Sequence[Mapping[str, Any]]) -> "Preprocess":
        """Return what :meth:`plain` has described."""
        steps = [parse(entry["step"]) for entry in plain]
        kinds = [TRANSFORMS[step.name] for step in steps]
        transforms = [
            kind(**{name: entry[name] for name in kind.fields})
            for kind, entry in zip(kinds, plain, strict=True)
        ]
        return cls(steps, transforms)


def suitable_steps(inputs: InputRows) -> tuple[list[str], str]:
    """Choose the steps for raw inputs by what they are, and say why.

    Images are scaled to [0, 1]. Vectors are standardized, or scaled by one number where no feature varies by
    more than four times the median; of 100 features or more, each row is then normalized. Vectors of whole
    numbers, at least half of them 0 and most others 1, are counts: of their Pearson residuals the 2,000 most
    variable are kept, and 50 principal components of these, which are normalized.
    """
    if inputs.dim() > 2:
        return ["unit"], "images are scaled to [0, 1]"
    n_rows, n_features = inputs.shape
    sample = inputs[torch.arange(0, n_rows, max(1, n_rows // LOOKED_AT))]
    if n_features >= MANY and are_counts(sample):
        steps = ["pearson"]
        if n_features > TOP:
            steps.append(f"top:{TOP}")
        if min(n_rows, n_features) > COMPONENTS:
            steps.append(f"pca:{COMPONENTS}")
        zeros = float((sample == 0).float().mean())
        return [*steps, "normalize"], f"whole numbers, {100 * zeros:.0f} % of them 0, are counts"
    spread = moments(sample)[1].sqrt()
    spread = spread[spread > 0]
    if len(spread) > 1 and spread.max() <= ONE_UNIT * spread.median():
        steps, reason = ["scale"], "the features vary about equally, so that one number scales all"
    else:
        steps, reason = ["standardize"], "every feature gets mean 0 and variance 1"
    if n_features >= MANY:
        steps, reason = [*steps, "normalize"], f"{reason}; of {n_features:,} features, the direction counts"
    return steps, reason


def are_counts(sample: Tensor) -> bool:
    """Say whether vectors ``(N, P)`` look like counts of what is rare, such as molecules or words.

    These are whole numbers, most of them 0, and of the others 1 is the most frequent. Of the pixels of a
    picture, which may be whole numbers and mostly 0 too, it is not.
    """
    whole = bool(((sample >= 0) & (sample == sample.round())).all())
    if not whole or float((sample == 0).float().mean()) < SPARSE:
        return False
    positive = sample[sample > 0].clamp(max=1000).to(torch.int64)
    return len(positive) > 0 and int(torch.bincount(positive).argmax()) == 1


def in_parts(function: nn.Module, inputs: InputRows) -> InputRows:
    """Apply a function of rows in chunks, into one tensor; of rows in a file, when they are read."""
    if isinstance(inputs, MappedInputs):
        return inputs.then(function)
    chunk = inputs[:CHUNK]
    first: Tensor = function(chunk)
    if first is chunk:  # nothing to do, and no copy of all images
        return inputs
    if len(inputs) <= CHUNK:
        return first
    results: Tensor = first.new_empty((len(inputs), *first.shape[1:]))
    results[:CHUNK] = first
    for start in range(CHUNK, len(inputs), CHUNK):
        results[start : start + CHUNK] = function(inputs[start : start + CHUNK])
    return results
