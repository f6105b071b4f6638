"""What is said of inputs that are too alike."""

import numpy as np
import pytest
import torch

from latentclust.data import checks
from latentclust.data.checks import too_alike


@pytest.mark.parametrize(("k", "told"), [(3, False), (4, True)])
def test_fewer_different_inputs_than_clusters_are_told(
    monkeypatch: pytest.MonkeyPatch, k: int, told: bool
) -> None:
    monkeypatch.setattr(checks, "CHUNK", 2)
    rows = np.array([[0, np.nan], [1, 2], [1, 2], [0, np.nan], [1, 3]], dtype=np.float32)
    for inputs in (rows, torch.from_numpy(rows), torch.from_numpy(rows).view(5, 1, 1, 2)):
        assert (too_alike(inputs, k, "vectors") is not None) == told
    assert too_alike(rows, 4, "vectors") == (
        "only 3 of the 5 vectors are different, so that of 4 clusters some mean nothing: give "
        "n_clusters=3 or fewer"
    )
    assert too_alike(rows[1:3], 2, "images") == (
        "only 1 of the 2 images is different, so that of 2 clusters some mean nothing: give "
        "n_clusters=1 or fewer"
    )
