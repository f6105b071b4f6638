"""Drawing from a trained model."""

import csv
from pathlib import Path

import numpy as np
import torch

from latentclust.models import VaDE
from tests.conftest import Command, arrays_of


def test_what_is_drawn_is_what_the_checkpoint_decodes(trained: Command, latentclust: Command) -> None:
    run = trained("experiment=tiny_vade")
    assert run.folder is not None
    drawn = latentclust("task=generate", "ckpt_path=last", "cluster=3", "n=10", "seed=5")
    assert drawn.status == 0, drawn.err
    assert drawn.folder is not None
    arrays = arrays_of(drawn.folder / "generated.npz")
    model = VaDE.load_from_checkpoint(run.folder / "checkpoints/last.ckpt", weights_only=True).eval()
    expected = model.sample(10, 3, torch.Generator().manual_seed(5))
    assert expected.shape == (10, 1, 8, 8)
    np.testing.assert_allclose(arrays["images"], expected, rtol=1e-5, atol=1e-7)
    assert set(arrays["clusters"]) == {3}
    assert (drawn.folder / "generated.png").stat().st_size > 1000
    whole = latentclust("task=generate", "ckpt_path=last", "n=200", "seed=5")
    assert whole.folder is not None
    assert len(set(arrays_of(whole.folder / "generated.npz")["clusters"])) > 1


def test_vectors_are_drawn_in_the_units_of_the_inputs(latentclust: Command, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(0, [1, 5, 100, 2], (60, 4)) + np.array([0, 10, 1000, 0]) * (1 + np.arange(60)[:, None] % 2)
    np.savez(tmp_path / "own.npz", x=x.astype(np.float32), feature_names=["a", "b", "c, d", "e"])
    run = latentclust(
        *("experiment=tiny_vade", "data=files", "data.path=own.npz", "data.limit=null", "n_clusters=2"),
        *("network=small", "augment=none", "data.batch_size=20"),
    )
    assert run.status == 0, run.err
    assert run.folder is not None
    drawn = latentclust("task=generate", "ckpt_path=last", "n=10", "seed=5")
    assert drawn.status == 0, drawn.err
    assert drawn.folder is not None
    arrays = arrays_of(drawn.folder / "generated.npz")
    model = VaDE.load_from_checkpoint(run.folder / "checkpoints/last.ckpt", weights_only=True).eval()
    mean, std = torch.from_numpy(x).mean(0), torch.from_numpy(x).std(0, unbiased=False)
    expected = model.sample(10, generator=torch.Generator().manual_seed(5)) * std + mean
    np.testing.assert_allclose(arrays["inputs"], expected, rtol=1e-4, atol=1e-3)
    with (drawn.folder / "generated.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["a", "b", "c, d", "e", "cluster"]
    np.testing.assert_allclose([float(row["c, d"]) for row in rows], arrays["inputs"][:, 2], rtol=1e-6)
    assert [int(row["cluster"]) for row in rows] == arrays["clusters"].tolist()
    assert (drawn.folder / "generated.png").stat().st_size > 1000
