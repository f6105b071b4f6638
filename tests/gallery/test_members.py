"""Which photos are shown of each cluster."""

from typing import Any

import numpy as np
import pytest
import torch

from latentclust import figures
from latentclust.data import Split
from latentclust.data.looks import Looks
from latentclust.gallery.members import MEMBERS, members
from latentclust.gallery.oddities import oddities
from latentclust.gallery.pictures import Painter
from latentclust.gallery.view import View
from latentclust.models import Described
from latentclust.training.inference import Looked

N = 60
RNG = np.random.default_rng(0)


def looking(n: int) -> Looks:
    """Photos whose shade is their place."""
    return Looks.of_images(torch.arange(n, dtype=torch.uint8)[:, None, None, None].expand(n, 3, 4, 4))


def shades(pictures: np.ndarray) -> list[int]:
    return np.rint(pictures[:, 0, 0, 0] * 255).astype(int).tolist()


@pytest.mark.parametrize("sure", [True, False])
def test_members_are_the_nearest_and_the_least_certain(monkeypatch: pytest.MonkeyPatch, sure: bool) -> None:
    drawn: dict[str, Any] = {}
    monkeypatch.setattr(figures, "galleries", lambda groups, **other: drawn.update(groups=groups, **other))
    codes, clusters = RNG.normal(size=(N, 2)), np.where(np.arange(N) < 57, np.arange(N) % 2 * 3, 1)
    confidence = RNG.uniform(size=N) if sure else None
    split = Split(torch.zeros(N, 3), None, looks=looking(N))
    own = (split, np.zeros((N, 3)), codes, clusters, None, (), confidence, None, None)
    assert [drawing.name for drawing in members(View("T", Painter(1.0), *own))] == ["members"]
    assert drawn["row_labels"] == ["0: 48.3 %", "3: 46.7 %", "1: 5.0 %"]
    nearest, random, doubtful = drawn["groups"].values()
    for row, cluster in enumerate((0, 3, 1)):
        places = np.flatnonzero(clusters == cluster)
        distances = np.linalg.norm(codes[places] - codes[places].mean(axis=0), axis=1)
        doubts = 1 - confidence[places] if confidence is not None else distances
        assert shades(nearest[row]) == places[np.argsort(distances)][:MEMBERS].tolist()
        assert set(shades(random[row])) <= set(places.tolist())
        assert shades(doubtful[row]) == places[np.argsort(-doubts)][:MEMBERS].tolist()


def test_features_of_photos_have_galleries_of_photos(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = {}
    monkeypatch.setattr(figures, "image_grid", lambda images, **other: drawn.update({other["title"]: images}))
    gamma = torch.nn.functional.one_hot(torch.tensor([0, 0, 0, 1, 1, 1, 1]), 2).float()
    labels, bounds = torch.tensor([0, 0, 0, 1, 1, 1, 0]), torch.tensor([3.0, 5, 1, 6, 4, 2, 7])
    split = Split(torch.zeros(7, 9), labels, looks=looking(7))
    looked = Looked(split, Described(torch.zeros(7, 2), gamma, bounds))
    assert [drawing.name for drawing in oddities(looked, ("a", "b"), "T")] == ["wrong", "unlike"]
    wrong, worst = drawn.values()
    assert shades(wrong[0, :1]) == [6]
    assert shades(worst[0, :7]) == [2, 5, 0, 4, 1, 3, 6]
