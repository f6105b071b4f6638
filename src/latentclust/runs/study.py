"""A search for settings, on disk: an Optuna study that several processes share and a kill does not harm."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from optuna import Study, Trial, create_study, logging
from optuna.distributions import BaseDistribution
from optuna.pruners import BasePruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from latentclust.errors import LatentclustError
from latentclust.settings.search import Search

FILE = "study.log"
ALIVE = "alive.lock"
KILLED, WHY, ASKED = "killed", "why", "asked"
TIMES, MOST = "times", 3
# What is better of a metric, by its name's end.
HIGHER = ("elbo", "acc", "nmi", "ari", "used", "smallest_share", "silhouette", "confidence", "entropy")
LOWER = ("loss", "reconstruction", "davies_bouldin", "kl", "kl_z", "kl_c")
LABELED = ("acc", "nmi", "ari")


def direction_of(metric: str, wish: str, *, has_bound: bool) -> str:
    """Return ``maximize`` or ``minimize``.

    Parameters
    ----------
    metric
        As ``optimized_metric`` names it.
    wish
        That of the settings, or ``auto``.
    has_bound
        Whether the model's objective is a bound.

    Raises
    ------
    LatentclustError
        If that is not known of the metric.
    """
    name = metric.rpartition("/")[2]
    if wish != "auto":
        return wish
    if name == "objective":
        return "maximize" if has_bound else "minimize"
    if name in HIGHER or name in LOWER:
        return "maximize" if name in HIGHER else "minimize"
    raise LatentclustError(f"is more of {metric} better? Give search.direction=maximize|minimize")


class SharedStudy:
    """A study in a folder, for as many processes as like.

    Parameters
    ----------
    folder
        Of the study.
    search
        Its settings.
    direction
        ``maximize`` or ``minimize``.
    asked
        What the search is of: the study is not continued with anything else.
    seed
        Of the sampler.

    Raises
    ------
    LatentclustError
        If the folder has a study of something else.
    """

    def __init__(
        self, folder: Path, search: Search, direction: str, asked: Mapping[str, Any], seed: int
    ) -> None:
        logging.set_verbosity(logging.WARNING)
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.search, self.seed = folder, search, seed
        self.lock = FileLock(folder / "study.lock")
        with self.lock:
            self.study: Study = create_study(
                storage=JournalStorage(JournalFileBackend(str(folder / FILE))),
                study_name=search.study,
                direction="maximize" if direction == "maximize" else "minimize",
                pruner=pruner_of(search),
                load_if_exists=True,
            )
            before = self.study.user_attrs.get(ASKED)
            if before is None:
                self.study.set_user_attr(ASKED, dict(asked))
            elif before != dict(asked):
                name = next(key for key in asked if before.get(key) != asked[key])
                raise LatentclustError(
                    f"the study '{search.study}' has another {name} ({before.get(name)}, now {asked[name]}): "
                    "give the new one a name, search.study=..."
                )

    def next_trial(self, space: Mapping[str, BaseDistribution]) -> Trial | None:
        """Ask for a trial; None if there are enough.

        What it is depends on the seed, the trials before and its number alone, so that a search that was
        stopped and continued is the same search.
        """
        with self.lock:
            self._bury_the_dead()
            trials = self.study.get_trials(deepcopy=False)
            if sum(counts(trial) for trial in trials) >= self.search.n_trials:
                return None
            self.study.sampler = sampler_of(self.search, self.seed, len(trials))
            trial = self.study.ask(dict(space))
            self.folder_of(trial.number).mkdir(parents=True, exist_ok=True)
            self.alive = FileLock(self.folder_of(trial.number) / ALIVE)
            self.alive.acquire()  # the system lets go of it when this process is gone
            return trial

    def folder_of(self, number: int) -> Path:
        """Return where a trial writes."""
        return self.folder / "trials" / str(number)

    def tell(self, trial: Trial, value: float) -> None:
        """Keep what a trial has found."""
        self.study.tell(trial, value)
        self.alive.release()

    def prune(self, trial: Trial) -> None:
        """Keep that a trial was not worth going on with; it counts with its last reported value."""
        self.study.tell(trial, state=TrialState.PRUNED)
        self.alive.release()

    def fail(self, trial: Trial, why: str, *, again: bool = False) -> None:
        """Keep that a trial has failed; ``again``: it was stopped, and its settings come again."""
        trial.set_user_attr(WHY, why)
        if again:
            trial.set_user_attr(KILLED, True)
            self.study.enqueue_trial(trial.params)
        self.study.tell(trial, state=TrialState.FAIL)
        self.alive.release()

    def hopeless(self, trial: Trial) -> Callable[[int, float], bool]:
        """Return the function that a training reports to: from epoch and objective to whether it may end.

        Its objective is higher where it is better; the study's direction may be the other one.
        """
        sign = 1.0 if self.study.direction.name == "MAXIMIZE" else -1.0

        def report(epoch: int, objective: float) -> bool:
            trial.report(sign * objective, epoch)
            return trial.should_prune()

        return report

    def finished(self) -> list[FrozenTrial]:
        """Return the trials that have a value, the best first."""
        done = [trial for trial in self.study.get_trials() if trial.state == TrialState.COMPLETE]
        done.sort(key=lambda trial: trial.values[0], reverse=self.study.direction.name == "MAXIMIZE")
        return done

    def _bury_the_dead(self) -> None:
        """Queue the settings of trials again whose process is gone; what kills each time has failed."""
        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            try:
                with FileLock(self.folder_of(trial.number) / ALIVE, timeout=0):
                    pass
            except Timeout:
                continue
            storage, times = self.study._storage, trial.user_attrs.get(TIMES, 1)
            storage.set_trial_user_attr(trial._trial_id, WHY, "its process was killed")
            if times < MOST:
                storage.set_trial_user_attr(trial._trial_id, KILLED, True)
                self.study.enqueue_trial(trial.params, user_attrs={TIMES: times + 1})
            self.study.tell(trial.number, state=TrialState.FAIL)


def counts(trial: FrozenTrial) -> bool:
    """Whether a trial is one of ``n_trials``: not what was killed, which comes again, nor what waits."""
    return trial.state != TrialState.WAITING and not trial.user_attrs.get(KILLED)


def sampler_of(search: Search, seed: int, number: int) -> BaseSampler:
    """Return what chooses the trial of a number."""
    own = (seed * 1_000_003 + number) % 2**32
    if search.sampler == "random":
        return RandomSampler(seed=own)
    return TPESampler(n_startup_trials=search.startup, seed=own, multivariate=True, constant_liar=True)


def pruner_of(search: Search) -> BasePruner:
    """Return what stops trials: none before as many are over as the sampler starts with."""
    return MedianPruner(n_startup_trials=max(search.startup, 4)) if search.pruning else NopPruner()


def written(params: Mapping[str, Any]) -> list[str]:
    """Return a trial's settings as overrides.

    Examples
    --------
    >>> written({"model.latent_dim": 5, "model.optimizer.learning_rate": 0.001})
    ['model.latent_dim=5', 'model.optimizer.learning_rate=0.001']
    """
    return [f"{key}={value}" for key, value in params.items()]


def table(trials: Sequence[FrozenTrial]) -> Iterator[list[str]]:
    """Yield the rows of ``trials.csv``: number, state, value, seconds, and each setting."""
    names = list(dict.fromkeys(name for trial in trials for name in trial.params))
    yield ["number", "state", "value", "seconds", *names, WHY]
    for trial in trials:
        seconds = "" if trial.duration is None else f"{trial.duration.total_seconds():.1f}"
        value = "" if trial.value is None else repr(trial.value)
        settings = [str(trial.params.get(name, "")) for name in names]
        state = KILLED if trial.user_attrs.get(KILLED) else trial.state.name.lower()
        yield [str(trial.number), state, value, seconds, *settings, str(trial.user_attrs.get(WHY, ""))]
