"""The main job on the real digits, shortened."""

import pytest

from tests.conftest import REPOSITORY, Command


@pytest.mark.long
def test_vade_clusters_the_real_digits(latentclust: Command) -> None:
    """The default recipe on 3,000 digits with a fraction of its epochs; with this seed it gets about 95 %."""
    outcome = latentclust(
        f"data.root={REPOSITORY}/data",
        "data.limit=3000",
        "data.min_images_per_epoch=9000",
        "trainer.max_epochs=4",
        "model.pretrain.max_epochs=2",
        "model.refit_at=[]",
        "trainer.enable_progress_bar=false",
        "figures.at_end=false",
    )
    assert outcome.status == 0, outcome.err
    results = {row["method"]: row["pool"]["acc"] for row in outcome.summary["results"]}
    assert outcome.summary["clusters"]["used"] == 10
    assert 0.45 < results["k-means on pixels"] < 0.6
    assert results["VaDE"] > 0.9
