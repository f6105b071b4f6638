import numpy as np
import torch

from latentclust.models import VaDE
from tests.conftest import Command


def test_predict_writes_every_image(trained: Command, latentclust: Command) -> None:
    fitted = trained("experiment=tiny_vade")
    outcome = latentclust("task=predict", "ckpt_path=last")
    assert outcome.status == 0, outcome.err
    assert outcome.folder is not None
    predictions = np.load(outcome.folder / "predictions.npz")
    gamma = predictions["responsibilities"]
    assert gamma.shape == (400, 10)
    assert predictions["codes"].shape == (400, 4)
    np.testing.assert_allclose(gamma.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(predictions["clusters"], gamma.argmax(axis=1))
    assert len(set(predictions["clusters"].tolist())) == fitted.summary["clusters"]["used"]


def test_predict_clusters_an_autoencoders_codes_as_its_table_does(latentclust: Command) -> None:
    fitted = latentclust("experiment=tiny_ae", "trainer.max_epochs=1")
    outcome = latentclust("task=predict", "ckpt_path=last")
    assert outcome.status == 0, outcome.err
    assert outcome.folder is not None
    clusters = np.load(outcome.folder / "predictions.npz")["clusters"]
    smallest = min(np.unique(clusters, return_counts=True)[1]) / 400
    assert fitted.summary["clusters"] == {"used": len(set(clusters.tolist())), "smallest_share": smallest}


def test_generate_draws_what_the_checkpoint_decodes(trained: Command, latentclust: Command) -> None:
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
    assert (drawn.folder / "generated.png").stat().st_size > 1000
    whole = latentclust("task=generate", "ckpt_path=last", "n=200", "seed=5")
    assert whole.folder is not None
    assert len(set(np.load(whole.folder / "generated.npz")["clusters"])) > 1
