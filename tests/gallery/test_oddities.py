"""The galleries of what is odd: which images they show."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from latentclust import figures
from latentclust.data import build_datamodule
from latentclust.gallery.oddities import oddities
from latentclust.models import Described
from latentclust.training.inference import Looked


def test_what_is_wrong_and_what_is_explained_worst(monkeypatch: pytest.MonkeyPatch) -> None:
    data = build_datamodule("digits", limit=200)
    data.setup()
    labels = data.pool.labels
    assert labels is not None
    clusters = labels.clone()
    threes = (labels == 3).nonzero().flatten()[:4]
    clusters[threes] = 8
    nine = (labels == 9).nonzero().flatten()[0]
    clusters[nine] = 4
    confidence = torch.linspace(0.5, 1.0, 200)
    gamma = torch.nn.functional.one_hot(clusters, 10) * confidence[:, None]
    bounds = torch.randn(200, generator=torch.Generator().manual_seed(0))
    bounds[17] = float("nan")
    drawn: dict[str, tuple[np.ndarray, Sequence[str]]] = {}

    def keep(images: np.ndarray, *, title: str, row_labels: Sequence[str] = ()) -> Any:
        drawn[title] = images, row_labels

    monkeypatch.setattr(figures, "image_grid", keep)
    looked = Looked(data.pool, Described(torch.zeros(200, 2), gamma, bounds))
    names = [drawing.name for drawing in oddities(looked, data.class_names, "T")]
    assert names == ["wrong", "unlike"]
    wrong, names_of_rows = drawn["T: 5 of 200 images are in a cluster of another class"]
    assert names_of_rows == ["3 among 8: 4", "9 among 4: 1"]
    images = data.pool.inputs.movedim(1, -1).double().numpy() / 255
    expected = images[threes[confidence[threes].argsort(descending=True)]]
    np.testing.assert_allclose(wrong[0, :4], expected)
    np.testing.assert_allclose(wrong[1, 0], images[nine])
    assert (wrong[0, 4:] == 1).all()
    worst, _ = drawn["T: the 40 of 200 images that the model explains worst"]
    order = bounds.nan_to_num(nan=-torch.inf).argsort()[:40]
    np.testing.assert_allclose(worst.reshape(40, 8, 8, 1), images[order])


def test_right_clusters_and_vectors_have_no_gallery_of_mistakes() -> None:
    data = build_datamodule("digits", limit=50)
    data.setup()
    assert data.pool.labels is not None
    right = torch.nn.functional.one_hot(data.pool.labels, 10).float()
    looked = Looked(data.pool, Described(torch.zeros(50, 2), right, torch.zeros(50)))
    drawn = list(oddities(looked, data.class_names, "T"))
    assert [drawing.name for drawing in drawn] == ["unlike"]
