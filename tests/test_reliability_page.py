"""The page on reliability names tests that exist, for every fault."""

import re

import pytest

from tests.conftest import REPOSITORY

PAGE = (REPOSITORY / "docs/reliability.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))
FAULTS = re.findall(r"^\| (\d+) \|.*\| (.+) \|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_every_named_test_exists(file: str, name: str) -> None:
    assert re.search(rf"^def {name}\(", (REPOSITORY / file).read_text(encoding="utf-8"), re.MULTILINE)


def test_every_fault_names_a_test() -> None:
    assert [int(number) for number, _ in FAULTS] == list(range(1, 40))
    assert PAGE.count("tests/") >= PAGE.count("::") > 38
    for number, tests in FAULTS:
        assert "::" in tests or tests.startswith("none: "), number
    assert len(re.findall(r"::", PAGE)) == len(re.findall(r"`tests/[\w/]+\.py::\w+`", PAGE))
