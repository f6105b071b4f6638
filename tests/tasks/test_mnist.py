"""The main job on the real digits, shortened."""

import pytest

from tests.conftest import REPOSITORY, Command


@pytest.mark.slow
def test_vade_clusters_the_real_digits(latentclust: Command) -> None:
    """The default recipe on 14,000 digits with a sixth of its epochs; with this seed it gets 83 %."""
    outcome = latentclust(
        f"data.root={REPOSITORY}/data",
        "data.limit=14000",
        "trainer.max_epochs=2",
        "model.pretrain.max_epochs=4",
        "model.refit_at=[]",
        "trainer.enable_progress_bar=false",
        "figures.at_end=false",
    )
    assert outcome.status == 0, outcome.err
    results = {row["method"]: row["pool"]["acc"] for row in outcome.summary["results"]}
    assert outcome.summary["clusters"]["used"] == 10
    assert 0.5 < results["k-means on pixels"] < 0.6
    assert results["VaDE"] > 0.75
