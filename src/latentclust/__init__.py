"""latentclust: deep clustering with autoencoders, VAEs and VaDE."""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from latentclust.estimator import DeepClustering

# OpenMP's threads wait for each other by spinning, for milliseconds. Where others use the cores, they spin
# while what they wait for is not even running. OpenMP reads this when torch is loaded, so that it has to be
# here; who has chosen a way to wait keeps it. So many turns are what OpenMP itself takes where
# threads are more than cores.
SPINS = "1000"
if not {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & os.environ.keys():
    os.environ["GOMP_SPINCOUNT"] = SPINS

__version__ = "0.1.0"
__all__ = ["DeepClustering", "__version__"]


def __getattr__(name: str) -> Any:
    """Import the estimator when somebody asks for it: the command line's help must not wait for torch."""
    if name == "DeepClustering":
        from latentclust.estimator import DeepClustering

        return DeepClustering
    raise AttributeError(f"module 'latentclust' has no attribute {name!r}")
