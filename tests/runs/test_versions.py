"""The versions that a summary names."""

from importlib.metadata import PackageNotFoundError, version

import pytest

from latentclust import __version__
from latentclust.runs import versions as module


def test_they_are_those_that_compute() -> None:
    import numpy
    import torch

    found = module.versions()
    assert found["latentclust"] == version("latentclust") == __version__
    assert torch.__version__.startswith(found["torch"])
    assert found["numpy"] == numpy.__version__


def test_what_was_not_installed_costs_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkout that is only on the path has no metadata: the numbers of a finished run must not be lost."""

    def nothing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(module, "version", nothing)
    assert module.versions()["latentclust"] == __version__
    assert module.versions()["torch"] == "unknown"
