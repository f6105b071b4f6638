"""Check a command line before anything heavy is imported and before a run has a folder."""

from argparse import Namespace
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NoReturn

from hydra._internal.utils import get_args_parser
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf.errors import OmegaConfBaseException

from latentclust.compose import MOST_COMBINATIONS, Composer, plain_values
from latentclust.errors import LatentclustError
from latentclust.explain import explain
from latentclust.processes import place_given
from latentclust.runs.jobs import of_the_command
from latentclust.settings import VARIED, Settings, check_settings, chosen_in, import_extensions
from latentclust.settings.data import Files, Folder, Table
from latentclust.settings.packages import require_packages
from latentclust.sweeping import RESUME, folder_of, sweep_in

# The tasks that load what the settings call data.
LOADING = ("fit", "search", "evaluate", "predict", "figures", "merge")


def runs_nothing(flags: Namespace) -> bool:
    """Whether a command line only tells something, such as ``--help`` and ``--cfg job``."""
    tells = flags.help or flags.hydra_help or flags.shell_completion or flags.cfg or flags.info
    return bool(tells) or flags.experimental_rerun is not None


def check_command_line(composer: Composer, flags: Namespace, conf: Path) -> Path | Settings:
    """Check every run that a command line asks for.

    Returns
    -------
    Path | Settings
        The folder of a sweep, or the settings of one run.

    Raises
    ------
    LatentclustError
        With one line for the first thing that is wrong.
    """
    if is_sweep(composer, flags):
        try:
            for number, overrides in enumerate(jobs_of(composer, flags.overrides)):
                job = check_overrides(composer, overrides, conf, number)
                require_search(job, overrides)
                require_one_run(job)
            return folder_of(composer, flags.overrides)
        except (HydraException, OmegaConfBaseException) as error:
            raise LatentclustError(explain(error, conf)) from error
    settings = check_overrides(composer, flags.overrides, conf)
    if settings.sweep.name is not None:
        raise LatentclustError("sweep.name is for a sweep: add -m, or leave it out")
    require_search(settings, flags.overrides)
    if settings.task.name == "search":
        require_one_run(settings)
    return settings


def require_search(settings: Settings, overrides: Sequence[str]) -> None:
    """Check that settings of a search are given to a search alone: nothing else looks at them.

    Raises
    ------
    LatentclustError
        If a run that is none has some.
    """
    keys = (override.partition("=")[0] for override in overrides)
    key = next((key for key in keys if key == "search" or key.startswith("search.")), None)
    if key is not None and settings.task.name != "search":
        raise LatentclustError(f"{key} is for a search: add task=search, or leave it out")


def require_one_run(job: Settings) -> None:
    """Check that the job of a sweep, or a trial, is not to train in processes that others have started.

    Raises
    ------
    LatentclustError
        If it is: they would have to do one job after the other.
    """
    if job.trainer.n_processes > 1 and place_given().world_size > 1:
        raise LatentclustError(
            "a sweep or a search starts the processes of its jobs itself: leave out srun or torchrun, or "
            "give each job a command of its own"
        )


def jobs_of(composer: Composer, overrides: Sequence[str]) -> Iterable[Sequence[str]]:
    """Return the overrides of a sweep's jobs, those of the folder to resume if there is one."""
    given = [text for text in overrides if text.startswith(f"{RESUME}=") and not text.endswith("=null")]
    if not given:
        return composer.combinations(overrides)
    jobs = sweep_in(folder_of(composer, overrides)).jobs
    of_command = [text for text in overrides if of_the_command(text) and not text.startswith("sweep.")]
    return [[*job.overrides, *of_command] for job in jobs[:MOST_COMBINATIONS]]


def check_overrides(
    composer: Composer, overrides: Sequence[str], conf: Path, job: int | None = None
) -> Settings:
    """Compose one run's configuration and check it.

    Raises
    ------
    LatentclustError
        With one line that says what is wrong.
    """
    try:
        plain = plain_values(composer.compose(overrides), job)
    except LatentclustError:
        raise
    except Exception as error:  # Hydra and OmegaConf raise many kinds for input that they did not expect
        chosen, defaults = choices_made(composer, overrides)
        raise LatentclustError(explain(error, conf, chosen, defaults, list(overrides))) from error
    settings = check_settings(plain, untouched(composer, overrides))
    require_packages(settings)
    require_places(settings)
    return settings


def require_places(settings: Settings) -> None:
    """Check that there is what a task is to read: the user's own data, or the run of a report.

    Raises
    ------
    LatentclustError
        If there is not.
    """
    if settings.run is not None and not Path(settings.run).is_dir():
        raise LatentclustError(f"run: there is no folder '{settings.run}': give that of a run that has ended")
    data = settings.data
    if settings.task.name not in LOADING or settings.input is not None:
        return
    if not isinstance(data, Files | Folder | Table):
        return
    try:
        path = Path(data.path).expanduser()
        if path.exists():
            return
    except (OSError, RuntimeError):  # a name that is too long, or the home of nobody
        path = Path(data.path)
    advice = "mind the path, and put it in quotes if it has commas, quotes or brackets"
    if settings.ckpt_path is not None and not path.is_absolute():
        advice = "it counts from here: go on where the run was started, or give data.path=..."
    what = "folder" if isinstance(data, Folder) else "file"
    raise LatentclustError(f"data.path: no {what} '{data.path}' can be found: {advice}")


def is_sweep(composer: Composer, flags: Namespace) -> bool:
    """Whether a command line asks for several runs."""
    if flags.multirun or flags.run:
        return bool(flags.multirun)
    if not any("hydra.mode" in override for override in flags.overrides) and flags.config_name is None:
        return False
    return bool(composer.hydra.get_mode(composer.config_name, flags.overrides) == RunMode.MULTIRUN)


def choices_made(composer: Composer, overrides: Sequence[str]) -> tuple[dict[str, str], frozenset[str]]:
    """Return the choice of each group, as far as choices alone can be composed, and the untouched groups."""
    try:
        groups = [str(o.input_line) for o in composer.parse(overrides) if not composer.is_of_key(o)]
        plain = plain_values(composer.compose(groups))
        import_extensions(plain)
        return chosen_in(plain), untouched(composer, overrides)
    except Exception:  # the choices are what is wrong
        return {}, frozenset()


def untouched(composer: Composer, overrides: Sequence[str]) -> frozenset[str]:
    """Return the groups whose choice comes from the defaults."""
    given = {override.key_or_group for override in composer.parse(overrides)}
    return frozenset() if "experiment" in given else frozenset(VARIED) - given


def parse(arguments: Sequence[str]) -> Namespace:
    """Parse Hydra's flags.

    Raises
    ------
    LatentclustError
        If one is unknown.
    """
    parser = get_args_parser()

    def fail(message: str) -> NoReturn:
        raise LatentclustError(f"{message}; see --help")

    parser.error = fail  # type: ignore[method-assign]
    return parser.parse_args(list(arguments))
