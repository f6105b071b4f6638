"""What a trained model must know to take raw inputs: their form, their preprocessing, their names."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from latentclust.data.preprocess import Preprocess
from latentclust.data.splits import InputSpec

INPUTS_KEY = "inputs"
"""Where checkpoints have it."""


@dataclass(frozen=True)
class Description:
    """The raw inputs of a model.

    Attributes
    ----------
    spec
        Of one raw input.
    preprocess
        From raw inputs to what the network takes, fitted on the pool.
    feature_names
        Of a raw vector's P numbers; empty if they have no names.
    class_names
        What label 0, 1, ... stands for; empty if there are no labels.
    reading
        How new inputs are read like these: the columns of a table, the size and color of pictures. Plain
        values by name.
    """

    spec: InputSpec
    preprocess: Preprocess
    feature_names: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()
    reading: Mapping[str, Any] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """Return it as plain values and tensors, for a checkpoint."""
        return {
            "spec": {"kind": self.spec.kind, "shape": list(self.spec.shape)},
            "preprocess": self.preprocess.plain(),
            "feature_names": list(self.feature_names),
            "class_names": list(self.class_names),
            "reading": dict(self.reading),
        }

    @classmethod
    def of_plain(cls, plain: Mapping[str, Any]) -> "Description":
        """Return what :meth:`plain` has described."""
        spec = plain["spec"]
        return cls(
            InputSpec(spec["kind"], tuple(spec["shape"])),
            Preprocess.of_plain(plain["preprocess"]),
            tuple(plain["feature_names"]),
            tuple(plain["class_names"]),
            dict(plain["reading"]),
        )
