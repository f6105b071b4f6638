"""Every key of the settings, who has it, and what somebody may have meant by an unknown one."""

import difflib
from collections.abc import Iterator, Mapping
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from latentclust.settings.base import Section
from latentclust.settings.habits import HABITS, MOVED
from latentclust.settings.top import OF_ONE_TASK, Settings, settings_class
from latentclust.settings.trainer import REFUSED

# The folders of conf/.
GROUPS = (
    "task",
    "search",
    "model",
    "data",
    "network",
    "augment",
    "init",
    "accelerator",
    "experiment",
    "launcher",
    "hparams",
    "debug",
    "trainer",
    "callbacks",
    "logger",
)
# Those whose choices differ in their keys.
VARIED = ("model", "data", "init")


def choices(annotation: Any) -> dict[str, type[Section]]:
    """Return the sections of a union by the name that chooses each; empty for anything else."""
    if get_origin(annotation) is Annotated:
        return choices(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        members = get_args(annotation)
        if all(isinstance(member, type) and issubclass(member, Section) for member in members):
            return {get_args(member.model_fields["name"].annotation)[0]: member for member in members}
    return {}


def section_of(annotation: Any) -> type[Section] | None:
    """Return the section that a field holds, or None if it holds a value."""
    return annotation if isinstance(annotation, type) and issubclass(annotation, Section) else None


def all_keys() -> dict[str, dict[str, FieldInfo]]:
    """Return for each dotted key the choices that have it, with their fields.

    ``model.beta`` belongs to ``{"vae": ...}``; a key that does not depend on a choice to ``{"": ...}``.
    """
    return _keys_of(settings_class())


@cache
def _keys_of(settings: type[Settings]) -> dict[str, dict[str, FieldInfo]]:
    found: dict[str, dict[str, FieldInfo]] = {}
    for name, field in settings.model_fields.items():
        variants = choices(field.annotation)
        for choice, section in variants.items():
            for key, leaf in _leaves(section, f"{name}."):
                found.setdefault(key, {})[choice] = leaf
        if not variants:
            inner = section_of(field.annotation)
            leaves = [(name, field)] if inner is None else _leaves(inner, f"{name}.")
            found |= {key: {"": leaf} for key, leaf in leaves}
    return found


def _leaves(section: type[Section], prefix: str) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in section.model_fields.items():
        inner = section_of(field.annotation)
        if inner is None:
            yield prefix + name, field
        else:
            yield from _leaves(inner, f"{prefix}{name}.")


def unknown_key(
    key: str, chosen: Mapping[str, str], defaults: frozenset[str] = frozenset(), value: Any = None
) -> str:
    """Say in one line what is wrong with a key that the configuration does not have.

    Parameters
    ----------
    key
        Dotted.
    chosen
        The choice of each group in :data:`VARIED`, and of ``task``.
    defaults
        The groups whose choice nobody asked for.
    value
        What the key was to be.
    """
    if key in MOVED:
        return f"{key} is now {MOVED[key]}: write {MOVED[key]}={'...' if value is None else value}"
    group, _, leaf = key.partition(".")
    if group in REFUSED and not leaf:
        group, leaf = "trainer", group
    if group == "trainer" and leaf in REFUSED:
        return f"trainer.{leaf} cannot be set: {REFUSED[leaf]}"
    owners = [choice for name, found in all_keys().items() if _within(name, key) for choice in found]
    if group in VARIED and owners and chosen.get(group) not in owners and "" not in owners:
        others = ", ".join(dict.fromkeys(owners))
        hint = f": give {group}={owners[0]} too" if group in defaults else ""
        return f"{group}={chosen.get(group)} has no {key}; {group}={others} has{hint}"
    if key in OF_ONE_TASK:
        return f"task={chosen.get('task')} has no {key}; task={OF_ONE_TASK[key]} has"
    if leaf and group in set(GROUPS) - set(Settings.model_fields):
        same_leaf = [name for name in known_keys(chosen) if name.endswith(f".{leaf}")]
        meant = HABITS.get(key) or next(iter(same_leaf), None)
        guess = f" (did you mean '{meant}'?)" if meant else ""
        return f"{group} has choices, not keys{guess}; see --help"
    if key in HABITS:
        return f"there is no key or group '{key}' (did you mean '{HABITS[key]}'?); see --help"
    return f"there is no key or group '{key}'{near_miss(key, known_keys(chosen))}; see --help"


def known_keys(chosen: Mapping[str, str]) -> list[str]:
    """Return the keys, sections and groups that a configuration with these choices has."""
    keys = [
        key
        for key, owners in all_keys().items()
        if "" in owners or chosen.get(key.partition(".")[0]) in {None, *owners}
    ]
    sections = {key.rpartition(".")[0] for key in keys if "." in key}
    return [*keys, *sorted(sections - set(GROUPS)), *GROUPS]


def _within(name: str, key: str) -> bool:
    return name == key or name.startswith(f"{key}.")


def near_miss(word: str, known: list[str]) -> str:
    """Return " (did you mean 'x'?)" for the known word that is nearest to ``word``, or nothing."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if not close:  # a right leaf in a wrong place, such as batch_size for data.batch_size
        close = [key for key in known if key.rpartition(".")[2] == word.rpartition(".")[2]][:1]
    return f" (did you mean '{close[0]}'?)" if close else ""
