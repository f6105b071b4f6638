import numpy as np
import pytest

from tests.conftest import Command


@pytest.mark.parametrize("model", ["ae", "vade"])
def test_evaluate_repeats_the_scores_of_the_run(latentclust: Command, model: str) -> None:
    fitted = latentclust(f"experiment=tiny_{model}")
    measured = latentclust("task=evaluate", "ckpt_path=last")
    assert measured.status == 0, measured.err
    assert measured.folder != fitted.folder
    assert measured.summary["results"][-1] == fitted.summary["results"][-1]


def test_predict_writes_every_image(latentclust: Command) -> None:
    fitted = latentclust("experiment=tiny_vade")
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


def test_generate_draws_from_one_component(latentclust: Command) -> None:
    latentclust("experiment=tiny_vade")
    drawn = latentclust("task=generate", "ckpt_path=last", "cluster=3", "n=10")
    assert drawn.status == 0, drawn.err
    assert drawn.folder is not None
    arrays = np.load(drawn.folder / "generated.npz")
    assert arrays["images"].shape == (10, 1, 8, 8)
    assert set(arrays["clusters"]) == {3}
    assert arrays["images"].min() >= 0
    assert arrays["images"].max() <= 1
    assert (drawn.folder / "generated.png").stat().st_size > 1000
    again = latentclust("task=generate", "ckpt_path=last", "cluster=3", "n=10")
    assert again.folder is not None
    np.testing.assert_array_equal(np.load(again.folder / "generated.npz")["images"], arrays["images"])
    mixed = latentclust("task=generate", "ckpt_path=last", "n=200")
    assert mixed.folder is not None
    assert len(set(np.load(mixed.folder / "generated.npz")["clusters"])) > 3
    missing = latentclust("task=generate", "ckpt_path=last", "cluster=10")
    assert missing.status == 2
    assert "there is no cluster 10" in missing.err


def test_generate_needs_a_model_that_generates(latentclust: Command) -> None:
    latentclust("experiment=tiny_vae", "trainer.max_epochs=1")
    drawn = latentclust("task=generate", "ckpt_path=last", "n=3")
    assert drawn.status == 0, drawn.err
    assert "no clusters" in latentclust("task=generate", "ckpt_path=last", "cluster=1").err
    latentclust("experiment=tiny_ae", "trainer.max_epochs=1")
    outcome = latentclust("task=generate", "ckpt_path=last")
    assert outcome.status == 2
    assert "give ckpt_path of a VAE or a VaDE run" in outcome.err
