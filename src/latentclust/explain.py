"""Turn an error about the command line into one line that says what is wrong and what to do."""

import difflib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import ConfigCompositionException, MissingConfigException, OverrideParseException
from omegaconf import OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError


def explain(error: BaseException, arguments: list[str], conf: Path) -> str:
    """Say in one line what is wrong with a command line and what to do.

    Parameters
    ----------
    error
        What was raised.
    arguments
        The command line's arguments, to compose the keys that would have been right.
    conf
        The folder with the config groups.
    """
    if isinstance(error, MissingConfigException) and error.options is not None and error.missing_cfg_file:
        group, _, choice = error.missing_cfg_file.rpartition("/")
        root, _, rest = error.missing_cfg_file.partition("/")
        options = error.options
        if (conf / root).is_dir() and root != "hydra":  # Hydra leaves out what lies in folders of a group
            group, choice = root, rest
            options = sorted({*options, *choices_of(root, conf)})
        guess = near_miss(choice, options)
        return f"'{choice}' is no choice of {group}{guess}; the choices are: {', '.join(options)}"
    if isinstance(error, OverrideParseException):
        return (
            f"cannot read '{error.override}': write GROUP=CHOICE or KEY=VALUE, "
            "with quotes around special characters"
        )
    if isinstance(error, ConfigCompositionException) and isinstance(
        error.__cause__, ConfigAttributeError | ConfigKeyError
    ):
        key = str(error.__cause__.full_key)
        return f"there is no key or group '{key}'{near_miss(key, known_keys(arguments, conf))}; see --help"
    if isinstance(error, OSError) and error.filename:
        return (
            f"cannot use '{error.filename}': {error.strerror}; "
            "choose another folder (output_dir=..., data.root=...)"
        )
    return " ".join(str(error).split())


def choices_of(group: str, conf: Path) -> list[str]:
    """Return the choices of a config group, those in its folders as ``folder/choice``."""
    folder = conf / group
    return [file.relative_to(folder).with_suffix("").as_posix() for file in folder.rglob("*.yaml")]


def near_miss(word: str, known: Iterable[str]) -> str:
    """Return " (did you mean 'x'?)" for the known word that is nearest to ``word``, or nothing."""
    known = list(known)
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if not close:  # a right leaf in a wrong place, such as batch_size for data.batch_size
        close = [key for key in known if key.rpartition(".")[2] == word.rpartition(".")[2]][:1]
    return f" (did you mean '{close[0]}'?)" if close else ""


def known_keys(arguments: list[str], conf: Path) -> list[str]:
    """Return all dotted keys of the configuration that the valid choices among ``arguments`` compose."""
    choices = [
        argument
        for argument in arguments
        if (conf / argument.replace("=", "/", 1)).with_suffix(".yaml").is_file()
    ]
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf), version_base="1.3"):
        cfg = compose("config", overrides=choices)
    groups = [folder.name for folder in conf.iterdir() if folder.is_dir()]
    return [*dotted_keys(OmegaConf.to_container(cfg, resolve=False)), *groups]


def dotted_keys(node: Any, prefix: str = "") -> Iterator[str]:
    """Yield 'a', 'a.b', ... for a tree of dictionaries."""
    if isinstance(node, dict):
        for name, child in node.items():
            yield f"{prefix}{name}"
            yield from dotted_keys(child, f"{prefix}{name}.")
