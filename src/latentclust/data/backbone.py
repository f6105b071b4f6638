"""Vectors of images by a pretrained network of torchvision, which is not trained any further."""

import hashlib
import warnings
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from textwrap import shorten
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torchvision import models

from latentclust.data.kept import keep, place_of_inputs, taken
from latentclust.data.looks import Looks
from latentclust.data.mapped import InputRows, parts
from latentclust.data.mirrors import impatient
from latentclust.data.splits import Source, Split
from latentclust.errors import LatentclustError
from latentclust.hardware import choose_accelerator
from latentclust.progress import task

DEFAULT = "DEFAULT"
SIDE = 224  # pixels along each side, where the weights do not say it
BATCH = 64  # images that the network sees at once
HEADS = ("fc", "classifier", "heads", "head")  # what torchvision's models call the layers after the features
AUXILIARY = ("AuxLogits.", "aux1.", "aux2.")
# Their heads take the whole feature map; the others' take its mean.
WITH_MAP = (models.AlexNet, models.VGG, models.SqueezeNet)


class Backbone:
    """A pretrained network without its last layers: images in, the mean of the last feature map out.

    Nothing is loaded or downloaded before the first image.

    Parameters
    ----------
    name
        Of torchvision's model, as in ``resnet18``.
    weights
        ``DEFAULT``, which torchvision downloads, or a file with a state dict, written by ``torch.save``.
    device
        ``auto``, ``gpu``, ``mps`` or ``cpu``.

    Raises
    ------
    LatentclustError
        If there is no such model or file.
    """

    def __init__(self, name: str, weights: str = DEFAULT, device: str = "auto") -> None:
        if name not in models.list_models(module=models):
            raise LatentclustError(
                f"data.backbone={name} is none of torchvision's models: choose one such as resnet18, "
                "efficientnet_b0 or vit_b_16"
            )
        self.name, self.weights, self.device = name, weights, device
        self.file = None if weights == DEFAULT else Path(weights).expanduser()
        if self.file is not None and not self.file.is_file():
            raise LatentclustError(f"data.backbone_weights={weights} is no file: give one, or {DEFAULT}")

    @property
    def side(self) -> int:
        """Pixels along each side of the squares that it takes, before their border is cut off."""
        return int(self.transform.resize_size[0])

    @cached_property
    def transform(self) -> Any:
        """From uint8 images ``(n, 3, H, W)`` to what the network takes."""
        if self.file is None:
            return models.get_model_weights(self.name).DEFAULT.transforms()
        # Without the border that is cut off; with ImageNet's mean and standard deviation.
        return models.ResNet18_Weights.IMAGENET1K_V1.transforms(crop_size=SIDE, resize_size=SIDE)

    def plain(self) -> dict[str, Any]:
        """Say what the vectors depend on, in plain values; :func:`backbone_of` reads them."""
        if self.file is None:
            digest = str(models.get_model_weights(self.name).DEFAULT)
        else:
            with self.file.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        return {"name": self.name, "weights": self.weights, "digest": digest}

    def note(self, n_features: int) -> str:
        """Say what vectors of this length are, and who taught the network."""
        by = "the weights of a file" if self.file else "a network that ImageNet's labels have trained"
        return f"backbone={self.name}: each image is {n_features:,} numbers by {by}"

    def __call__(self, images: Tensor) -> Tensor:
        """Turn uint8 images ``(n, C, H, W)``, C = 1 or 3, into float32 vectors ``(n, P)``.

        Raises
        ------
        LatentclustError
            If the weights cannot be had or do not fit, or the images have other channels or more bits.
        """
        if images.dtype != torch.uint8 or images.shape[1] not in (1, 3):
            raise LatentclustError(
                f"data.backbone={self.name} needs images of one or three channels of 8 bits, or floats in "
                f"[0, 1], not {tuple(images.shape[1:])} of {str(images.dtype).removeprefix('torch.')}"
            )
        device = next(self.network.parameters()).device
        vectors = []
        with torch.inference_mode():
            for start in range(0, len(images), BATCH):
                part = images[start : start + BATCH]
                x = self.transform(part.to(device).expand(-1, 3, -1, -1))
                vectors.append(self.network(x).float().cpu())
        return torch.cat(vectors).clone()  # of inference mode no more

    @cached_property
    def network(self) -> nn.Module:
        """The network up to its last feature map's mean, on the device."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of weights that are set below anyway
            model = models.get_model(self.name, weights=None)
        if self.file is None and hasattr(model, "transform_input"):
            model.transform_input = True  # as torchvision sets it for its own weights
        head = next(name for name in HEADS if hasattr(model, name))
        if isinstance(model, WITH_MAP):
            network: nn.Module = nn.ModuleDict({"features": model.features})
        else:
            network = model
            setattr(model, head, nn.Identity())
            for auxiliary in AUXILIARY:
                if hasattr(model, auxiliary[:-1]):
                    setattr(model, auxiliary[:-1], None)
        self._load(network, head)
        if isinstance(model, WITH_MAP):
            network = nn.Sequential(model.features)
        device = choose_accelerator(self.device)
        return nn.Sequential(network, MeanOfMap()).eval().requires_grad_(False).to(device)

    def _load(self, network: nn.Module, head: str) -> None:
        state = self._state()
        without = (f"{head}.", *AUXILIARY)
        try:
            named = {key.removeprefix("module."): value for key, value in state.items()}
            network.load_state_dict({key: v for key, v in named.items() if not key.startswith(without)})
        except Exception as error:  # whatever the file holds
            reason = shorten(str(error), 160)
            raise LatentclustError(
                f"data.backbone_weights={self.weights} does not fit data.backbone={self.name} ({reason}): "
                "give the state dict of that model"
            ) from error

    def _state(self) -> Mapping[str, Any]:
        if self.file is not None:
            try:
                state = torch.load(self.file, map_location="cpu", weights_only=True)
            except Exception as error:  # a damaged file fails in ways that no list foresees
                raise LatentclustError(
                    f"data.backbone_weights={self.weights} is no file of weights: write it with "
                    "torch.save(model.state_dict(), FILE)"
                ) from error
            for key in ("state_dict", "model"):
                state = state[key] if isinstance(state, Mapping) and key in state else state
            return state if isinstance(state, Mapping) else {}
        try:
            with task(f"downloading the weights of {self.name}"), impatient():
                weights = models.get_model_weights(self.name).DEFAULT
                downloaded: Mapping[str, Any] = weights.get_state_dict(progress=False, check_hash=True)
                return downloaded
        except Exception as error:  # servers fail in ways that no list foresees
            raise LatentclustError(
                f"the weights of data.backbone={self.name} cannot be downloaded "
                f"({shorten(str(error), 120) or type(error).__name__}): get the network working, or give "
                "data.backbone_weights=FILE, a state dict that was saved with torch.save"
            ) from error


class MeanOfMap(nn.Module):
    """The mean of a feature map ``(n, P, H, W)``; vectors ``(n, P)`` stay as they are."""

    def forward(self, x: Tensor) -> Tensor:
        """Take it."""
        return x.mean(dim=(2, 3)) if x.dim() == 4 else x


def backbone_of(plain: Mapping[str, Any], device: str = "auto") -> Backbone:
    """Return the backbone that ``Source.reading["backbone"]`` describes.

    Raises
    ------
    LatentclustError
        If its weights are no more the same.
    """
    backbone = Backbone(plain["name"], plain["weights"], device)
    if backbone.plain()["digest"] != plain["digest"]:
        raise LatentclustError(
            f"the weights of data.backbone={plain['name']} ({plain['weights']}) are no more those of the "
            "training: put the same file there"
        )
    return backbone


def seen_by(backbone: Backbone, source: Source, cache_dir: str | Path | None = None) -> Source:
    """Turn a source's images into vectors, once: they are kept for later runs.

    Raises
    ------
    LatentclustError
        If the source has vectors already, or the weights cannot be had.
    """
    if source.train.inputs.dim() != 4:
        raise LatentclustError(
            f"data.backbone={backbone.name} is for images, and these are vectors: leave it out"
        )
    splits = [source.train, *([] if source.test is None else [source.test])]
    cache = None
    if cache_dir is not None:
        images = [_digest(split.inputs) for split in splits]
        cache = place_of_inputs(cache_dir, "features", {"images": images, **backbone.plain()})
    arrays = None if cache is None else taken(cache)
    if arrays is None:
        arrays = _vectors(backbone, splits)
        if cache is not None:
            keep(cache, **arrays)
    seen = [
        replace(split, inputs=torch.from_numpy(arrays[f"x{i}"]), looks=Looks.of_images(split.inputs))
        for i, split in enumerate(splits)
    ]
    return replace(
        source,
        train=seen[0],
        test=seen[1] if len(seen) > 1 else None,
        notes=(*source.notes, backbone.note(seen[0].inputs.shape[1])),
        reading={**source.reading, "backbone": backbone.plain()},
    )


def _vectors(backbone: Backbone, splits: list[Split]) -> dict[str, Any]:
    arrays = {}
    with task(f"features by {backbone.name}", sum(map(len, splits))) as one:
        for i, split in enumerate(splits):
            parts = []
            for start in range(0, len(split), 4 * BATCH):
                parts.append(backbone(split.inputs[start : start + 4 * BATCH]).numpy())
                one.advance(len(parts[-1]))
            arrays[f"x{i}"] = np.concatenate(parts)
    return arrays


def _digest(images: InputRows) -> str:
    digest = hashlib.sha256(f"{images.dtype} {tuple(images.shape)}".encode())
    for part in parts(images):
        digest.update(part.contiguous().numpy().data)
    return digest.hexdigest()
