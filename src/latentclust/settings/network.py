"""Settings of ``network``: the encoder's layers, which the decoder mirrors."""

from typing import Annotated, Literal

from pydantic import Field

from latentclust.settings.base import Section, Words

Width = Annotated[int, Field(ge=1, le=16_384)]
Convolutions = Annotated[tuple[Width, ...], Field(max_length=16)]
Layers = Annotated[tuple[Width, ...], Field(min_length=1, max_length=64)]
LAYERS = "auto, or a list of whole numbers from 1 to 16,384, as in "


class Network(Section):
    """Convolutions, then a perceptron."""

    channels: Annotated[
        Literal["auto"] | Convolutions, Words(f"{LAYERS}[32,64], or [] for no convolutions")
    ] = ()
    """Of the convolutions, each of which halves height and width; auto: what suits the inputs."""
    widths: Annotated[Literal["auto"] | Layers, Words(f"{LAYERS}[500,500]; not empty")] = (500, 500, 2000)
    """Units of the perceptron's hidden layers; auto: what suits the inputs."""
    decoder: Literal["auto", "perceptron", "conv"] = "perceptron"
    """Mirrors the perceptron alone, or the convolutions too; auto: conv for color images."""
