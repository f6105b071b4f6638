"""Which of a checkpoint's overrides may come onto the command line.

A checkpoint may come from a stranger, and the command line can do much: Hydra makes objects of whatever
``hydra.callbacks`` names, takes configuration from any ``hydra.searchpath``, and reads environment variables.
So an override is taken from a checkpoint only if conf/ has its key or choice and its value is plain.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from latentclust.runs.overrides import OF_ONE_CALL

PACKAGE = re.compile(r"#\s*@package\s+(\S+)")


@dataclass(frozen=True)
class Vocabulary:
    """The groups, choices and keys that folders of configuration have.

    Attributes
    ----------
    folders
        ``conf/``, and the ``--config-dir`` of the command line.
    more
        Keys that are known although no file has them.
    """

    folders: tuple[Path, ...]
    more: frozenset[str] = frozenset()

    @cached_property
    def choices(self) -> dict[str, set[str]]:
        """The choices of each group."""
        found: dict[str, set[str]] = {}
        for folder, file in self._files():
            group, _, choice = file.relative_to(folder).with_suffix("").as_posix().partition("/")
            if choice:
                found.setdefault(group, set()).add(choice)
        return found

    @cached_property
    def keys(self) -> set[str]:
        """All dotted keys that any choice has."""
        found = set(self.more)
        for folder, file in self._files():
            text = file.read_text(encoding="utf-8")
            named = PACKAGE.match(text)
            place = named.group(1) if named else ".".join(file.relative_to(folder).parts[:-1])
            prefix = "" if place in {"", "_global_"} else f"{place}."
            found.update(dotted(yaml.safe_load(text), prefix))
        return found

    def _files(self) -> Iterator[tuple[Path, Path]]:
        for folder in self.folders:
            for file in sorted(folder.rglob("*.yaml")):
                if file.relative_to(folder).parts[0] != "hydra":
                    yield folder, file

    def objection(self, text: str) -> str | None:
        """Say what speaks against taking an override from a checkpoint; None if nothing does."""
        if not text.isprintable() or text.startswith("-"):
            return "it is no override"
        try:
            # By Hydra's own parser, so that nothing reads otherwise here than there.
            (override,) = OverridesParser.create().parse_overrides([text])
        except (HydraException, ValueError):
            return "it cannot be read"
        return self._key_objection(override) or self._value_objection(override)

    def _key_objection(self, override: Override) -> str | None:
        key = override.key_or_group
        if key.split(".")[0].split("/")[0] == "hydra":
            return "it would set up the program itself"
        if key in OF_ONE_CALL:
            return "it is of one call, and not of a run"
        if override.package is not None or not (key in self.keys or key in self.choices):
            return "there is no such key or group"
        return None

    def _value_objection(self, override: Override) -> str | None:
        if override.is_sweep_override():
            return "it has several values"
        key, value = override.key_or_group, override.value()
        if any("${" in leaf for leaf in strings(value)):
            return "its value refers to something else"
        if isinstance(value, dict) and not set(dotted(value, f"{key}.")) <= self.keys:
            return "there is no such key or group"
        if not is_plain(value):
            return "its value is not plain"
        if key in self.choices and not isinstance(value, dict) and value is not None:
            chosen = value if isinstance(value, list) else [value]
            if not self.choices[key].issuperset(map(str, chosen)):
                return f"{key} has no such choice; if it is of your own, give its --config-dir"
        return None


def dotted(node: Any, prefix: str) -> Iterator[str]:
    """Yield 'a', 'a.b', ... for a tree of dictionaries, without what is Hydra's own."""
    if not isinstance(node, dict):
        return
    for name, child in node.items():
        if name in {"hydra", "defaults"} and not prefix:
            continue
        yield f"{prefix}{name}"
        yield from dotted(child, f"{prefix}{name}.")


def strings(node: Any) -> Iterator[str]:
    """Yield every piece of text in a value."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        yield from strings([*node, *node.values()])
    elif isinstance(node, list):
        for child in node:
            yield from strings(child)


def is_plain(node: Any) -> bool:
    """Whether a value is a number, text, true, false or null, or lists and dictionaries of such."""
    if isinstance(node, dict):
        return all(isinstance(key, str) and key[:1] != "_" for key in node) and _all_plain(node.values())
    return _all_plain(node) if isinstance(node, list) else node is None or isinstance(node, str | int | float)


def _all_plain(nodes: Iterable[Any]) -> bool:
    return all(is_plain(node) for node in nodes)


def config_dirs(arguments: list[str]) -> list[Path]:
    """Return the folders that the command line gives with ``--config-dir``."""
    found = []
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=True):
        if argument in {"--config-dir", "-cd"}:
            found.append(Path(following))
        elif argument.startswith("--config-dir="):
            found.append(Path(argument.partition("=")[2]))
    return [folder for folder in found if folder.is_dir()]
