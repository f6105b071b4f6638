"""What is auto follows from the inputs, and nothing else does."""

from typing import Any

import pytest

from latentclust.errors import LatentclustError
from latentclust.settings import Settings, settings_for
from latentclust.settings.init import Manifold
from latentclust.settings.resolve import preprocess_steps, resolve

GRAY, COLOR, VECTOR = (1, 28, 28), (3, 32, 32), (16,)
STEPS = {GRAY: ["unit"], COLOR: ["unit"], VECTOR: ["standardize"]}


def resolved(shape: tuple[int, ...], model: str = "vade", **changes: Any) -> Settings:
    return resolve(settings_for(model, "digits", **changes), shape, STEPS[shape])[0]


def test_gray_images_get_the_recipe_of_digits() -> None:
    assert resolved(GRAY) == resolved(
        GRAY,
        network="conv",
        augment="affine",
        **{
            "init.space": "images",
            "model.likelihood": "bernoulli",
            "model.pretrain.likelihood": "squared_error",
        },
    )


@pytest.mark.parametrize(
    ("shape", "decoder", "channels", "space", "likelihood"),
    [
        (GRAY, "perceptron", (32, 64), "images", "bernoulli"),
        (COLOR, "conv", (32, 64), "images", "bernoulli"),
        (VECTOR, "perceptron", (), "inputs", "gaussian"),
    ],
)
def test_each_kind_gets_what_suits_it(
    shape: tuple[int, ...], decoder: str, channels: tuple[int, ...], space: str, likelihood: str
) -> None:
    settings = resolved(shape)
    assert (settings.network.decoder, settings.network.channels) == (decoder, channels)
    assert isinstance(settings.init, Manifold)
    assert settings.init.space == space
    assert settings.model.likelihood == likelihood  # type: ignore[union-attr]
    assert settings.preprocess == tuple(STEPS[shape])
    assert "auto" not in str(settings.network) + str(settings.augment) + str(settings.init)
    assert any(value for _, value in settings.augment) is (shape != VECTOR)


def test_what_was_given_stays() -> None:
    settings, chosen = resolve(
        settings_for("vae", "digits", **{"network.widths": [7], "model.likelihood": "squared_error"}),
        VECTOR,
        ["standardize"],
    )
    assert settings.network.widths == (7,)
    assert settings.model.likelihood == "squared_error"  # type: ignore[union-attr]
    assert chosen == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"network": "conv"}, "network.channels are for images"),
        ({"augment": "shift"}, "augment is for images"),
        ({"init.space": "images"}, "init.space=images is for images"),
        ({"model.likelihood": "bernoulli"}, "needs values in \\[0, 1\\]: add preprocess=unit"),
    ],
)
def test_what_does_not_suit_vectors_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(LatentclustError, match=said):
        resolved(VECTOR, **changes)


@pytest.mark.parametrize(
    ("given", "steps"),
    [
        ("auto", None),
        ("standardize", ("standardize",)),
        ("log1p+pca:50", ("log1p", "pca:50")),
        (["log1p", "pca=5"], ("log1p", "pca=5")),
    ],
)
def test_steps_are_a_text_or_a_list(given: Any, steps: tuple[str, ...] | None) -> None:
    assert preprocess_steps(settings_for("ae", "digits", preprocess=given)) == steps
