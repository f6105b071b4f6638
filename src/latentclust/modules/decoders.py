"""Networks from codes to the parameters of a likelihood.

Shapes: D latent dimensions; an output is ``(P,)`` or ``(C, H, W)``, or two of these, one after the other.
"""

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn

from latentclust.modules.networks import check_sizes, hidden_layers


class Decoder(nn.Module):
    """Decoder from codes to a likelihood's parameters: the mirror image of the encoder's perceptron.

    Parameters
    ----------
    latent_dim
        Dimensions D of the code.
    widths
        Units of each hidden layer in the *encoder's* order: the decoder goes through them backwards.
    output_shape
        Shape of one output, as the likelihood wants it.

    Raises
    ------
    LatentclustError
        If ``widths`` is empty, or a width or ``latent_dim`` is below 1.
    """

    def __init__(self, latent_dim: int, widths: Sequence[int], output_shape: Sequence[int]) -> None:
        super().__init__()
        check_sizes(widths, latent_dim, ())
        self.layers = nn.Sequential(
            *hidden_layers([latent_dim, *reversed(widths)]),
            nn.Linear(widths[0], prod(output_shape)),
            nn.Unflatten(-1, tuple(output_shape)),
        )

    def forward(self, z: Tensor) -> Tensor:
        """Decode codes ``(..., D)`` as ``(..., *O)``."""
        output: Tensor = self.layers(z)
        return output

    @torch.no_grad()
    def load_decoder(self, decoder: "Decoder") -> None:
        """Take over another decoder's weights.

        Where one has variances beside the means and the other has not, the means are taken over; variances
        start at about 1.

        Raises
        ------
        RuntimeError
            If the other decoder's layers have other sizes.
        """
        state, mine = decoder.state_dict(), self.state_dict()
        for name in list(mine)[-2:]:  # weight and bias of the last layer
            own, other = mine[name], state[name]
            if len(own) == 2 * len(other):
                state[name] = torch.cat([other, torch.zeros_like(other)])
            elif 2 * len(own) == len(other):
                state[name] = other[: len(own)]
        self.load_state_dict(state)

    @torch.no_grad()
    def change_axes(self, axes: Tensor) -> None:
        """Decode ``axes @ z``, with ``(D, D)``, as z was decoded."""
        first = self.layers[0]
        assert isinstance(first, nn.Linear)
        first.weight.copy_(torch.linalg.solve(axes, first.weight, left=False))


class ConvDecoder(Decoder):
    """Decoder whose perceptron gives small maps, which convolutions refine while they are enlarged.

    It mirrors the encoder's convolutions: each doubles height and width, by nearest neighbors and then a
    convolution, which leaves no checkerboard (Odena, Dumoulin and Olah 2016, "Deconvolution and Checkerboard
    Artifacts").

    Parameters
    ----------
    latent_dim, widths
        As for :class:`Decoder`.
    output_shape
        ``(C, H, W)`` or ``(2, C, H, W)``.
    channels
        Of the *encoder's* convolutions, one or more.
    """

    def __init__(
        self, latent_dim: int, widths: Sequence[int], output_shape: Sequence[int], channels: Sequence[int]
    ) -> None:
        nn.Module.__init__(self)
        check_sizes(widths, latent_dim, channels)
        *copies, n_colors, height, width = output_shape
        sides = [(-(-height // 2**n), -(-width // 2**n)) for n in range(len(channels) + 1)]
        small = (channels[-1], *sides[-1])
        layers: list[nn.Module] = [
            *hidden_layers([latent_dim, *reversed(widths), prod(small)]),
            nn.Unflatten(-1, small),
        ]
        outputs = [*reversed(channels[:-1]), prod(copies) * n_colors]
        for inputs, out, side in zip(reversed(channels), outputs, reversed(sides[:-1]), strict=True):
            layers += [nn.Upsample(size=side), nn.Conv2d(inputs, out, 3, padding=1), nn.ReLU()]
        self.layers = nn.Sequential(*layers[:-1])
        self.output_shape = tuple(output_shape)

    def forward(self, z: Tensor) -> Tensor:
        """Decode codes ``(..., D)`` as ``(..., *O)``."""
        output: Tensor = self.layers(z.reshape(-1, z.shape[-1]))
        return output.view(*z.shape[:-1], *self.output_shape)


def build_decoder(
    kind: str,
    latent_dim: int,
    widths: Sequence[int],
    output_shape: Sequence[int],
    channels: Sequence[int] | None,
) -> Decoder:
    """Build the decoder ``perceptron``, or ``conv``, which takes an encoder with convolutions."""
    if kind == "conv" and channels:
        return ConvDecoder(latent_dim, widths, output_shape, channels)
    return Decoder(latent_dim, widths, output_shape)
