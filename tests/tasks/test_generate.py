"""Drawing from a trained model."""

import numpy as np
import torch

from latentclust.models import VaDE
from tests.conftest import Command


def test_what_is_drawn_is_what_the_checkpoint_decodes(trained: Command, latentclust: Command) -> None:
    run = trained("experiment=tiny_vade")
    assert run.folder is not None
    drawn = latentclust("task=generate", "ckpt_path=last", "cluster=3", "n=10", "seed=5")
    assert drawn.status == 0, drawn.err
    assert drawn.folder is not None
    arrays = np.load(drawn.folder / "generated.npz")
    model = VaDE.load_from_checkpoint(run.folder / "checkpoints/last.ckpt", weights_only=True).eval()
    expected = model.sample(10, 3, torch.Generator().manual_seed(5))
    assert expected.shape == (10, 1, 8, 8)
    np.testing.assert_allclose(arrays["images"], expected, rtol=1e-5, atol=1e-7)
    assert set(arrays["clusters"]) == {3}
    whole = latentclust("task=generate", "ckpt_path=last", "n=200", "seed=5")
    assert whole.folder is not None
    assert len(set(np.load(whole.folder / "generated.npz")["clusters"])) > 1
