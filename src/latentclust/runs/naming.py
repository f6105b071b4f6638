"""What a run is called: by the settings that were given, not by the time."""

from collections.abc import Mapping, Sequence
from typing import Any

from latentclust.runs.overrides import OF_ONE_CALL

# What changes no result, or is in every name.
NOT_NAMED = OF_ONE_CALL | {"hydra", "output_dir", "figures", "logger", "output", "tags", "debug"}
NOT_NAMED |= {"trainer.enable_progress_bar", "trainer.enable_model_summary", "trainer.profiler"}
FORBIDDEN = '/\\:*?"<>|'
LONGEST = 120
"""Letters of a name: it is a file's too."""


def given_settings(arguments: Sequence[str], config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that were given, with their values; model, data set and seed in any case.

    Parameters
    ----------
    arguments
        The command line's overrides, ``KEY=VALUE`` or ``GROUP=CHOICE``.
    config
        All settings in plain values.

    Examples
    --------
    >>> config = {"model": {"name": "ae", "latent_dim": 2}, "data": {"name": "digits"}, "seed": 1}
    >>> given_settings(["model=ae", "model.latent_dim=2", "seed=1", "output_dir=x"], config)
    {'model': 'ae', 'data': 'digits', 'model.latent_dim': 2, 'seed': 1}
    """
    given: dict[str, Any] = {"model": config["model"]["name"], "data": config["data"]["name"]}
    for argument in arguments:
        key, sign, text = argument.lstrip("+~").partition("=")
        if not sign or key in given or not NOT_NAMED.isdisjoint({key, key.partition(".")[0]}):
            continue
        value: Any = config
        for name in key.split("."):
            value = value.get(name, text) if isinstance(value, Mapping) else text
        given[key] = text if isinstance(value, Mapping) else value
    return given | {"seed": config["seed"]}


def name_of_run(
    given: Mapping[str, Any], *, job: str | None = None, tags: Sequence[str] = (), continued: bool = False
) -> str:
    """Write the settings that were given as a name that a file may have.

    Parameters
    ----------
    given
        As :func:`given_settings` returns them.
    job
        The name that the user gave the run, if any.
    tags
        Of the run.
    continued
        Whether it goes on from a checkpoint.

    Examples
    --------
    >>> name_of_run({"model": "ae", "data": "mnist", "model.latent_dim": 2, "seed": 1}, tags=["first"])
    'first ae mnist latent_dim=2 seed=1'
    """
    words = [*([job] if job else []), *tags]
    for key, value in given.items():
        text = "null" if value is None else str(value)
        words.append(text if key in {"model", "data"} else f"{shortest(key, list(given))}={text}")
    name = " ".join([*words, *(["continued"] if continued else [])])
    return "".join(sign if sign.isprintable() and sign not in FORBIDDEN else "-" for sign in name)[:LONGEST]


def shortest(key: str, keys: Sequence[str]) -> str:
    """Return the last parts of a dotted key, as few as tell it from the other keys.

    Examples
    --------
    >>> shortest("model.pretrain.max_epochs", ["trainer.max_epochs", "model.pretrain.max_epochs"])
    'pretrain.max_epochs'
    """
    parts = key.split(".")
    endings = [".".join(parts[-n:]) for n in range(1, len(parts))]
    return next((e for e in endings if sum(f".{k}".endswith(f".{e}") for k in keys) == 1), key)
