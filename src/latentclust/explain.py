"""Turn an error about the command line into one line that says what is wrong and what to do."""

import re
from collections.abc import Mapping
from pathlib import Path

from hydra.errors import ConfigCompositionException, MissingConfigException, OverrideParseException
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from latentclust.atomic import FULL, cannot_write
from latentclust.settings import near_miss, unknown_key
from latentclust.settings.habits import CHOICES
from latentclust.settings.packages import LAUNCHERS, how_to_install

TWICE = re.compile(
    r"Could not append to config\. An item is already at '([^']+)'|Multiple values for ([\w/]+)"
)


def explain(
    error: BaseException,
    conf: Path,
    chosen: Mapping[str, str] | None = None,
    defaults: frozenset[str] = frozenset(),
    arguments: list[str] | None = None,
) -> str:
    """Say in one line what is wrong with a command line and what to do.

    Parameters
    ----------
    error
        What was raised.
    conf
        The folder with the config groups.
    chosen, defaults
        The choice of each group, and the groups whose choice nobody asked for.
    arguments
        The command line's, to find the value that a key was to have.
    """
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        return _missing_choice(error, conf)
    if isinstance(error, OverrideParseException):
        return (
            f"cannot read '{error.override}': write GROUP=CHOICE or KEY=VALUE, "
            "with quotes around special characters, as in \"data.path='a, b'\""
        )
    cause = error.__cause__
    if isinstance(error, ConfigCompositionException) and isinstance(
        cause, ConfigAttributeError | ConfigKeyError
    ):
        key = str(cause.full_key)
        values = dict(argument.split("=", 1) for argument in arguments or [] if "=" in argument)
        # Of a section that does not exist, only the section is named.
        key = next((name for name in values if name.startswith(f"{key}.")), key)
        if not key.startswith("hydra"):
            return unknown_key(key, chosen or {}, defaults, values.get(key))
    if isinstance(error, OSError) and error.errno in FULL:
        given = [text for text in arguments or [] if text.startswith("output_dir=")] or ["=outputs"]
        return cannot_write(Path(error.filename or given[-1].partition("=")[2].strip("'\"")), error)
    if isinstance(error, OSError) and error.filename:
        return (
            f"cannot use '{error.filename}': {error.strerror}; "
            "choose another folder (output_dir=..., data.root=...)"
        )
    if isinstance(error, OmegaConfBaseException):
        return f"{error.full_key or 'the configuration'}: {(error.msg or str(error)).splitlines()[0]}"
    twice = TWICE.match(str(error))
    if twice:
        key = twice[1] or twice[2]
        return f"{key} is there already: write {key}=... without a +"
    # Hydra's own sentence hides what OmegaConf had to say.
    told = str(error)
    if isinstance(cause, OmegaConfBaseException) and str(cause.msg) not in told:
        told = f"{told} {cause.msg}"
    return " ".join(told.split())


def _missing_choice(error: MissingConfigException, conf: Path) -> str:
    """Say that a group has no such choice."""
    missing = str(error.missing_cfg_file)
    group, _, choice = missing.rpartition("/")
    root, _, rest = missing.partition("/")
    options = list(error.options or ())
    if group == "hydra/launcher" and choice in LAUNCHERS:
        extra, package = LAUNCHERS[choice]
        return f"launcher={choice} needs the package {package}: {how_to_install(extra)}"
    if (conf / root).is_dir() and root != "hydra":  # Hydra leaves out what lies in folders of a group
        group, choice = root, rest
        options = sorted({*options, *choices_of(root, conf)})
    if not options:
        return f"there is no configuration '{missing}'; see --help"
    habit = CHOICES.get((group, choice))
    guess = f" (did you mean '{habit}'?)" if habit in options else near_miss(choice, options)
    return f"'{choice}' is no choice of {group}{guess}; the choices are: {', '.join(options)}"


def choices_of(group: str, conf: Path) -> list[str]:
    """Return the choices of a config group, those in its folders as ``folder/choice``."""
    folder = conf / group
    return [file.relative_to(folder).with_suffix("").as_posix() for file in folder.rglob("*.yaml")]
