"""n_clusters=auto: chosen before anything is built, said, drawn, saved, and what a continuation uses."""

import json

import pytest

from latentclust.errors import LatentclustError
from latentclust.settings import settings_for
from tests.conftest import Command


def test_points_get_their_number_and_a_figure(latentclust: Command) -> None:
    run = latentclust("model=gmm", "data=moons", "data.n=600", "n_clusters=auto")
    assert run.status == 0, run.err
    assert run.folder is not None
    assert "n_clusters=auto: 2. 2 modes of the density" in run.out
    choice = run.summary["choice"]
    assert (choice["n_clusters"], choice["criterion"]) == (2, "modes")
    assert set(choice["curve"]) == {str(k) for k in range(2, 31)}
    assert run.summary["config"]["n_clusters"] == 2
    assert run.summary["results"][-1]["pool"]["used"] == 2
    assert (run.folder / "figures/n_clusters.png").is_file()
    assert "The number of clusters" in (run.folder / "report.html").read_text()


@pytest.mark.long
def test_a_network_gets_it_and_keeps_it(latentclust: Command) -> None:
    run = latentclust(
        "experiment=tiny_vade",
        "n_clusters=auto",
        "n_clusters_range=[4,7]",
        "figures.at_end=true",
        "figures.embedding.method=none",
    )
    assert run.status == 0, run.err
    assert run.folder is not None
    k = run.summary["choice"]["n_clusters"]
    assert 4 <= k <= 7
    assert len(run.weights()["prior.means"]) == k
    captions = json.loads((run.folder / "figures/captions.json").read_text())
    assert captions["The number of clusters"] == "n_clusters.png"
    # Another range would give another number: the continuation does not choose again.
    more = latentclust("ckpt_path=last", "trainer.max_epochs=4", "n_clusters_range=[2,3]")
    assert more.status == 0, more.err
    assert len(more.weights()["prior.means"]) == k
    assert more.summary["config"]["n_clusters"] == k
    measured = latentclust("task=evaluate", "ckpt_path=last")
    assert measured.status == 0, measured.err
    assert measured.summary["health"]["n_clusters"] == k


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"n_clusters": "many"}, "n_clusters is 'many': it must be a whole number, at least 1, or auto"),
        ({"n_clusters_range": [9, 3]}, r"n_clusters_range is \[9,3\]: the lowest K comes first"),
        ({"n_clusters_range": [0, 3]}, "n_clusters_range is .*: it must be the lowest and the highest K"),
        ({"n_clusters_range": [3]}, "n_clusters_range is .*: it must be the lowest and the highest K"),
        ({"n_clusters": "auto", "ckpt_path": "last"}, "n_clusters=auto is for a new run"),
    ],
)
def test_one_line_says_what_is_wrong(changes: dict[str, object], words: str) -> None:
    with pytest.raises(LatentclustError, match=words):
        settings_for("ae", "digits", **changes)


def test_too_few_inputs_for_the_range_are_one_line(latentclust: Command) -> None:
    run = latentclust("model=kmeans", "data=blobs", "data.n=6", "n_clusters=auto", "n_clusters_range=[8,9]")
    assert run.status == 2
    assert "n_clusters is 8, but there are only 6 inputs" in run.err
