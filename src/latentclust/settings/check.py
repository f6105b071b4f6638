"""Check a whole configuration, in plain values, and say in one line what is wrong with it."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from latentclust.errors import LatentclustError
from latentclust.registry import load_extensions
from latentclust.settings.base import Section, words_of
from latentclust.settings.combinations import check_choices, check_combinations
from latentclust.settings.keys import VARIED, choices, section_of, unknown_key
from latentclust.settings.top import OF_ONE_TASK, Settings, settings_class

MISSING = "???"
TOO_LARGE = {"less_than", "less_than_equal"}


def check_settings(plain: Mapping[str, Any], defaults: frozenset[str] = frozenset()) -> Settings:
    """Turn a composed configuration into typed settings.

    Parameters
    ----------
    plain
        Nested dictionaries, lists and values, every interpolation resolved; ``"???"`` for what is missing.
    defaults
        The groups whose choice nobody asked for; advice then mentions the right choice.

    Raises
    ------
    LatentclustError
        If an extension cannot be imported; for the first key that is missing, unknown or out of range; for
        settings that do not go together.
    """
    import_extensions(plain)
    missing = next(_missing(plain), None)
    if missing is not None:
        raise LatentclustError(f"a value is missing: set {missing}=...")
    # A network's own settings of the data are none of points': say that rather than name one of them.
    check_choices(chosen_in(plain), continues=plain.get("ckpt_path") is not None)
    try:
        settings = settings_class().model_validate(_frozen(plain))
    except ValidationError as error:
        raise LatentclustError(_say(error.errors(include_url=False), plain, defaults)) from None
    # Defaults are for Python. A key that a command line has lost was not meant to have one.
    lost = next(_lost(settings), None)
    if lost is not None:
        raise LatentclustError(_say_lost(*lost))
    check_combinations(settings)
    return settings


def import_extensions(plain: Mapping[str, Any]) -> None:
    """Import the modules of the key ``extensions``; what else it may hold is said by :func:`check_settings`.

    Raises
    ------
    LatentclustError
        If one cannot be imported.
    """
    names = plain.get("extensions", [])
    if isinstance(names, list) and all(isinstance(name, str) and name for name in names):
        load_extensions(names)


def _missing(node: Any, prefix: str = "") -> Any:
    for name, child in node.items():
        if isinstance(child, Mapping):
            yield from _missing(child, f"{prefix}{name}.")
        elif child == MISSING:
            yield f"{prefix}{name}"


def _lost(section: Section, prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Yield the keys that were not given, with their fields."""
    for name, field in type(section).model_fields.items():
        if name not in section.model_fields_set:
            if prefix or name not in OF_ONE_TASK:
                yield prefix + name, field
        elif isinstance(value := getattr(section, name), Section):
            yield from _lost(value, f"{prefix}{name}.")


def _say_lost(key: str, field: FieldInfo) -> str:
    return f"{key} is missing: set {key}={'|'.join(choices(field.annotation)) or '...'}"


def _frozen(node: Any) -> Any:
    """Turn lists into tuples, as frozen settings hold them."""
    if isinstance(node, Mapping):
        return {name: _frozen(child) for name, child in node.items()}
    return tuple(_frozen(child) for child in node) if isinstance(node, list) else node


def _say(errors: list[ErrorDetails], plain: Mapping[str, Any], defaults: frozenset[str]) -> str:
    """Say the first error; a wrong name before what follows from it."""
    errors.sort(key=lambda error: not error["type"].startswith("union_tag"))
    error = errors[0]
    path, field = _locate(error["loc"])
    key = ".".join(path)
    value: Any = plain
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    if error["type"] in {"extra_forbidden", "invalid_key"}:
        return unknown_key(key, chosen_in(plain), defaults, value)
    names = list(choices(field.annotation)) if field else []
    if error["type"].startswith("union_tag"):
        return f"{key}.name is {_short(value.get('name'))}: it must be one of {', '.join(names)}"
    if error["type"] == "missing" and field is not None and isinstance(error["loc"][-1], str):
        return _say_lost(key, field)
    if field is None:
        return f"{key or 'the configuration'} is {_short(value)}: {error['msg']}"
    if names:
        return f"{key} is {_short(value)}: choose {key}={'|'.join(names)}"
    if section_of(field.annotation):
        return f"{key} is {_short(value)}: it is a group of keys, set one of them as {key}.KEY=VALUE"
    return f"{key} is {_short(value)}: it must be {words_of(field, above=error['type'] in TOO_LARGE)}"


def chosen_in(plain: Mapping[str, Any]) -> dict[str, str]:
    """Return which choice of each group a configuration has."""
    found = {}
    for group in ("task", *VARIED):
        section = plain.get(group)
        if isinstance(section, Mapping) and isinstance(section.get("name"), str):
            found[group] = section["name"]
    return found


def _locate(loc: tuple[int | str, ...]) -> tuple[list[str], FieldInfo | None]:
    """Turn pydantic's place of an error into a dotted key's parts and the field that has it."""
    path: list[str] = []
    section: type[Section] | None = settings_class()
    variants: dict[str, type[Section]] = {}
    field: FieldInfo | None = None
    for part in loc:
        if variants and part in variants:  # the name of a choice is no part of the key
            section, variants = variants[str(part)], {}
        elif section is not None:
            path.append(str(part))
            field = section.model_fields.get(str(part))
            variants = choices(field.annotation) if field else {}
            section = section_of(field.annotation) if field else None
        else:
            break  # within a value
    return path, field


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
