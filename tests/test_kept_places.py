"""Results that are kept for later runs stay where earlier releases of this code have put them."""

import hashlib
from pathlib import Path

import pytest

from latentclust.data import Augmentation
from latentclust.data.kept import place


@pytest.mark.parametrize(
    ("depends_on", "text"),
    [
        ({"b": 1, "a": [2, None]}, '{"a": [2, null], "b": 1}'),
        ({"augment": Augmentation(pixels=2.0)}, '{"augment": [0.0, 2.0, 0.0, 0.0]}'),
    ],
)
def test_the_name_digests_what_the_result_depends_on(depends_on: dict[str, object], text: str) -> None:
    digest = hashlib.sha256(text.encode()).hexdigest()[:20]
    assert place(Path("cache"), "pretrain", "ckpt", depends_on) == Path(f"cache/pretrain-{digest}.ckpt")
