"""The convolutional decoder, and what a decoder takes over from another."""

import pytest
import torch

from latentclust.modules.decoders import ConvDecoder, Decoder, build_decoder


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 7, 10), (2, 3, 9, 5)])
def test_a_convolutional_decoder_gives_any_shape(shape: tuple[int, ...]) -> None:
    decoder = ConvDecoder(4, [6, 5], shape, [8, 12])
    z = torch.randn(2, 3, 4)
    assert decoder(z).shape == (2, 3, *shape)
    torch.testing.assert_close(decoder(z)[1, 2], decoder(z[1, 2]))


def test_it_has_a_convolution_for_each_of_the_encoders() -> None:
    layers = [
        layer
        for layer in ConvDecoder(4, [6], (3, 8, 8), [8, 12, 16]).layers
        if isinstance(layer, torch.nn.Conv2d)
    ]
    assert [(layer.in_channels, layer.out_channels) for layer in layers] == [(16, 12), (12, 8), (8, 3)]


@pytest.mark.parametrize("channels", [None, [8]])
def test_axes_are_changed_without_a_change_to_what_is_decoded(channels: list[int] | None) -> None:
    decoder = build_decoder("conv", 3, [6], (1, 8, 8), channels)
    z, axes = torch.randn(5, 3), torch.randn(3, 3) + 3 * torch.eye(3)
    before = decoder(z)
    decoder.change_axes(axes)
    torch.testing.assert_close(decoder(z @ axes.T), before, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("channels", [None, [4]])
def test_means_are_taken_over_and_variances_start_at_about_1(channels: list[int] | None) -> None:
    shape, z = (1, 4, 4), torch.randn(6, 3)
    means = build_decoder("conv", 3, [5], shape, channels)
    both = build_decoder("conv", 3, [5], (2, *shape), channels)
    both.load_decoder(means)
    torch.testing.assert_close(both(z)[:, 0], means(z))
    assert not both(z)[:, 1].any()
    again = build_decoder("conv", 3, [5], shape, channels)
    again.load_decoder(both)
    torch.testing.assert_close(again(z), means(z))


def test_layers_of_other_sizes_are_refused() -> None:
    with pytest.raises(RuntimeError):
        Decoder(3, [10], (4,)).load_decoder(Decoder(3, [5], (4,)))
