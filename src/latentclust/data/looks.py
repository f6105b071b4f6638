"""What vectors that were made of pictures look like to people: small pictures, read when they are shown."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from latentclust.data.mapped import InputRows
from latentclust.data.pictures import Size, read_images
from latentclust.data.shades import Whites

CHUNK = 256  # images that are made small at once
Read = Callable[[Tensor, int], Tensor]
"""From places ``(n,)`` and the pixels of the longer side to uint8 ``(n, C, H, W)``."""


@dataclass(frozen=True, eq=False)
class Looks:
    """The pictures that N inputs were made of; none is in memory before it is shown.

    Attributes
    ----------
    places : Tensor
        int64 ``(N,)``: which of the pictures each input is.
    read : Read
        Reads some pictures by their places.
    """

    places: Tensor
    read: Read

    @classmethod
    def of_images(cls, images: InputRows) -> "Looks":
        """Show inputs as uint8 images ``(N, C, H, W)``, in memory or in a file."""
        return cls(torch.arange(len(images)), lambda places, side: _small(images, places, side))

    @classmethod
    def of_files(cls, paths: Sequence[Path], size: Size, color: str, whites: Whites | None = None) -> "Looks":
        """Show inputs as N picture files, cut out and colored as :func:`read_images` does.

        One that can no longer be read is shown white.
        """

        def read(places: Tensor, side: int) -> Tensor:
            chosen = [paths[place] for place in places.tolist()]
            found = read_images(chosen, _within(size, side), color, whites=whites)
            if not found.failures:
                return found.inputs
            channels = found.inputs.shape[1] if found.kept else 1
            shown = torch.full((len(places), channels, *_within(size, side)), 255, dtype=torch.uint8)
            if found.kept:
                shown[found.kept] = found.inputs
            return shown

        return cls(torch.arange(len(paths)), read)

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: slice | Tensor) -> "Looks":
        return replace(self, places=self.places[index])

    def __add__(self, other: "Looks") -> "Looks":
        """Both in one, this one first; their pictures have the same shape."""
        n = len(self)

        def read(places: Tensor, side: int) -> Tensor:
            own = places < n
            parts = [
                looks(chosen, side)
                for looks, chosen in ((self, places[own]), (other, places[~own] - n))
                if len(chosen)
            ]
            order = torch.cat([own.nonzero(), (~own).nonzero()]).flatten()
            return torch.cat(parts)[order.argsort()]

        return Looks(torch.arange(n + len(other)), read)

    def __call__(self, which: Tensor, side: int) -> Tensor:
        """Read the pictures of some inputs, made small if they are not.

        Parameters
        ----------
        which
            The inputs by their places among the N, int64 ``(n,)``, n > 0.
        side
            Pixels that the longer side has at most.

        Returns
        -------
        Tensor
            uint8 ``(n, C, H, W)``, C = 1 or 3.
        """
        return self.read(self.places[which.cpu()], side)


def _within(size: Size, side: int) -> Size:
    """Return a height and width of the same shape whose longer side has no more pixels than that."""
    share = min(1.0, side / max(size))
    height, width = (max(1, round(share * pixels)) for pixels in size)
    return height, width


def _small(images: InputRows, places: Tensor, side: int) -> Tensor:
    height, width = images.shape[-2:]
    size = _within((height, width), side)
    parts = []
    for some in torch.split(places, CHUNK):
        part = images[some].cpu()
        if part.shape[-2:] != size:
            part = functional.interpolate(part, size=size, mode="bilinear", antialias=True)
        parts.append(part)
    return torch.cat(parts)
