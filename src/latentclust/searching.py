"""Search for settings: ask a study for a trial, train it, tell the study; without labels by default."""

import csv
import io
import logging
import shlex
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, Override, RangeSweep
from hydra.errors import HydraException

from latentclust.compose import Composer, composing
from latentclust.door import check_overrides
from latentclust.errors import LatentclustError, PrunedError, StoppedError
from latentclust.settings import Settings
from latentclust.settings.model import NetworkModel
from latentclust.settings.objective import changes_objective
from latentclust.settings.packages import require_extra

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

    from latentclust.runs.study import SharedStudy

log = logging.getLogger(__name__)

# A trial draws nothing, unless that is asked for.
PLAIN = ("figures.at_end=false", "figures.every_n_epochs=0", "trainer.enable_progress_bar=false")
SHOWN = 5


def search(settings: Settings, arguments: Sequence[str], conf: Path, config_dir: str | None) -> None:
    """Go on with the study that the settings name, or begin it, and say what was best.

    Parameters
    ----------
    settings
        All of them; those of ``search`` say what is tried.
    arguments
        The command's overrides: a trial has them too.
    conf, config_dir
        Where the configuration is.

    Raises
    ------
    LatentclustError
        If the space cannot be read, has a key twice or one that makes trials incomparable, or a trial's
        settings are wrong.
    """
    require_extra("search", "task=search")
    from latentclust.runs.run import tell
    from latentclust.runs.study import LABELED, SharedStudy, direction_of

    metric = settings.optimized_metric
    space = space_of(settings)
    of_trials = [text for text in arguments if of_trial(text)]
    plain = [text for text in PLAIN if not any(given.startswith(text.split("=")[0]) for given in of_trials)]
    has_bound = isinstance(settings.model, NetworkModel) and "elbo" in settings.model.measured_terms()
    direction = direction_of(metric, settings.search.direction, has_bound=has_bound)
    asked = {
        "optimized_metric": metric,
        "direction": direction,
        "space": list(settings.search.space),
        "settings": [text for text in of_trials if not text.startswith("output_dir=")],
    }
    flags = Namespace(config_path=None, config_dir=config_dir, config_name=None)
    with composing(flags, conf) as composer:
        base = [*of_trials, *plain]
        for corner in corners(space):
            check_overrides(composer, [*base, *corner], conf)
        place = Path(settings.output_dir) / "search" / settings.search.study
        study = SharedStudy(place, settings.search, direction, asked, settings.seed)
        if metric.rpartition("/")[2] in LABELED:
            tell(f"optimized_metric={metric} looks at labels: what is found is no longer found without them")
        tell(f"Study '{settings.search.study}': {metric}, {direction}; its folder is {place}")
        while (trial := study.next_trial(space)) is not None:
            run_trial(study, trial, composer, base, study.folder_of(trial.number), conf)
    conclude(study, of_trials, place)


def of_trial(argument: str) -> bool:
    """Whether an override of the search is one of its trials too."""
    key = argument.lstrip("+~").split("=")[0]
    return key not in {"task", "search"} and not key.startswith(("search.", "hydra"))


def run_trial(
    study: "SharedStudy", trial: Any, composer: Composer, base: Sequence[str], folder: Path, conf: Path
) -> None:
    """Train and measure a trial; one that fails does not end the search."""
    from latentclust.runs.run import Run, tell
    from latentclust.runs.study import written
    from latentclust.tasks import TASKS
    from latentclust.training.callbacks import EpochReport

    own = written(trial.params)
    tell(f"Trial {trial.number}: {' '.join(own)}")
    try:
        settings = check_overrides(composer, [*base, *own], conf)
        run = Run(folder, [*base, *own])
        run.callbacks = [EpochReport(study.hopeless(trial))] if study.search.pruning else []
        value = TASKS["fit"](settings, run)
    except PrunedError as error:
        study.prune(trial)
        tell(f"Trial {trial.number}: {error}")
    except StoppedError as error:
        study.fail(trial, "stopped", again=True)
        raise type(error)("the search is stopped; the same command goes on with it") from error
    except Exception as error:  # such as too little memory for this trial's network
        why = str(error) if isinstance(error, LatentclustError) else f"{type(error).__name__}: {error}"
        log.debug("trial %d", trial.number, exc_info=error)
        study.fail(trial, " ".join(why.split()))
        tell(f"Trial {trial.number} failed: {why}")
    else:
        if value is None:
            study.fail(trial, "it has no value")
        else:
            study.tell(trial, value)
            tell(f"Trial {trial.number}: {value:.6g}")


def conclude(study: "SharedStudy", of_trials: Sequence[str], place: Path) -> None:
    """Print the best trials and the command of the best, and write ``trials.csv``."""
    from latentclust.atomic import whole_file
    from latentclust.runs.run import tell
    from latentclust.runs.study import table, written

    text = io.StringIO()
    csv.writer(text).writerows(table(study.study.get_trials()))
    with whole_file(place / "trials.csv") as file:
        file.write(text.getvalue().encode())
    done = study.finished()
    if not done:
        tell(f"No trial has a value; {place / 'trials.csv'} says why")
        return
    for trial in done[:SHOWN]:
        tell(f"{trial.value:>12.6g}  trial {trial.number}: {' '.join(written(trial.params))}")
    command = shlex.join(["python", "-m", "latentclust", *of_trials, *written(done[0].params)])
    tell(f"The best of {len(done)} as a run: {command}")
    tell(f"All trials: {place / 'trials.csv'}; to look at them: optuna-dashboard {place / 'study.log'}")


def space_of(settings: Settings) -> "dict[str, BaseDistribution]":
    """Read the space: Hydra's words for sweeps become distributions.

    Raises
    ------
    LatentclustError
        If a key cannot be read, is there twice, or changes what the objective means.
    """
    found: dict[str, BaseDistribution] = {}
    for text in settings.search.space:
        try:
            (override,) = OverridesParser.create().parse_overrides([text])
        except (HydraException, ValueError) as error:
            raise LatentclustError(f"search.space: cannot read '{text}': {HOW}") from error
        key = override.key_or_group
        if key in found:
            raise LatentclustError(f"search.space has {key} twice")
        if settings.optimized_metric == "objective" and changes_objective(key, settings):
            raise LatentclustError(
                f"search.space: {key} changes what the objective means, so its values cannot be compared: "
                "choose another optimized_metric, such as cluster/silhouette, or search each choice alone"
            )
        found[key] = distribution_of(override, text)
    if not found:
        raise LatentclustError("search.space is empty: name a space, as in search=ae, or give one")
    return found


HOW = "write KEY=interval(low, high), tag(log, interval(low, high)), range(low, high) or choice(a, b)"


def distribution_of(override: Override, text: str) -> "BaseDistribution":
    """Turn one of Hydra's sweeps into a distribution.

    Raises
    ------
    LatentclustError
        If it is none, or empty.
    """
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    sweep: Any = override.value()
    try:
        if isinstance(sweep, IntervalSweep):
            return FloatDistribution(float(sweep.start or 0), float(sweep.end or 0), log="log" in sweep.tags)
        if isinstance(sweep, RangeSweep):
            values = [float(value) for value in override.sweep_string_iterator()]
            whole = all(value.is_integer() for value in values)
            kind: Any = IntDistribution if whole else FloatDistribution
            number: Any = int if whole else float
            if "log" in sweep.tags:
                return kind(number(values[0]), number(values[-1]), log=True)  # type: ignore[no-any-return]
            return kind(number(values[0]), number(values[-1]), step=number(sweep.step))  # type: ignore[no-any-return]
        if isinstance(sweep, ChoiceSweep):
            return CategoricalDistribution([str(value) for value in override.sweep_string_iterator()])
    except (ValueError, IndexError) as error:
        raise LatentclustError(f"search.space: '{text}' has no values: {HOW}") from error
    raise LatentclustError(f"search.space: '{text}' has but one value: {HOW}")


def corners(space: "Mapping[str, BaseDistribution]") -> list[list[str]]:
    """Return overrides that hold the lowest and the highest value, or all choices, of each key in turn."""
    ends: dict[str, list[Any]] = {
        key: list(getattr(one, "choices", [])) or [getattr(one, "low", None), getattr(one, "high", None)]
        for key, one in space.items()
    }
    most = max(map(len, ends.values()))
    return [[f"{key}={values[i % len(values)]}" for key, values in ends.items()] for i in range(most)]
