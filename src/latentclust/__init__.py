"""latentclust: deep clustering with autoencoders, VAEs and VaDE."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from latentclust.estimator import DeepClustering

__version__ = "0.1.0"
__all__ = ["DeepClustering", "__version__"]


def __getattr__(name: str) -> Any:
    """Import the estimator when somebody asks for it: the command line's help must not wait for torch."""
    if name == "DeepClustering":
        from latentclust.estimator import DeepClustering

        return DeepClustering
    raise AttributeError(f"module 'latentclust' has no attribute {name!r}")
