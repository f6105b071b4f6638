import numpy as np
import pytest

from latentclust.evaluation.account import account
from latentclust.evaluation.assignments import Assignments


def test_clusters_are_counted_as_by_hand() -> None:
    table = Assignments(
        "pool",
        np.array([0, 0, 0, 2, 2, 2, 2, 2]),
        confidence=np.array([1.0, 0.8, 0.9, 0.5, 1.0, 1.0, 1.0, 1.0]),
        unlike=np.array([True] + [False] * 7),
        labels=np.array([1, 1, 0, 0, 0, 0, 0, -1]),
        class_names=("cat", "dog"),
    )
    found = account(table, 4)
    assert (found["inputs"], found["used"]) == (8, 2)
    assert found["uncertain"] == 2 / 8  # 0.8 and 0.5 are below 0.9
    assert found["unlike"] == 1 / 8
    assert found["matched"] == pytest.approx(6 / 7)  # the one without a label has no say
    first, empty, third, last = found["clusters"]
    assert first == {
        "cluster": 0,
        "size": 3,
        "share": 3 / 8,
        "confidence": pytest.approx(0.9),
        "majority": "dog",
        "purity": pytest.approx(2 / 3),
    }
    assert empty == {"cluster": 1, "size": 0, "share": 0.0}
    assert (third["size"], third["majority"], third["purity"]) == (5, "cat", 1.0)
    assert last["size"] == 0


def test_what_is_not_known_is_none() -> None:
    found = account(Assignments("pool", np.array([0, 1, 1])))
    assert (found["uncertain"], found["unlike"], found["matched"]) == (None, None, None)
    assert found["clusters"][1] == {"cluster": 1, "size": 2, "share": 2 / 3}
