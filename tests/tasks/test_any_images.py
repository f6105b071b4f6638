"""Images of any shape, in any number, go the whole way, from training to the report."""

from collections.abc import Callable
from math import ceil, sqrt
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import Command

QUICK = (
    *("figures.at_end=true", "figures.every_n_epochs=2", "figures.plane.n=3", "trainer.max_epochs=2"),
    *("figures.embedding.max_iter=250", "data.limit=null", "data.batch_size=16", "n_clusters=3"),
)

Save = Callable[..., list[str]]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Write images ``(N, H, W, C)`` in three shades, and return what has a command read them."""

    def write(n: int, height: int, width: int, channels: int) -> list[str]:
        rng = np.random.default_rng(0)
        labels = np.arange(n) % 3
        images = rng.integers(0, 80, (n, height, width, channels)) + 80 * labels[:, None, None, None]
        np.savez(tmp_path / "own.npz", images=images.astype(np.uint8), labels=labels)
        return ["data=files", f"data.path={tmp_path}/own.npz"]

    return write


def drawn(images: np.ndarray) -> np.ndarray:
    """What a person is to see of images ``(N, H, W, C)`` of 0..255, as gray or RGB of 0..255."""
    match images.shape[-1]:
        case 2:
            return images.mean(axis=-1, keepdims=True)
        case 4:
            on_white = [Image.new("RGBA", image.shape[1::-1], "white") for image in images]
            for page, image in zip(on_white, images, strict=True):
                page.alpha_composite(Image.fromarray(image))
            return np.stack([np.asarray(page.convert("RGB")) for page in on_white])
        case _:
            return images


@pytest.mark.long
@pytest.mark.parametrize(
    ("experiment", "height", "width", "channels"),
    [
        ("conv", 20, 7, 3),
        pytest.param("vade", 7, 20, 1, marks=pytest.mark.faults),
        pytest.param("vae", 6, 6, 4, marks=pytest.mark.faults),
        ("ae", 30, 2, 2),
    ],
)
def test_images_of_any_shape_are_drawn(
    latentclust: Command, save: Save, tmp_path: Path, experiment: str, height: int, width: int, channels: int
) -> None:
    outcome = latentclust(f"experiment=tiny_{experiment}", *save(40, height, width, channels), *QUICK)
    assert outcome.status == 0, outcome.err
    assert outcome.folder is not None
    figures = outcome.folder / "figures"
    assert {"latent", "reconstructions", "plane", "tsne_raw_pixels"} <= {
        path.stem for path in figures.glob("*.png")
    }
    # TensorBoard's sprite: squares, in as many rows as columns.
    (sprite,) = (outcome.folder / "tensorboard").glob("**/sprite.png")
    with Image.open(sprite) as picture:
        assert picture.size == (ceil(sqrt(40)) * max(height, width),) * 2
    # The report's explorer shows each image once.
    with np.load(figures / "explorer.npz") as kept, np.load(tmp_path / "own.npz") as own:
        truth = drawn(own["images"])
        assert kept["pictures"].shape == truth.shape
        order = [image.astype(float).mean() for image in truth], kept["pictures"].mean(axis=(1, 2, 3))
        np.testing.assert_allclose(np.sort(order[0]), np.sort(order[1]), atol=0.6)
    assert (outcome.folder / "report.html").stat().st_size > 10_000


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_partitions_without_a_network_draw_images_of_any_shape(
    latentclust: Command, save: Save, channels: int
) -> None:
    outcome = latentclust("model=kmeans", *save(40, 9, 4, channels), "n_clusters=3", "data.batch_size=8")
    assert outcome.status == 0, outcome.err
    assert outcome.folder is not None
    assert (outcome.folder / "figures" / "means.png").stat().st_size > 1000


@pytest.mark.long
@pytest.mark.parametrize(
    ("experiment", "channels", "height", "width"),
    [
        pytest.param("conv", 3, 9, 4, marks=pytest.mark.long),
        pytest.param("vade", 1, 4, 9, marks=pytest.mark.faults),
    ],
)
def test_images_of_any_shape_go_through_every_task(
    latentclust: Command, save: Save, experiment: str, channels: int, height: int, width: int
) -> None:
    fitted = latentclust(
        f"experiment=tiny_{experiment}", *save(40, height, width, channels), *QUICK, "figures.at_end=false"
    )
    assert fitted.status == 0, fitted.err
    measured = latentclust("task=evaluate", "ckpt_path=last")
    assert measured.status == 0, measured.err
    assert measured.summary["results"][-1]["pool"] == fitted.summary["results"][-1]["pool"]
    predicted = latentclust("task=predict", "ckpt_path=last")
    assert predicted.folder is not None
    with np.load(predicted.folder / "predictions.npz") as written:
        assert written["responsibilities"].shape == (40, 3)
    generated = latentclust("task=generate", "ckpt_path=last", "n=5", "cluster=2")
    assert generated.folder is not None
    with np.load(generated.folder / "generated.npz") as written:
        assert written["images"].shape == (5, channels, height, width)
    again = latentclust("task=figures", "ckpt_path=last")
    assert again.status == 0, again.err


@pytest.mark.parametrize("n", [10, *(pytest.param(n, marks=pytest.mark.faults) for n in (2, 3, 4, 11))])
@pytest.mark.long
def test_very_few_images_are_clustered(latentclust: Command, save: Save, n: int) -> None:
    k = min(n, 3)
    outcome = latentclust(
        "experiment=tiny_conv", *save(n, 8, 8, 1), *QUICK, f"data.batch_size={n}", f"n_clusters={k}"
    )
    assert outcome.status == 0, outcome.err
    assert outcome.summary["clusters"]["used"] <= k


def test_one_image_is_refused_before_anything_is_trained(latentclust: Command, save: Save) -> None:
    outcome = latentclust(
        "experiment=tiny_conv", *save(1, 8, 8, 1), *QUICK, "data.batch_size=1", "n_clusters=1"
    )
    assert outcome.status == 2
    assert "there is only one image" in outcome.err
    assert outcome.folder is not None
    assert not list(outcome.folder.glob("**/*.ckpt"))
