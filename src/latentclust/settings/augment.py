"""Settings of ``augment``: the largest random changes of a training image."""

from typing import Annotated, Literal

from pydantic import Field

from latentclust.settings.base import Section, Share

Auto = Literal["auto"]


class Augment(Section):
    """All 0 leaves the images as they are; auto is what suits the inputs."""

    degrees: Annotated[float, Field(ge=0, le=180)] | Auto = 0.0
    """Largest rotation, either way."""
    pixels: Annotated[float, Field(ge=0, le=1000)] | Auto = 0.0
    """Largest shift along each axis, in pixels."""
    scale: Share | Auto = 0.0
    """Largest share by which width and height grow or shrink."""
    shear: Annotated[float, Field(ge=0, le=10)] | Auto = 0.0
    """Largest slant, sideways per pixel of height."""
