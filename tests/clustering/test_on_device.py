"""What a GPU computes, here on the CPU: equal to the CPU's own up to rounding."""

from typing import Any

import numpy as np
import pytest
import torch

from latentclust.clustering import fit_gmm, fit_merged, nearest, nearest_images, on_device
from tests.devices.pretended import NAME, WAITS, PretendedDevice


@pytest.fixture
def in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the search go in several blocks, as that of many points does."""
    monkeypatch.setattr(on_device, "BLOCK", 2**15)


@pytest.mark.parametrize("dims", [3, 30])
def test_nearest_points(in_blocks: None, dims: int) -> None:
    points = torch.randn(300, dims, generator=torch.Generator().manual_seed(0)) + 100
    indices, distances = on_device.nearest_points(points, 9)
    true = torch.cdist(points.double(), points.double()).sort(dim=1)
    assert torch.equal(indices, true.indices[:, :9])
    torch.testing.assert_close(distances.double(), true.values[:, :9], rtol=1e-4, atol=1e-5)
    assert torch.equal(indices, torch.from_numpy(nearest(points, 9).indices))


@pytest.mark.parametrize(("warp", "channels"), [(0, 1), (1, 3), (2, 1)])
def test_nearest_images(in_blocks: None, warp: int, channels: int) -> None:
    images = torch.randint(256, (90, channels, 9, 7), generator=torch.Generator().manual_seed(warp))
    true = nearest_images(images, 5, warp=warp, candidates=20)
    with PretendedDevice():
        found = nearest_images(images.to(NAME), 5, warp=warp, candidates=20)
    assert (found.indices == true.indices).all()
    np.testing.assert_allclose(found.distances, true.distances, rtol=1e-5)
    assert found.distances.dtype == true.distances.dtype


def test_as_many_neighbors_as_points() -> None:
    indices, distances = on_device.nearest_points(torch.eye(4), 4)
    assert torch.equal(indices.sort(dim=1).values, torch.arange(4).expand(4, 4))
    assert torch.equal(distances[:, 0], torch.zeros(4))


@pytest.mark.parametrize(("start", "options"), [(fit_gmm, {}), (fit_merged, {"n_components": 9})])
def test_a_mixture_is_fitted_where_the_codes_lie(start: Any, options: dict[str, Any]) -> None:
    codes = torch.randn(200, 3, generator=torch.Generator().manual_seed(0)).sign() * 5
    codes += torch.randn(200, 3, generator=torch.Generator().manual_seed(1))
    here = start(codes, 4, n_init=2, **options)
    with PretendedDevice():
        there = start(codes.to(NAME), 4, n_init=2, **options)
        assert WAITS["to the device"] > 0
    assert torch.equal(there.clusters, here.clusters)
    torch.testing.assert_close(there.parameters, here.parameters)
