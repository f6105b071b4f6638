"""Which settings are behind a run once it has begun, so that a continuation has them as they were."""

from collections.abc import Iterator, Mapping
from typing import Any

from latentclust.settings.model import NetworkModel
from latentclust.settings.top import Settings

# Of the start, what only later fits of the mixture look at, and what changes no result.
OF_LATER = {"init.refit", "init.voters", "init.vote_tolerance", "init.cache", "model.pretrain.cache"}


def settled(settings: Settings, stage: str = "train") -> dict[str, Any]:
    """Return the settings that a run cannot change once it has begun a stage, by their dotted keys.

    These are the seed and, in the stage ``train`` of a model with clusters of its own, the first stage's and
    those of the start. Sizes of the layers, K and the data are compared with what a checkpoint holds.

    Parameters
    ----------
    settings
        As they were given, ``auto`` included.
    stage
        ``pretrain`` or ``train``.

    Examples
    --------
    >>> from latentclust.settings.recipes import settings_for
    >>> settled(settings_for("ae", seed=3))
    {'seed': 3}
    >>> settled(settings_for("idec", seed=3))["init.name"]
    'kmeans'
    """
    plain = settings.plain()
    found = {"seed": plain["seed"]}
    model = settings.model
    if stage == "train" and isinstance(model, NetworkModel) and model.has_clusters:
        of_model = {key: plain["model"][key] for key in ("pretrain", "log_var_init") if key in plain["model"]}
        found |= dict(_leaves({"init": plain["init"], "model": of_model}))
    return {key: value for key, value in found.items() if key not in OF_LATER}


def _leaves(node: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, child in node.items():
        if isinstance(child, Mapping):
            yield from _leaves(child, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", child
