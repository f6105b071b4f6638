"""What is auto follows from the inputs, and nothing else does."""

from typing import Any

import pytest

from latentclust.errors import LatentclustError
from latentclust.settings import Settings, settings_for
from latentclust.settings.init import Manifold
from latentclust.settings.resolve import resolve

GRAY, COLOR, VECTOR = (1, 28, 28), (3, 32, 32), (16,)
STEPS = {GRAY: ["unit"], COLOR: ["unit"], VECTOR: ["standardize"]}


def resolved(shape: tuple[int, ...], model: str = "vade", **changes: Any) -> Settings:
    return resolve(settings_for(model, "digits", **changes), shape, STEPS[shape], 70_000)[0]


def test_gray_images_get_the_recipe_of_digits() -> None:
    assert resolved(GRAY) == resolved(
        GRAY,
        network="conv",
        augment="affine",
        **{
            "init.space": "images",
            "init.n_layouts": 1,
            "init.n_epochs": 50,
            "init.components_per_cluster": 1.5,
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


@pytest.mark.parametrize(
    ("shape", "pixels"),
    [((1, 8, 8), 0.57), ((1, 28, 28), 2), ((3, 56, 84), 4), ((1, 84, 7), 0.5)],
)
def test_images_of_any_size_move_by_the_same_share_of_their_shorter_side(
    shape: tuple[int, ...], pixels: float
) -> None:
    settings, chosen = resolve(settings_for("vade", "digits"), shape, ["unit"], 70_000)
    assert settings.augment.pixels == pixels
    assert f"pixels {pixels:g}" in "; ".join(chosen)
    given = settings_for("vade", "digits", augment="affine")
    assert resolve(given, shape, ["unit"], 70_000)[0].augment.pixels == 2


@pytest.mark.parametrize(
    ("n", "layouts", "epochs"), [(5000, 4, 200), (5001, 4, 50), (12_000, 4, 50), (12_001, 1, 50)]
)
def test_small_pools_are_laid_out_several_times(n: int, layouts: int, epochs: int) -> None:
    settings, chosen = resolve(settings_for("vade", "digits"), GRAY, STEPS[GRAY], n)
    assert (settings.init.n_layouts, settings.init.n_epochs) == (layouts, epochs)  # type: ignore[union-attr]
    assert f"layouts {layouts}, of {epochs} epochs" in "; ".join(chosen)
    given = settings_for("vade", "digits", **{"init.n_layouts": 2, "init.n_epochs": 7})
    settings, _ = resolve(given, GRAY, STEPS[GRAY], n)
    assert (settings.init.n_layouts, settings.init.n_epochs) == (2, 7)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("shape", "space", "given", "expected"),
    [
        (GRAY, "auto", "auto", 1.5),
        (COLOR, "images", "auto", 1.5),
        (GRAY, "codes", "auto", 1.0),
        (VECTOR, "auto", "auto", 1.0),
        (VECTOR, "auto", 2.0, 2.0),
        (GRAY, "auto", 1.0, 1.0),
    ],
)
def test_layouts_of_images_are_parted_by_more_gaussians_too(
    shape: tuple[int, ...], space: str, given: float | str, expected: float
) -> None:
    wish = settings_for("vade", "digits", **{"init.space": space, "init.components_per_cluster": given})
    settings, chosen = resolve(wish, shape, STEPS[shape], 70_000)
    assert settings.init.components_per_cluster == expected  # type: ignore[union-attr]
    told = f"also parted by {expected:g} Gaussians for each cluster" in "; ".join(chosen)
    assert told == (given == "auto" and expected > 1)


def test_what_was_given_stays() -> None:
    settings, chosen = resolve(
        settings_for("vae", "digits", **{"network.widths": [7], "model.likelihood": "squared_error"}),
        VECTOR,
        ["standardize"],
        70_000,
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
    assert settings_for("ae", "digits", preprocess=given).steps == steps
