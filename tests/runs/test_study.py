"""A search survives kills, is shared by processes, and goes on where it was."""

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

optuna = pytest.importorskip("optuna")

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution  # noqa: E402
from optuna.trial import TrialState  # noqa: E402

from latentclust.errors import LatentclustError  # noqa: E402
from latentclust.runs.study import SharedStudy, direction_of  # noqa: E402
from latentclust.searching import corners, space_of  # noqa: E402
from latentclust.settings import settings_for  # noqa: E402
from latentclust.settings.search import Search  # noqa: E402

SPACE = {"x": FloatDistribution(-1.0, 1.0), "k": IntDistribution(1, 5)}


def study(folder: Path, n_trials: int = 12, **options: Any) -> SharedStudy:
    search = Search(study="s", n_trials=n_trials, startup=3, **options)
    return SharedStudy(folder, search, "minimize", {"space": "x, k"}, seed=4)


def value(params: dict[str, Any]) -> float:
    return (params["x"] - 0.3) ** 2 + abs(params["k"] - 2)


def go_on(one: SharedStudy) -> list[dict[str, Any]]:
    tried = []
    while (trial := one.next_trial(SPACE)) is not None:
        tried.append(trial.params)
        one.tell(trial, value(trial.params))
    return tried


def test_a_search_in_two_parts_is_the_search_in_one(tmp_path: Path) -> None:
    whole = go_on(study(tmp_path / "whole"))
    parts = [params for n in (5, 12) for params in go_on(study(tmp_path / "parts", n))]
    assert whole == parts
    assert len(whole) == 12
    best = study(tmp_path / "parts").finished()[0]
    assert best.params == min(whole, key=value)


def test_a_killed_trial_comes_again_and_does_not_count(tmp_path: Path) -> None:
    killed = study(tmp_path, 3)
    trial = killed.next_trial(SPACE)
    assert trial is not None
    other = study(tmp_path, 3)
    second = other.next_trial(SPACE)  # the first one's process lives: it is left alone
    assert second is not None
    assert second.params != trial.params
    other.tell(second, 0.0)
    killed.alive.release()  # what the system does for a process that is gone
    tried = go_on(study(tmp_path, 3))
    assert tried[0] == trial.params
    states = [trial.state for trial in study(tmp_path).study.get_trials()]
    assert states.count(TrialState.COMPLETE) == 3
    assert states.count(TrialState.FAIL) == 1


def test_what_kills_each_time_is_not_tried_forever(tmp_path: Path) -> None:
    tried = []
    for _ in range(3):
        killed = study(tmp_path, 1)
        trial = killed.next_trial(SPACE)
        assert trial is not None
        tried.append(trial.params)
        killed.alive.release()
    assert tried[0] == tried[1] == tried[2]
    assert study(tmp_path, 1).next_trial(SPACE) is None


def test_two_processes_share_the_trials(tmp_path: Path) -> None:
    """Two handles of one file, in turn."""
    first, second = study(tmp_path, 5), study(tmp_path, 5)
    numbers = []
    for one in (first, second, first, second, first):
        trial = one.next_trial(SPACE)
        assert trial is not None
        numbers.append(trial.number)
        one.tell(trial, value(trial.params))
    assert numbers == [0, 1, 2, 3, 4]
    assert first.next_trial(SPACE) is None
    assert second.next_trial(SPACE) is None


def test_a_trial_below_the_median_is_hopeless(tmp_path: Path) -> None:
    one = study(tmp_path)
    for objective in (5.0, 6.0, 7.0, 8.0):
        trial = one.next_trial(SPACE)
        assert trial is not None
        assert not one.hopeless(trial)(1, objective)
        one.tell(trial, -objective)
    for objective, hopeless in ((6.4, True), (6.6, False)):  # the median is 6.5; higher is better
        trial = one.next_trial(SPACE)
        assert trial is not None
        assert one.hopeless(trial)(1, objective) == hopeless
        one.prune(trial)


def test_a_study_of_something_else_is_refused(tmp_path: Path) -> None:
    study(tmp_path)
    with pytest.raises(LatentclustError, match=r"has another space .* search.study="):
        SharedStudy(tmp_path, Search(study="s"), "minimize", {"space": "y"}, seed=4)


def settings(*space: str, metric: str = "objective") -> Any:
    own = settings_for("vae", "digits")
    return Namespace(search=Search(space=space), optimized_metric=metric, model=own.model, data=own.data)


def test_hydras_words_become_distributions() -> None:
    space = space_of(
        settings(
            "a=interval(1, 2)", "b=tag(log, interval(1e-3, 1))", "c=range(2, 9, 2)", "d=choice(x, [1,2])"
        )
    )
    assert space == {
        "a": FloatDistribution(1, 2),
        "b": FloatDistribution(1e-3, 1, log=True),
        "c": IntDistribution(2, 8, step=2),
        "d": CategoricalDistribution(["x", "[1,2]"]),
    }
    assert corners(space) == [["a=1.0", "b=0.001", "c=2", "d=x"], ["a=2.0", "b=1.0", "c=8", "d=[1,2]"]]


@pytest.mark.parametrize(
    ("space", "said"),
    [
        (("a=3",), "has but one value"),
        (("a=choice(1",), "cannot read"),
        (("a=1,2", "a=2,3"), "has a twice"),
        (("model.likelihood=choice(bernoulli,gaussian)",), "changes what the objective means"),
        ((), "search.space is empty"),
    ],
)
def test_a_space_that_cannot_be_used_is_refused(space: tuple[str, ...], said: str) -> None:
    with pytest.raises(LatentclustError, match=said):
        space_of(settings(*space))


def test_what_is_better_is_known() -> None:
    assert direction_of("objective", "auto", has_bound=True) == "maximize"
    assert direction_of("objective", "auto", has_bound=False) == "minimize"
    assert direction_of("cluster/davies_bouldin", "auto", has_bound=True) == "minimize"
    assert direction_of("cluster/silhouette", "auto", has_bound=True) == "maximize"
    assert direction_of("perf/seconds", "maximize", has_bound=True) == "maximize"
    with pytest.raises(LatentclustError, match=r"Give search\.direction"):
        direction_of("perf/seconds", "auto", has_bound=True)


SEARCH = (
    "task=search",
    "experiment=tiny_ae",
    "data.limit=100",
    "trainer.max_epochs=2",
    "search.study=here",
    "search.space=['model.optimizer.learning_rate=tag(log, interval(1e-4, 1e-2))']",
)


def test_a_search_from_the_command_line(latentclust: Callable[..., Any], tmp_path: Path) -> None:
    first = latentclust(*SEARCH, "search.n_trials=2")
    assert first.status == 0, first.err
    file = tmp_path / "outputs/search/here/trials.csv"
    assert len(file.read_text().splitlines()) == 1 + 2
    again = latentclust(*SEARCH, "search.n_trials=3")
    assert again.status == 0, again.err
    rows = [line.split(",") for line in file.read_text().splitlines()]
    values = [float(row[2]) for row in rows[1:]]
    assert len(values) == 3
    best = rows[1 + values.index(min(values))][4]
    assert f"model.optimizer.learning_rate={best}" in again.out.split("as a run:")[1]
    assert "labels" not in again.out
    other = latentclust(*SEARCH[:-1], "search.space=['model.latent_dim=range(2, 4)']")
    assert other.status == 2
    assert "has another space" in other.err


def test_labels_are_looked_at_only_where_somebody_says_so(latentclust: Callable[..., Any]) -> None:
    outcome = latentclust(
        *SEARCH, "search.n_trials=1", "optimized_metric=cluster/acc", "trainer.max_epochs=1"
    )
    assert outcome.status == 0, outcome.err
    assert "looks at labels" in outcome.out


def test_a_setting_that_no_run_has_is_found_before_the_first_trial(
    latentclust: Callable[..., Any], tmp_path: Path
) -> None:
    outcome = latentclust(*SEARCH[:-1], "search.space=['model.latent_dim=range(0, 4)']")
    assert outcome.status == 2
    assert "model.latent_dim is 0" in outcome.err
    assert not (tmp_path / "outputs/search").exists()
