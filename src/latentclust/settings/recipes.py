"""Settings from Python: what conf/ composes for a model and data, without Hydra."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, TypeVar

from latentclust.errors import LatentclustError
from latentclust.settings.augment import Augment
from latentclust.settings.base import Section
from latentclust.settings.check import check_settings
from latentclust.settings.keys import VARIED, choices, near_miss
from latentclust.settings.network import Network
from latentclust.settings.top import Settings, settings_class
from latentclust.settings.trainer import Trainer

NETWORKS = {
    "deep": Network(),
    "shallow": Network(widths=(512,)),
    "small": Network(widths=(256, 256)),
    "conv": Network(channels=(32, 64), widths=(256, 1000)),
    "auto": Network(channels="auto", widths="auto", decoder="auto"),
}
AUGMENTS = {
    "none": Augment(),
    "shift": Augment(pixels=2.0),
    "affine": Augment(degrees=12.0, pixels=2.0, scale=0.15, shear=0.2),
    "auto": Augment(degrees="auto", pixels="auto", scale="auto", shear="auto"),
}
DEFAULTS = {"data": "mnist", "network": "deep", "augment": "none", "init": "gmm"}
# What the choice of a model asks of the other groups: choices first, then keys.
RECIPES: dict[str, dict[str, Any]] = {
    "ae": {"data": {"pool": "train"}, "trainer": {"max_epochs": 12}},
    "vae": {"data": {"pool": "train"}, "trainer": {"max_epochs": 12}},
    "vade": {
        "network": "auto",
        "augment": "auto",
        "init": "manifold",
        "data": {"pool": "all", "batch_size": 128},
        "trainer": {"max_epochs": 8},
    },
}
RECIPES |= {
    name: {
        "init": "kmeans",
        "data": {"pool": "all", "batch_size": 256},
        "trainer": {"max_epochs": 20},
    }
    for name in ("dec", "idec")
}
Choice = TypeVar("Choice")

CLUSTERS_OF_POINTS = {"moons": 2, "circles": 2}


Group = str | Mapping[str, Any]
"""A choice, or values: those of the choice that is their ``name``, or of the one of the recipe."""


def settings_for(
    model: Group = "vade",
    data: Group = "mnist",
    *,
    network: Group | None = None,
    augment: Group | None = None,
    init: Group | None = None,
    **changes: Any,
) -> Settings:
    """Return the settings of a model's recipe, as ``model=... data=...`` on the command line gives them.

    Parameters
    ----------
    model, data, network, augment, init
        Choices of the groups of conf/, as in ``"ae"``, or their values, as in
        ``{"name": "ae", "latent_dim": 3}``. What is left out comes from the model's recipe.
    **changes
        Further settings: nested as in ``trainer={"max_epochs": 3}``, or dotted as in
        ``**{"trainer.max_epochs": 3}``.

    Raises
    ------
    LatentclustError
        For a choice or a key that does not exist, or a value that is out of range.

    Examples
    --------
    >>> settings = settings_for("ae", "digits", trainer={"max_epochs": 3})
    >>> settings.data.pool, settings.data.batch_size, settings.trainer.max_epochs
    ('train', 64, 3)
    """
    given = {"model": model, "data": data, "network": network, "augment": augment, "init": init}
    values = {group: dict(value) for group, value in given.items() if isinstance(value, Mapping)}
    named = {group: value for group, value in given.items() if isinstance(value, str)}
    named |= {group: found.pop("name") for group, found in values.items() if "name" in found}
    recipe = RECIPES.get(named.setdefault("model", "vade"), {})
    chosen = DEFAULTS | {key: choice for key, choice in recipe.items() if isinstance(choice, str)} | named
    groups: dict[str, Any] = {group: _variant(group, chosen[group]) for group in VARIED}
    groups["network"] = _named("network", chosen["network"], NETWORKS)
    groups["augment"] = _named("augment", chosen["augment"], AUGMENTS)
    plain = settings_class()(**groups, trainer=Trainer()).plain()
    for group in ("data", "trainer"):
        plain[group] |= {key: value for key, value in recipe.get(group, {}).items() if key in plain[group]}
    for key, value in (values | changes).items():
        _put(plain, key, value)
    if "n_clusters" not in changes:
        of_points = plain["data"].get("n_groups", CLUSTERS_OF_POINTS.get(chosen["data"]))
        plain["n_clusters"] = of_points or plain["n_clusters"]
    return check_settings(plain)


def _variant(group: str, name: str) -> Section:
    """Return a choice of a group whose choices differ in their keys, with its defaults."""
    sections = choices(settings_class().model_fields[group].annotation)
    kind = _named(group, name, sections)
    needed: dict[str, Any] = {key: "???" for key, field in kind.model_fields.items() if field.is_required()}
    return kind.model_construct(**needed)


def _named(group: str, name: str, known: Mapping[str, Choice]) -> Choice:
    if name not in known:
        others = ", ".join(known)
        raise LatentclustError(
            f"'{name}' is no choice of {group}{near_miss(name, list(known))}; it has {others}"
        )
    return known[name]


def _put(plain: dict[str, Any], key: str, value: Any) -> None:
    """Put a value, or a nested dictionary of values, at a dotted key."""
    if isinstance(value, Mapping):
        for name, child in value.items():
            _put(plain, f"{key}.{name}", child)
        return
    *sections, leaf = key.split(".")
    for name in sections:
        if not isinstance(plain.get(name), dict):
            plain[name] = {}
        plain = plain[name]
    plain[leaf] = list(value) if isinstance(value, tuple) else deepcopy(value)
