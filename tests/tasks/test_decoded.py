"""What is chosen to be drawn of a mixture."""

from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from latentclust.data import DigitsDataModule
from latentclust.gallery import decoded
from latentclust.gallery.view import View
from latentclust.models import VaDE


def test_prototypes_stand_beside_their_most_and_least_certain_members(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn: dict[str, Any] = {}

    def prototypes(means: Any, certain: Any, uncertain: Any, **_: Any) -> Figure:
        drawn.update(means=means, certain=certain, uncertain=uncertain)
        return Figure()

    monkeypatch.setattr(decoded.figures, "prototypes", prototypes)
    data = DigitsDataModule(limit=200, batch_size=50)
    data.setup()
    torch.manual_seed(0)
    model = VaDE([1, 8, 8], [16], 3, 4).eval()
    view = View.of(data, model, "")
    weights = model.prior.mixture_parameters().weights
    with torch.no_grad():
        for _ in decoded.centers(model, view, weights.numpy()):
            pass
    order = weights.argsort(descending=True).tolist()
    assert view.confidence is not None
    for place, cluster in enumerate(order):
        members = np.flatnonzero(view.clusters == cluster)
        ranked = members[np.argsort(view.confidence[members])]
        n = min(len(members), decoded.MEMBERS)
        for key, expected in (("uncertain", ranked[:n]), ("certain", ranked[::-1][:n])):
            np.testing.assert_array_equal(drawn[key][place], view.pictures(expected))
        mean = model.decode(model.prior.means[cluster])[0].detach()
        np.testing.assert_allclose(drawn["means"][place].squeeze(), mean, rtol=1e-4, atol=1e-6)
