"""The result table against the checkpoints: each score is computed again, by other means."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, confusion_matrix, normalized_mutual_info_score

from latentclust.data import DataModule, DigitsDataModule
from latentclust.models import AE, VaDE
from tests.conftest import Command

Integers = NDArray[np.integer]


@pytest.fixture(scope="module")
def whole() -> DataModule:
    """The 400 images of the tiny experiments, all in the pool."""
    data = DigitsDataModule(limit=400, pool="all")
    data.setup()
    return data


def floats(images: torch.Tensor) -> torch.Tensor:
    return images.float() / 255


def matching(clusters: Integers, labels: Integers) -> Integers:
    """The class of each cluster in the best one-to-one assignment of ten to ten."""
    counts = confusion_matrix(clusters, labels, labels=range(10))
    return linear_sum_assignment(-counts)[1]


def assert_scores(row: dict[str, float], clusters: Integers, labels: Integers) -> None:
    assert row["acc"] == pytest.approx((matching(clusters, labels)[clusters] == labels).mean())
    assert row["nmi"] == pytest.approx(normalized_mutual_info_score(labels, clusters))
    assert row["ari"] == pytest.approx(adjusted_rand_score(labels, clusters))


@pytest.mark.parametrize("name", ["vade", "conv"])
def test_vades_row_is_what_its_checkpoint_predicts(trained: Command, whole: DataModule, name: str) -> None:
    run = trained(f"experiment=tiny_{name}")
    assert run.folder is not None
    model = VaDE.load_from_checkpoint(run.folder / "checkpoints/last.ckpt", weights_only=True).eval()
    assert whole.pool.labels is not None
    clusters, labels = model.predict(floats(whole.pool.inputs)).numpy(), whole.pool.labels.numpy()
    row = run.summary["results"][-1]
    assert row["method"] == "VaDE"
    assert_scores(row["pool"], clusters, labels)
    # The test images come last; as a classifier, the pool's matching names their clusters.
    assert whole.test is not None
    of_test = clusters[-len(whole.test) :]
    assert_scores(row["test"], of_test, labels[-len(whole.test) :])
    named = matching(clusters, labels)[of_test]
    assert row["test"]["acc_by_pool"] == pytest.approx((named == labels[-len(whole.test) :]).mean())


@pytest.mark.parametrize("name", ["vade", "conv"])
def test_the_start_is_the_partition_that_the_checkpoint_carries(
    trained: Command, whole: DataModule, name: str
) -> None:
    run = trained(f"experiment=tiny_{name}")
    assert run.folder is not None
    callbacks = torch.load(run.folder / "checkpoints/last.ckpt", weights_only=True)["callbacks"]
    start = callbacks["MixtureInitialization"]["start"].numpy()
    (row,) = [row for row in run.summary["results"] if row["method"].startswith("VaDE's start")]
    assert whole.pool.labels is not None
    assert whole.test is not None
    labels = whole.pool.labels.numpy()
    assert_scores(row["pool"], start, labels)
    assert_scores(row["test"], start[-len(whole.test) :], labels[-len(whole.test) :])


def test_kmeans_on_the_first_stages_codes_is_scikit_learns(trained: Command, whole: DataModule) -> None:
    run = trained("experiment=tiny_conv")
    assert run.folder is not None
    first = AE.load_from_checkpoint(run.folder / "pretrain/checkpoints/last.ckpt", weights_only=True).eval()
    with torch.no_grad():
        codes = first.encode(floats(whole.pool.inputs)).double().numpy()
    (row,) = [row for row in run.summary["results"] if row["method"] == "k-means on AE latents"]
    assert whole.pool.labels is not None
    assert_scores(
        row["pool"],
        KMeans(10, n_init=5, random_state=0).fit_predict(codes),
        whole.pool.labels.numpy(),
    )


def test_test_images_go_to_the_nearest_mean_of_the_pools_kmeans(trained: Command) -> None:
    run = trained("experiment=tiny_ae")
    assert run.folder is not None
    data = DigitsDataModule(limit=400, pool="train")
    data.setup()
    model = AE.load_from_checkpoint(run.folder / "checkpoints/last.ckpt", weights_only=True).eval()
    assert data.test is not None
    assert data.test.labels is not None
    with torch.no_grad():
        pool, test = (model.encode(floats(split.inputs)).double().numpy() for split in (data.pool, data.test))
    found = KMeans(10, n_init=5, random_state=0).fit(pool)
    (row,) = [row for row in run.summary["results"] if row["method"] == "k-means on AE latents"]
    assert_scores(row["test"], found.predict(test), data.test.labels.numpy())


@pytest.mark.long
def test_nothing_but_training_touches_the_batch_normalization(latentclust: Command) -> None:
    """Its statistics count the steps: 8 in each epoch, of two stages."""
    run = latentclust("experiment=tiny_conv", "figures.every_n_epochs=1")
    counts = {value.item() for name, value in run.weights().items() if "num_batches_tracked" in name}
    assert counts == {2 * 8 + 3 * 8}


def test_evaluate_repeats_the_scores_of_a_run_with_batch_normalization(
    trained: Command, latentclust: Command
) -> None:
    fitted = trained("experiment=tiny_conv")
    measured = latentclust("task=evaluate", "ckpt_path=last")
    assert measured.status == 0, measured.err
    assert measured.summary["results"][-1] == fitted.summary["results"][-1]
