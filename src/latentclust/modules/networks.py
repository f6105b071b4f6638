"""Networks between images and codes: perceptrons, with convolutions before the encoder's where wanted.

Shapes: B images, C x H x W = P pixels, D latent dimensions.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentclust.errors import LatentclustError
from latentclust.limits import LOG_VAR_MAX, LOG_VAR_MIN


def at_least_float32(tensor: Tensor) -> Tensor:
    """Upcast half precision, as autocast leaves it; float32 and float64 stay what they are."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


class MissingAsZero(nn.Module):
    """Puts 0 where a value of x is missing; the likelihood leaves these values out."""

    def forward(self, x: Tensor) -> Tensor:
        """Replace NaN."""
        return x.nan_to_num()


class MapNorm(nn.BatchNorm2d):
    """Batch normalization that takes the running moments for a batch with one value per channel.

    Such a batch has no variance: the last one, of a single input, if maps have shrunk to one pixel.
    """

    def forward(self, maps: Tensor) -> Tensor:
        """Normalize ``(B, C, H, W)``."""
        if self.training and maps.numel() == maps.shape[1]:
            return F.batch_norm(
                maps, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
            )
        return super().forward(maps)


class FlattenMaps(nn.Flatten):
    """Flattens feature maps ``(B, C, H, W)`` in channels-last memory, and has their gradient in it too.

    Otherwise that gradient comes back channels first, and a ReLU's backward pass takes ten times as long on a
    CPU if its output and gradient lie differently in memory.
    """

    def forward(self, maps: Tensor) -> Tensor:
        """Flatten to ``(B, C * H * W)``."""
        if maps.requires_grad:
            maps.register_hook(_channels_last)  # type: ignore[no-untyped-call]
        return super().forward(maps)


def _channels_last(maps: Tensor) -> Tensor:
    return maps.contiguous(memory_format=torch.channels_last)


class _TrunkEncoder(nn.Module):
    """What both encoders share: the trunk and the head of the codes (or of their means)."""

    def __init__(
        self, input_shape: Sequence[int], widths: Sequence[int], latent_dim: int, channels: Sequence[int]
    ) -> None:
        super().__init__()
        check_sizes(widths, latent_dim, channels)
        self.input_shape = tuple(input_shape)
        convolutions = _convolutions([input_shape[0], *channels])
        pixels = prod(input_shape)
        if channels:
            height, width = (-(-size // 2 ** len(channels)) for size in input_shape[1:])
            pixels = channels[-1] * height * width
        # What is missing of a vector is 0 to the network: the mean of a standardized feature.
        flat = FlattenMaps() if channels else nn.Flatten() if len(self.input_shape) > 1 else MissingAsZero()
        self.trunk = nn.Sequential(*convolutions, flat, *hidden_layers([pixels, *widths]))
        self.trunk.to(memory_format=torch.channels_last)  # the faster layout on a CPU
        self.mean = nn.Linear(widths[-1], latent_dim)

    def features(self, x: Tensor) -> Tensor:
        """Compute the activations ``(B, F)`` of the narrowest hidden layer, the last of these if several are.

        They tell images apart by more than the few dimensions of a code do.
        """
        layers = enumerate(self.trunk)
        units = {place: layer.out_features for place, layer in layers if isinstance(layer, nn.Linear)}
        narrowest = max(place for place in units if units[place] == min(units.values()))
        features: Tensor = self.trunk[: narrowest + 2](x)  # with its ReLU
        return at_least_float32(features)

    @torch.no_grad()
    def change_axes(self, axes: Tensor) -> None:
        """Make the codes ``axes @ z``, ``(D, D)`` times what they were."""
        self.mean.weight.copy_(axes @ self.mean.weight)
        self.mean.bias.copy_(axes @ self.mean.bias)


class Encoder(_TrunkEncoder):
    """Deterministic encoder of an autoencoder.

    Parameters
    ----------
    input_shape
        Shape of one image, ``(C, H, W)``, or ``(P,)`` where there are no convolutions.
    widths
        Units of each hidden layer, from the image to the code.
    latent_dim
        Dimensions D of the code.
    channels
        Channels of the convolutions before them, each of which halves height and width (rounded up): 5 x 5
        the first, 3 x 3 the others, with batch normalization and ReLU.

    Raises
    ------
    LatentclustError
        If ``widths`` is empty, or a width, a number of channels or ``latent_dim`` is below 1.
    """

    def __init__(
        self,
        input_shape: Sequence[int],
        widths: Sequence[int],
        latent_dim: int,
        channels: Sequence[int] = (),
    ) -> None:
        super().__init__(input_shape, widths, latent_dim, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Encode images ``(B, C, H, W)`` or ``(B, P)`` in [0, 1] as codes ``(B, D)``."""
        return at_least_float32(self.mean(self.trunk(x)))


class GaussianEncoder(_TrunkEncoder):
    """Encoder of q(z|x) = N(mu(x), diag exp(log_var(x))).

    Parameters
    ----------
    input_shape, widths, latent_dim
        As for :class:`Encoder`.
    log_var_init
        The log-variance that every posterior starts with (zero weights and this bias). ``"mean"`` copies the
        mean head of a pretrained encoder, so that it starts equal to the mean; that, and ``None``, begin with
        PyTorch's random initialization, whose log-variances are near 0.
    channels
        As for :class:`Encoder`.

    Raises
    ------
    LatentclustError
        If ``widths`` is empty, or a width, a number of channels or ``latent_dim`` is below 1.
    """

    def __init__(
        self,
        input_shape: Sequence[int],
        widths: Sequence[int],
        latent_dim: int,
        log_var_init: float | Literal["mean"] | None = None,
        channels: Sequence[int] = (),
    ) -> None:
        super().__init__(input_shape, widths, latent_dim, channels)
        self.log_var = nn.Linear(widths[-1], latent_dim)
        self.copies_mean = log_var_init == "mean"
        if log_var_init is not None and log_var_init != "mean":
            nn.init.zeros_(self.log_var.weight)
            nn.init.constant_(self.log_var.bias, log_var_init)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Encode images ``(B, C, H, W)`` or ``(B, P)`` in [0, 1] as ``(mu, log_var)``, each ``(B, D)``.

        ``log_var`` lies in [-20, 10]. Both are float32 at least, under autocast too.
        """
        hidden = self.trunk(x)
        log_var = at_least_float32(self.log_var(hidden)).clamp(LOG_VAR_MIN, LOG_VAR_MAX)
        return at_least_float32(self.mean(hidden)), log_var

    def load_encoder(self, encoder: "Encoder | GaussianEncoder") -> None:
        """Take over another encoder's trunk and mean head.

        The log-variance head stays as it is, unless ``log_var_init="mean"`` makes it a copy of that head.

        Raises
        ------
        LatentclustError
            If the other encoder's layers have other sizes.
        """
        try:
            self.trunk.load_state_dict(encoder.trunk.state_dict())
            self.mean.load_state_dict(encoder.mean.state_dict())
            if self.copies_mean:
                self.log_var.load_state_dict(encoder.mean.state_dict())
        except RuntimeError as error:
            raise LatentclustError(
                "the pretrained encoder has layers of other sizes: "
                "give both stages the same data, network.widths and model.latent_dim"
            ) from error


def hidden_layers(sizes: Sequence[int]) -> list[nn.Module]:
    """Return linear layers between these sizes, each with a ReLU."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return layers


def _convolutions(channels: Sequence[int]) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for number, (inputs, outputs) in enumerate(pairwise(channels)):
        size = 3 if number else 5
        layers += [
            nn.Conv2d(inputs, outputs, size, stride=2, padding=size // 2),
            MapNorm(outputs),
            nn.ReLU(),
        ]
    return layers


def check_sizes(widths: Sequence[int], latent_dim: int, channels: Sequence[int]) -> None:
    """Check the sizes of a network.

    Raises
    ------
    LatentclustError
        If ``widths`` is empty, or one of them, of ``channels`` or ``latent_dim`` is below 1.
    """
    if channels and min(channels) < 1:
        raise LatentclustError(
            f"network.channels is {list(channels)}: give each convolution 1 channel or more"
        )
    if latent_dim < 1:
        raise LatentclustError(f"model.latent_dim is {latent_dim}: a code needs at least 1 dimension")
    if not widths or min(widths) < 1:
        raise LatentclustError(
            f"network.widths is {list(widths)}: give one layer or more, each 1 unit or more, as in [500, 500]"
        )
