import copy

import pytest
import torch
from torch import Tensor, nn

from latentclust.errors import LatentclustError
from latentclust.limits import LOG_VAR_MAX, LOG_VAR_MIN
from latentclust.modules.decoders import Decoder
from latentclust.modules.networks import Encoder, GaussianEncoder, at_least_float32
from latentclust.settings.model import VaDE

SHAPE = (1, 4, 5)


def images(n: int = 3) -> Tensor:
    return torch.rand(n, *SHAPE, generator=torch.Generator().manual_seed(0))


def linear_sizes(module: nn.Module) -> list[tuple[int, int]]:
    return [(m.in_features, m.out_features) for m in module.modules() if isinstance(m, nn.Linear)]


def test_encoder_is_the_written_out_perceptron() -> None:
    encoder = Encoder(SHAPE, [7, 6], latent_dim=2)
    assert linear_sizes(encoder) == [(20, 7), (7, 6), (6, 2)]
    x = images()
    hidden = x.reshape(3, 20)
    for layer in [m for m in encoder.trunk if isinstance(m, nn.Linear)]:
        hidden = (hidden @ layer.weight.T + layer.bias).clamp(min=0)
    expected = hidden @ encoder.mean.weight.T + encoder.mean.bias
    torch.testing.assert_close(encoder(x), expected)
    torch.testing.assert_close(encoder(x.flatten(1)), expected)  # (B, P) too


def test_maps_and_their_gradients_lie_alike_in_memory() -> None:
    trunk = Encoder((1, 8, 12), [6], latent_dim=2, channels=[3, 4]).trunk
    maps = trunk[:6](torch.rand(5, 1, 8, 12))
    output = trunk[6:](maps)
    strides: list[tuple[int, ...]] = []
    maps.register_hook(lambda gradient: strides.append(gradient.stride()))  # after the module's own hook
    output.sum().backward()
    assert maps.shape == (5, 4, 2, 3)
    assert strides == [maps.stride()]
    assert maps.is_contiguous(memory_format=torch.channels_last)


def test_a_batch_of_one_value_per_channel_is_normalized_by_the_running_moments() -> None:
    encoder = Encoder((1, 2, 2), [6], latent_dim=2, channels=[3])
    encoder(torch.rand(8, 1, 2, 2))  # moves the running moments away from 0 and 1
    one = torch.rand(1, 1, 2, 2)
    state = copy.deepcopy(encoder.state_dict())
    trained = encoder(one)
    torch.testing.assert_close(encoder.state_dict(), state, rtol=0, atol=0)
    torch.testing.assert_close(trained, encoder.eval()(one))
    trained.sum().backward()
    gradient = encoder.trunk[0].weight.grad
    assert gradient is not None
    assert gradient.isfinite().all()


def test_gradients_through_flat_maps_are_those_of_a_plain_flatten() -> None:
    encoder = Encoder((1, 8, 12), [6], latent_dim=2, channels=[3, 4])
    plain = copy.deepcopy(encoder)
    place = next(i for i, layer in enumerate(plain.trunk) if isinstance(layer, nn.Flatten))
    plain.trunk[place] = nn.Flatten()
    x = torch.rand(5, 1, 8, 12)
    for model in (encoder, plain):
        model(x).square().sum().backward()
    for (name, own), (_, expected) in zip(encoder.named_parameters(), plain.named_parameters(), strict=True):
        assert own.grad is not None, name
        torch.testing.assert_close(own.grad, expected.grad, rtol=0, atol=0)


@pytest.mark.parametrize(("widths", "layers"), [([7, 6, 9], 2), ([5, 8, 5], 3), ([4, 6], 1), ([5], 1)])
def test_features_are_those_of_the_last_narrowest_layer(widths: list[int], layers: int) -> None:
    encoder = GaussianEncoder(SHAPE, widths, latent_dim=2, channels=[3])
    encoder.eval()
    x = images()
    linear = [m for m in encoder.trunk if isinstance(m, nn.Linear)]
    hidden = encoder.trunk[:4](x)  # convolution, normalization, ReLU, flat
    for layer in linear[:layers]:
        hidden = (hidden @ layer.weight.T + layer.bias).clamp(min=0)
    torch.testing.assert_close(encoder.features(x), hidden)


def test_decoder_mirrors_the_encoder() -> None:
    decoder = Decoder(2, [7, 6], SHAPE)
    mirrored = [(outputs, inputs) for inputs, outputs in reversed(linear_sizes(Encoder(SHAPE, [7, 6], 2)))]
    assert linear_sizes(decoder) == mirrored
    assert decoder(torch.zeros(3, 2)).shape == (3, *SHAPE)


def test_decoder_keeps_leading_dimensions_apart() -> None:
    decoder = Decoder(2, [6], SHAPE)
    z = torch.randn(5, 3, 2)
    logits = decoder(z)
    assert logits.shape == (5, 3, *SHAPE)
    torch.testing.assert_close(logits[4, 1], decoder(z[4, 1]))


def test_other_axes_change_the_codes_and_nothing_else() -> None:
    encoder, decoder = GaussianEncoder(SHAPE, [7, 6], 3, log_var_init=-1.0), Decoder(3, [7, 6], SHAPE)
    axes = torch.tensor([[2.0, 1.0, 0.0], [0.0, -0.5, 3.0], [1.0, 0.0, 1.0]])
    (mu, log_var), logits = encoder(images()), decoder(encoder(images())[0])
    encoder.change_axes(axes)
    decoder.change_axes(axes)
    torch.testing.assert_close(encoder(images())[0], torch.stack([axes @ one for one in mu]))
    torch.testing.assert_close(encoder(images())[1], log_var)
    torch.testing.assert_close(decoder(encoder(images())[0]), logits)


def test_last_layers_are_linear() -> None:
    torch.manual_seed(0)
    codes = Encoder(SHAPE, [8], 4)(images(50))
    logits = Decoder(4, [8], SHAPE)(torch.randn(50, 4))
    assert (codes < 0).any()
    assert (logits < 0).any()


def test_log_var_init_is_every_posteriors_start() -> None:
    mu, log_var = GaussianEncoder(SHAPE, [6], 2, log_var_init=-3.5)(images())
    torch.testing.assert_close(log_var, torch.full((3, 2), -3.5))
    assert not torch.allclose(mu[0], mu[1])


@pytest.mark.parametrize("start", [LOG_VAR_MIN + 1e-4, LOG_VAR_MAX - 1e-4])
def test_the_log_var_head_learns_from_every_start_that_the_settings_allow(start: float) -> None:
    assert VaDE(log_var_init=start).log_var_init == start
    encoder = GaussianEncoder(SHAPE, [6], 2, log_var_init=start)
    encoder(images())[1].sum().backward()
    assert encoder.log_var.bias.grad is not None
    assert encoder.log_var.bias.grad.ne(0).all()


def test_log_var_head_is_random_without_log_var_init() -> None:
    _, log_var = GaussianEncoder(SHAPE, [6], 2)(images())
    assert not torch.allclose(log_var[0], log_var[1])


@pytest.mark.parametrize(("start", "used"), [(-50.0, -20.0), (50.0, 10.0)])
def test_log_var_is_bounded(start: float, used: float) -> None:
    _, log_var = GaussianEncoder(SHAPE, [6], 2, log_var_init=start)(images())
    torch.testing.assert_close(log_var, torch.full((3, 2), used))


@pytest.mark.parametrize("kind", [Encoder, GaussianEncoder])
def test_load_encoder_takes_trunk_and_mean_only(kind: type[Encoder] | type[GaussianEncoder]) -> None:
    source, target = kind(SHAPE, [7, 6], 2), GaussianEncoder(SHAPE, [7, 6], 2)
    log_var_head = target.log_var.weight.clone()
    target.load_encoder(source)
    codes = source(images())
    torch.testing.assert_close(target(images())[0], codes if isinstance(codes, Tensor) else codes[0])
    torch.testing.assert_close(target.log_var.weight, log_var_head)
    assert not torch.allclose(target.log_var.weight, target.mean.weight)
    with torch.no_grad():  # a copy, not the same storage
        source.mean.weight.zero_()
    assert target.mean.weight.any()


def test_the_log_variance_head_may_be_a_copy_of_the_mean_head() -> None:
    source, target = Encoder(SHAPE, [7, 6], 2), GaussianEncoder(SHAPE, [7, 6], 2, log_var_init="mean")
    mu, log_var = target(images())
    assert not torch.allclose(mu, log_var)
    target.load_encoder(source)
    mu, log_var = target(images())
    torch.testing.assert_close(mu, source(images()))
    torch.testing.assert_close(log_var, mu)
    with torch.no_grad():  # two heads, not one
        target.mean.weight.zero_()
    assert target.log_var.weight.any()


def test_load_encoder_of_other_sizes_says_what_to_do() -> None:
    with pytest.raises(LatentclustError, match=r"network\.widths and model\.latent_dim") as raised:
        GaussianEncoder(SHAPE, [7], 2).load_encoder(Encoder(SHAPE, [6], 2))
    assert "\n" not in str(raised.value)


def test_codes_are_float32_under_autocast() -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        z = Encoder(SHAPE, [6], 2)(images())
        mu, log_var = GaussianEncoder(SHAPE, [6], 2)(images())
        logits = Decoder(2, [6], SHAPE)(z)
    assert [t.dtype for t in (z, mu, log_var)] == [torch.float32] * 3
    assert logits.dtype == torch.bfloat16  # autocast was on


def test_float64_stays_float64() -> None:
    mu, log_var = GaussianEncoder(SHAPE, [6], 2).double()(images().double())
    assert mu.dtype == log_var.dtype == torch.float64


@pytest.mark.parametrize(
    ("given", "expected"),
    [(torch.float16, torch.float32), (torch.float32, torch.float32), (torch.float64, torch.float64)],
)
def test_at_least_float32(given: torch.dtype, expected: torch.dtype) -> None:
    assert at_least_float32(torch.ones(1, dtype=given)).dtype == expected


@pytest.mark.parametrize(
    ("widths", "latent_dim", "key"),
    [
        ([], 2, "network.widths"),
        ([5, 0], 2, "network.widths"),
        ([5, -1], 2, "network.widths"),
        ([5], 0, "model.latent_dim"),
    ],
)
def test_impossible_sizes_name_their_key(widths: list[int], latent_dim: int, key: str) -> None:
    for build in (
        lambda: Encoder(SHAPE, widths, latent_dim),
        lambda: GaussianEncoder(SHAPE, widths, latent_dim),
        lambda: Decoder(latent_dim, widths, SHAPE),
    ):
        with pytest.raises(LatentclustError) as raised:
            build()
        assert key in str(raised.value)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 9, 13)])
def test_convolutions_halve_the_image_and_feed_the_perceptron(shape: tuple[int, int, int]) -> None:
    encoder = GaussianEncoder(shape, [7], latent_dim=2, channels=[4, 5]).eval()
    x = torch.rand(3, *shape, generator=torch.Generator().manual_seed(0))
    first, second = (m for m in encoder.trunk if isinstance(m, nn.Conv2d))
    hidden = nn.functional.conv2d(x, first.weight, first.bias, stride=2, padding=2) / (1 + 1e-5) ** 0.5
    hidden = nn.functional.conv2d(hidden.clamp(min=0), second.weight, second.bias, stride=2, padding=1)
    hidden = (hidden / (1 + 1e-5) ** 0.5).clamp(min=0).flatten(1)  # running statistics start at 0 and 1
    layer = next(m for m in encoder.trunk if isinstance(m, nn.Linear))
    hidden = (hidden @ layer.weight.T + layer.bias).clamp(min=0)
    torch.testing.assert_close(encoder(x)[0], hidden @ encoder.mean.weight.T + encoder.mean.bias)


def test_channels_below_one_are_refused() -> None:
    with pytest.raises(LatentclustError, match=r"network\.channels is \[3, 0\]"):
        Encoder(SHAPE, [7], 2, [3, 0])
