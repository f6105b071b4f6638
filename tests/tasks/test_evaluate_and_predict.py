from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from latentclust import tasks
from latentclust.clustering import fit_gmm
from latentclust.data import build_datamodule
from latentclust.evaluation import cluster_accuracy
from latentclust.models import AE, VAE, LatentModel, ObjectiveMetric
from tests.conftest import Command, Outcome, arrays_of, first_of


def predicted(outcome: Outcome) -> dict[str, NDArray[np.generic]]:
    """Return the arrays that task=predict has written."""
    assert outcome.status == 0, outcome.err
    assert outcome.folder is not None
    return arrays_of(outcome.folder / "predictions.npz")


def test_predict_writes_every_image(trained: Command, latentclust: Command) -> None:
    fitted = trained("experiment=tiny_vade")
    outcome = latentclust("task=predict", "ckpt_path=last")
    assert outcome.status == 0, outcome.err
    assert outcome.folder is not None
    predictions = arrays_of(outcome.folder / "predictions.npz")
    gamma = predictions["responsibilities"]
    assert gamma.shape == (400, 10)
    assert predictions["codes"].shape == (400, 4)
    np.testing.assert_allclose(gamma.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(predictions["clusters"], gamma.argmax(axis=1))
    assert len(set(predictions["clusters"].tolist())) == fitted.summary["clusters"]["used"]


def test_predict_clusters_an_autoencoders_codes_as_its_table_does(latentclust: Command) -> None:
    fitted = latentclust("experiment=tiny_ae", "trainer.max_epochs=1")
    clusters = predicted(latentclust("task=predict", "ckpt_path=last"))["clusters"]
    smallest = min(np.unique(clusters, return_counts=True)[1]) / 400
    assert fitted.summary["clusters"] == {"used": len(set(clusters.tolist())), "smallest_share": smallest}


@pytest.mark.parametrize("model", first_of("vade", "ae", "vae"))
def test_other_images_get_the_same_clusters_however_few_they_are(
    latentclust: Command, tmp_path: Path, model: str
) -> None:
    latentclust(f"experiment=tiny_{model}", "trainer.max_epochs=1")
    whole = predicted(latentclust("task=predict", "ckpt_path=last"))
    pool = build_datamodule("digits", limit=400, pool="all" if model == "vade" else "train")
    pool.setup()
    np.savez(tmp_path / "few.npz", images=pool.pool.inputs[[7, 0, 3], 0].numpy())
    few = ["ckpt_path=last", "data=files", "data.path=few.npz", "data.limit=null", "seed=1"]
    few += ["figures.embedding.method=none"]
    alone = predicted(latentclust("task=predict", *few))
    assert alone.keys() == whole.keys() - {"test_codes", "test_clusters", "test_responsibilities"}
    np.testing.assert_array_equal(alone["clusters"], whole["clusters"][[7, 0, 3]])
    for name in ("codes", "responsibilities"):
        np.testing.assert_allclose(alone[name], whole[name][[7, 0, 3]], rtol=1e-4, atol=1e-4)
    for task in ("evaluate", "figures") if model == "ae" else ("evaluate",):
        outcome = latentclust(f"task={task}", *few)
        assert outcome.status == 0, outcome.err
        assert outcome.summary["clusters"]["used"] == len(set(alone["clusters"].tolist()))


@pytest.mark.parametrize("model", ["ae", "vade"])
def test_held_out_images_are_predicted_too(latentclust: Command, model: str) -> None:
    fitted = latentclust(f"experiment=tiny_{model}", "data.pool=train", "trainer.max_epochs=1")
    outcome = latentclust("task=predict", "ckpt_path=last")
    arrays = predicted(outcome)
    data = build_datamodule("digits", limit=400, pool="train")
    data.setup()
    assert data.test is not None
    for prefix, split, scores in (("", data.pool, "pool"), ("test_", data.test, "test")):
        assert arrays[f"{prefix}codes"].shape == (len(split), 4)
        gamma = arrays[f"{prefix}responsibilities"]
        np.testing.assert_allclose(gamma.sum(axis=1), 1, atol=1e-5)
        np.testing.assert_array_equal(arrays[f"{prefix}clusters"], gamma.argmax(axis=1))
        acc = cluster_accuracy(arrays[f"{prefix}clusters"], split.labels)
        assert acc == fitted.summary["results"][-1][scores]["acc"]
    assert f"400 images of the pool and {len(data.test)} held-out ones (test_...)" in outcome.out


@pytest.mark.long
def test_a_checkpoint_without_a_mixture_gets_one_with_a_warning(latentclust: Command, tmp_path: Path) -> None:
    fitted = latentclust("experiment=tiny_ae", "trainer.max_epochs=1")
    assert fitted.folder is not None
    path = fitted.folder / "checkpoints/last.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    weights = checkpoint["state_dict"]
    checkpoint["state_dict"] = {n: w for n, w in weights.items() if not n.startswith("code_mixture.")}
    assert len(checkpoint["state_dict"]) == len(weights) - 3
    torch.save(checkpoint, path)
    old = latentclust("task=evaluate", "ckpt_path=last")
    assert old.status == 0, old.err
    assert "has no mixture of 10 clusters" in " ".join(old.summary["warnings"])
    assert old.summary["results"] == fitted.summary["results"]
    np.savez(tmp_path / "few.npz", images=np.zeros((3, 8, 8), dtype=np.uint8))
    few = latentclust("task=predict", "ckpt_path=last", "data=files", "data.path=few.npz", "data.limit=null")
    assert few.status == 2
    assert "3 images are too few to fit one" in few.err


@pytest.mark.parametrize("kind", first_of(AE, VAE))
def test_the_best_checkpoint_has_a_mixture_of_its_own_codes(
    latentclust: Command, monkeypatch: pytest.MonkeyPatch, kind: type[LatentModel]
) -> None:
    monkeypatch.setattr(kind, "objective_term", ObjectiveMetric("reconstruction", "max"))
    # The worst epoch, which is the first one, now counts as the best.
    fitted = latentclust(f"experiment=tiny_{kind.__name__.lower()}", "trainer.max_epochs=2")
    assert fitted.folder is not None
    last, best = (fitted.weights(f"checkpoints/{name}.ckpt") for name in ("last", "best"))
    assert not torch.equal(last["encoder.trunk.1.weight"], best["encoder.trunk.1.weight"])
    path = fitted.folder / "checkpoints/best.ckpt"
    outcome = latentclust("task=evaluate", f"ckpt_path={path}")
    assert outcome.status == 0, outcome.err
    assert outcome.summary["warnings"] == []
    codes = predicted(latentclust("task=predict", f"ckpt_path={path}"))["codes"]
    expected = fit_gmm(codes, 10, n_init=5, seed=0).parameters
    for name, value in expected._asdict().items():
        torch.testing.assert_close(best[f"code_mixture.{name}"], value, rtol=1e-3, atol=1e-4)


def test_evaluate_returns_the_metric_that_was_asked_for(
    latentclust: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    returned: list[float | None] = []
    evaluate = tasks.TASKS["evaluate"]
    monkeypatch.setitem(tasks.TASKS, "evaluate", lambda *given: returned.append(evaluate(*given)))
    for model, objective in (("vade", "train/elbo"), ("ae", "test/reconstruction")):
        latentclust(f"experiment=tiny_{model}", "trainer.max_epochs=1")
        returned.clear()
        metrics = latentclust("task=evaluate", "ckpt_path=last").summary["metrics"]
        latentclust("task=evaluate", "ckpt_path=last", "optimized_metric=cluster/nmi")
        assert returned == [metrics[objective], metrics["cluster/nmi"]]
    outcome = latentclust("task=evaluate", "ckpt_path=last", "optimized_metric=perf/accuracy_seconds")
    assert outcome.status == 2
    assert "optimized_metric is 'perf/accuracy_seconds'" in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1


def test_evaluate_measures_the_terms_of_the_objective(latentclust: Command) -> None:
    fitted = latentclust("experiment=tiny_ae", "trainer.max_epochs=1")
    assert fitted.folder is not None
    metrics = latentclust("task=evaluate", "ckpt_path=last").summary["metrics"]
    model = AE.load_from_checkpoint(fitted.folder / "checkpoints/last.ckpt", weights_only=True).eval()
    data = build_datamodule("digits", limit=400, pool="train")
    data.setup()
    assert data.test is not None
    for name, split in (("train", data.pool), ("test", data.test)):
        images = split.inputs.float() / 255
        expected = torch.nn.functional.mse_loss(model(images), images)
        assert metrics[f"{name}/reconstruction"] == pytest.approx(expected.item(), rel=1e-5)
    # The run has measured the same test images with the same weights.
    assert metrics["test/reconstruction"] == pytest.approx(
        fitted.summary["metrics"]["test/reconstruction"], rel=1e-5
    )
