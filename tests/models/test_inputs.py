"""What the models' public functions take as images."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from latentclust.errors import LatentclustError
from latentclust.models import AE, VAE, LatentModel, VaDE
from latentclust.modules.mixture import MixtureParameters

K, D = 3, 2
PIXELS = np.random.default_rng(0).integers(0, 256, (5, 3, 6, 4), dtype=np.uint8)


def build(kind: type[AE] | type[VAE] | type[VaDE], channels: int, *, conv: bool = False) -> LatentModel:
    torch.manual_seed(0)
    options = {"n_clusters": K} if kind is VaDE else {}
    model = kind([channels, 6, 4], [8], D, channels=[4] if conv else [], **options)
    if isinstance(model, VaDE):
        means = torch.linspace(-1, 1, K)[:, None].expand(K, D)
        model.set_mixture(MixtureParameters(torch.full((K,), 1 / K), means, torch.full((K, D), 0.1)))
    return model.eval()


def floats(channels: int) -> torch.Tensor:
    return torch.from_numpy(PIXELS[:, :channels]).float() / 255


FORMS: dict[str, Callable[[torch.Tensor], object]] = {
    "uint8": lambda x: (x * 255).round().to(torch.uint8),
    "array of uint8": lambda x: (x.numpy() * 255).round().astype(np.uint8),
    "array of double": lambda x: (x.double()).numpy(),
    "array of the other byte order": lambda x: x.numpy().astype(">f4"),
    "reversed twice": lambda x: x.numpy()[::-1].copy()[::-1],
    "channels last": lambda x: x.movedim(1, -1).numpy(),
    "flat": lambda x: x.flatten(start_dim=1),
}


@pytest.mark.parametrize("conv", [False, True])
@pytest.mark.parametrize("kind", [AE, VAE, VaDE])
@pytest.mark.parametrize("form", FORMS)
def test_images_mean_the_same_in_every_form(kind: type[AE], form: str, conv: bool) -> None:
    for channels in (1, 3):
        model, images = build(kind, channels, conv=conv), floats(channels)
        expected = model.encoder(images)
        expected = expected if kind is AE else expected[0]
        torch.testing.assert_close(model.encode(FORMS[form](images)), expected, rtol=1e-5, atol=1e-6)


def test_gray_images_need_no_channel() -> None:
    model, images = build(VaDE, 1), floats(1)
    assert isinstance(model, VaDE)
    for given in (images[:, 0], images[:, 0].numpy(), FORMS["uint8"](images[:, 0])):
        torch.testing.assert_close(model.predict_proba(given), model.predict_proba(images))
        assert torch.equal(model.predict(given), model.predict(images))


def test_no_images_have_no_clusters() -> None:
    model = build(VaDE, 1)
    assert isinstance(model, VaDE)
    assert model.predict(floats(1)[:0]).shape == (0,)


def test_the_models_precision_is_the_results() -> None:
    model = build(AE, 1).double()
    assert model.encode(floats(1)).dtype == torch.float64


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (torch.zeros(2, 1, 5, 4), r"images have shape \(2, 1, 5, 4\): this model takes \(N, 1, 6, 4\)$"),
        (torch.zeros(2, 3, 6, 4), r"images have shape \(2, 3, 6, 4\): this model takes \(N, 1, 6, 4\)$"),
        (torch.zeros(6, 4), r"shape \(6, 4\)"),
        (torch.zeros(24), r"shape \(24,\)"),
        (torch.tensor(0.0), r"shape \(\)"),
        (torch.zeros(2, 1, 6, 4, dtype=torch.int64), "images are torch.int64: give .* uint8, or .* floats"),
        (torch.zeros(2, 1, 6, 4, dtype=torch.complex64), "images are torch.complex64"),
        (np.zeros((2, 6, 4), dtype=object), "images are object"),
        (np.zeros((2, 6, 4), dtype=np.uint16), "images are .*uint16"),
        ([[0.0]], "images are list"),
        (torch.full((2, 1, 6, 4), 255.0), r"outside \[0, 1\] or NaN: scale them, or give uint8"),
        (torch.full((2, 1, 6, 4), torch.nan), r"outside \[0, 1\] or NaN"),
    ],
)
def test_anything_else_is_refused_in_one_sentence(given: torch.Tensor, message: str) -> None:
    model = build(VaDE, 1)
    assert isinstance(model, VaDE)
    for function in (model.predict, model.predict_proba, model.encode):
        with pytest.raises(LatentclustError, match=message):
            function(given)
