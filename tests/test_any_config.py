"""Whatever a command line says: a checked configuration, or one line that says what is wrong."""

import os
from argparse import Namespace
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latentclust.compose import Composer, composing, plain_values
from latentclust.door import check_overrides
from latentclust.errors import LatentclustError
from latentclust.settings import GROUPS, Settings, all_keys, check_settings
from latentclust.settings.habits import HABITS, MOVED
from latentclust.settings.trainer import REFUSED
from tests.conftest import REPOSITORY, TINY_CONF

CONF = REPOSITORY / "conf"
CHOICES = sorted(file.stem for file in CONF.rglob("*.yaml"))
KEYS = sorted(all_keys())
SECTIONS = sorted({key.rpartition(".")[0] for key in KEYS if "." in key})
NAMES = st.one_of(
    st.sampled_from(KEYS),
    st.sampled_from(SECTIONS),
    st.sampled_from(GROUPS),
    st.sampled_from(sorted({*HABITS, *MOVED, *REFUSED, *(f"trainer.{name}" for name in REFUSED)})),
    st.text("abcdefgh._/0", min_size=1, max_size=12),
)
NUMBERS = st.one_of(
    st.integers(), st.integers(-3, 40), st.floats(), st.sampled_from([2**32, 10**400, 0, 1, 1e308, 0.5])
)
PLAIN = st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=8), st.sampled_from(CHOICES))
TREES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
# As Hydra's grammar reads them, and as it does not.
WRITTEN = st.one_of(
    st.sampled_from(CHOICES),
    NUMBERS.map(str),
    st.sampled_from(
        ["null", "true", "false", "", "???", "[]", "{}", "nan", "inf", "''", "[1,2]", "[0,1]", "a,b"]
    ),
    st.sampled_from(
        ["${seed}", "${nowhere}", "${data.name}", "${oc.env:NOWHERE}", "${hydra:job.num}", "${", "{a:1}"]
    ),
    st.lists(NUMBERS, max_size=4).map(lambda numbers: f"[{','.join(map(str, numbers))}]"),
    st.dictionaries(st.sampled_from("abcd"), NUMBERS, max_size=2).map(
        lambda tree: "{" + ",".join(f"{name}:{number}" for name, number in tree.items()) + "}"
    ),
    st.text(max_size=10),
)
OVERRIDES = st.lists(
    st.one_of(
        st.builds(
            lambda prefix, name, value: f"{prefix}{name}={value}",
            st.sampled_from(["", "", "", "+", "++"]),
            NAMES,
            WRITTEN,
        ),
        st.builds(lambda name: f"~{name}", NAMES),
        st.sampled_from([f"{group}={choice}" for group in GROUPS for choice in CHOICES]),
        st.text(max_size=10),
    ),
    min_size=1,
    max_size=4,
)


@pytest.fixture(scope="module")
def composer() -> Iterator[Composer]:
    flags = Namespace(config_path=None, config_dir=str(TINY_CONF), config_name=None)
    with composing(flags, CONF) as found:
        yield found


def answer(composer: Composer, overrides: list[str]) -> None:
    """Check a command line as the door does; anything but settings or one line fails the test."""
    try:
        assert isinstance(check_overrides(composer, overrides, CONF), Settings)
    except LatentclustError as error:
        line = str(error)
        assert line.strip(), overrides
        assert len(line.splitlines()) == 1, line
        assert len(line) < 1500, line


@given(OVERRIDES)
@settings(max_examples=200, suppress_health_check=list(HealthCheck))
@pytest.mark.long
def test_any_command_line(composer: Composer, overrides: list[str]) -> None:
    answer(composer, overrides)


@pytest.mark.faults
@given(OVERRIDES)
@settings(
    max_examples=int(os.environ.get("LATENTCLUST_EXAMPLES", "10000")), suppress_health_check=list(HealthCheck)
)
def test_ten_thousand_command_lines(composer: Composer, overrides: list[str]) -> None:
    answer(composer, overrides)


@pytest.fixture(scope="module")
def plain(composer: Composer) -> dict[str, Any]:
    return plain_values(composer.compose([]))


@given(st.lists(st.tuples(NAMES, TREES), min_size=1, max_size=3))
@settings(max_examples=200, suppress_health_check=list(HealthCheck))
def test_any_tree_of_values(plain: dict[str, Any], changes: list[tuple[str, Any]]) -> None:
    tree = deepcopy(plain)
    for key, value in changes:
        node = tree
        *sections, leaf = key.split(".")
        for name in sections:
            below = node.get(name)
            node[name] = node = below if isinstance(below, dict) else {}
        node[leaf] = value
    try:
        assert isinstance(check_settings(tree), Settings)
    except LatentclustError as error:
        said = str(error)
    else:
        said = "settings"
    assert len(said.splitlines()) == 1
