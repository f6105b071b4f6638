"""The versions of what computes."""

import platform
from importlib.metadata import PackageNotFoundError, version

from latentclust import __version__

PACKAGES = ("torch", "lightning", "torchmetrics", "scikit-learn", "scipy", "hydra-core", "numpy")


def versions() -> dict[str, str]:
    """Return the versions of Python, of latentclust and of what it computes with."""
    found = {"python": platform.python_version(), "latentclust": __version__}
    return found | {name: version_of(name) for name in PACKAGES}


def version_of(name: str) -> str:
    """Return a package's version; unknown if it was imported from a folder or built under another name."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"
