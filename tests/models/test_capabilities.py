"""What each model can do, as every supported Python sees it."""

from inspect import getattr_static
from typing import Any

import pytest

from latentclust.models import (
    AE,
    DEC,
    IDEC,
    VAE,
    Clusters,
    EpochTargets,
    HasCenters,
    HasMixture,
    LatentModel,
    Pretrains,
    Samples,
    StartsFromMixture,
    VaDE,
)

ALL = (Pretrains, Clusters, HasCenters, HasMixture, Samples, StartsFromMixture, EpochTargets)
CAN: dict[type[LatentModel], set[type]] = {
    AE: set(),
    VAE: {Samples},
    VaDE: {Pretrains, Clusters, HasMixture, StartsFromMixture, EpochTargets},
    DEC: {Pretrains, Clusters, HasCenters, StartsFromMixture, EpochTargets},
    IDEC: {Pretrains, Clusters, HasCenters, StartsFromMixture, EpochTargets},
}


def members(protocol: type) -> set[str]:
    """Return what a protocol asks for."""
    asked = {
        name
        for kind in protocol.__mro__
        if getattr(kind, "_is_protocol", False)
        for name in (*vars(kind), *vars(kind).get("__annotations__", {}))
    }
    return {name for name in asked if not name.startswith("_")}


@pytest.mark.parametrize("kind", CAN, ids=lambda kind: kind.__name__)
def test_what_a_model_can_do(kind: type[LatentModel]) -> None:
    sizes: dict[str, Any] = {"input_shape": [1, 6, 6], "widths": [8], "latent_dim": 2}
    model = kind(**sizes, **({} if kind in (AE, VAE) else {"n_clusters": 3}))
    assert {one for one in ALL if isinstance(model, one)} == CAN[kind]
    # From Python 3.12 on, isinstance looks without calling __getattr__, which is how modules find their
    # parameters, buffers and modules: asked for by a protocol, they would be missing there.
    for one in CAN[kind]:
        missing = {name for name in members(one) if getattr_static(model, name, None) is None}
        assert not missing, one
