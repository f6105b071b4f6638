"""Write a trained model for other programs, and check there that it says the same."""

import json
import logging
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from warnings import catch_warnings, simplefilter

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from latentclust.atomic import whole_file
from latentclust.data.description import Description
from latentclust.data.ranges import takes_bytes
from latentclust.errors import LatentclustError
from latentclust.models import LatentModel
from latentclust.models.bounds import UNLIKE
from latentclust.runs.versions import version_of

# What torch's exporter writes without converting it, and what every onnxruntime since 1.14 (2023) reads.
OPSET = 18
COUNTED = ("cluster", "unlike")  # outputs that are equal or not
NEEDED = ("onnx", "onnxscript", "onnxruntime")
SUFFIXES = {"onnx": ".onnx", "torch_export": ".pt2"}

Arrays = tuple[NDArray[Any], ...]
Apply = Callable[[Tensor], Arrays]


class Deployed(nn.Module):
    """A model as other programs want it: raw inputs in, what ``task=predict`` says of each out.

    Parameters
    ----------
    model
        With clusters, in evaluation mode, on the CPU.
    judged
        Whether the bounds are computed, which takes the decoder.

    Attributes
    ----------
    outputs : tuple[str, ...]
        The names of what comes out: ``cluster``, ``gamma``, ``code``; if judged ``bound``, and ``unlike``
        where the pool's bounds are known.
    """

    def __init__(self, model: LatentModel, *, judged: bool = True) -> None:
        super().__init__()
        self.model = model
        self.preprocess = model.takes.preprocess
        self.judged = judged
        known = model.pool_bounds.quantiles
        self.threshold = None if known is None or not judged else float(known[UNLIKE])
        self.outputs: tuple[str, ...] = ("cluster", "gamma", "code")
        self.outputs += ("bound",) * judged + ("unlike",) * (self.threshold is not None)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Compute :attr:`outputs` of B raw inputs.

        Returns
        -------
        tuple[Tensor, ...]
            Clusters ``(B,)``, int64, responsibilities ``(B, K)`` and codes ``(B, D)``; bounds ``(B,)``, and
            whether these are below the pool's 1st percentile, or not a number, bool ``(B,)``.
        """
        x = self.preprocess(x)
        if not self.judged:
            code = self.model.encode(x)
            gamma = self.model.responsibilities(code)
            return gamma.argmax(dim=-1), gamma, code
        code, gamma, bound = self.model.describe(x)
        found = gamma.argmax(dim=-1), gamma, code, bound
        if self.threshold is None:
            return found
        return *found, (bound.double() >= self.threshold).logical_not()  # written so that NaN is unlike


def plausible(takes: Description, n: int, generator: torch.Generator) -> Tensor:
    """Draw n raw inputs of the type and about the size that a model takes: 8-bit images, or floats."""
    if takes_bytes(takes):
        return torch.randint(0, 256, (n, *takes.spec.shape), generator=generator, dtype=torch.uint8)
    if takes.spec.kind == "image":
        raw: Tensor = takes.preprocess.inverse(torch.rand(n, *takes.spec.shape, generator=generator))
        return raw
    raw = torch.randn(n, *takes.spec.shape, generator=generator)
    width = takes.preprocess(raw.abs()).shape[1]
    raw = takes.preprocess.inverse(torch.randn(n, width, generator=generator)).nan_to_num()
    counts = any(step.name in ("log1p", "pearson") for step in takes.preprocess.steps)
    return raw.clamp(min=0) if counts else raw


def require_exporter(kind: str) -> None:
    """Check that what writes the format is installed.

    Raises
    ------
    LatentclustError
        If it is not.
    """
    missing = [name for name in NEEDED if find_spec(name) is None] if kind == "onnx" else []
    if missing:
        raise LatentclustError(
            f"format=onnx needs {', '.join(missing)}: pip install 'latentclust[onnx]', or choose "
            "format=torch_export"
        )


@torch.no_grad()
def export(deployed: Deployed, example: Tensor, folder: Path, kind: str) -> Path:
    """Write a model as ``model.onnx`` or ``model.pt2``, for batches of any size.

    Parameters
    ----------
    deployed
        The model, in evaluation mode.
    example
        Raw inputs, at least 2: their type and shape are what the file will take.
    folder
        The run's.
    kind
        A key of :data:`SUFFIXES`.

    Raises
    ------
    LatentclustError
        If the file cannot be written, or a part of the model cannot be expressed in the format.
    """
    for chatty in ("onnx_ir", "onnxscript"):  # they announce each step of theirs
        logging.getLogger(chatty).setLevel(logging.WARNING)
    path = folder / f"model{SUFFIXES[kind]}"
    sizes = {"x": {0: torch.export.Dim("batch", min=1)}}
    try:
        with catch_warnings():
            simplefilter("ignore")  # of the exporters' own insides
            program = torch.export.export(deployed, (example,), dynamic_shapes=sizes)
            written: Any = program if kind == "torch_export" else to_onnx(program, deployed.outputs)
    except Exception as error:  # whatever an exporter cannot do, it says in its own way
        reason = str(error).strip().splitlines()[:1] or [type(error).__name__]
        raise LatentclustError(f"this model cannot be exported as {kind}: {reason[0]}") from error
    with whole_file(path) as file, catch_warnings():
        simplefilter("ignore")
        if kind == "onnx":
            file.write(written.model_proto.SerializeToString())
        else:
            torch.export.save(written, file)
    return path


def to_onnx(program: torch.export.ExportedProgram, outputs: Sequence[str]) -> Any:
    """Translate an exported program to ONNX."""
    return torch.onnx.export(
        program,
        (),
        dynamo=True,
        opset_version=OPSET,
        input_names=["x"],
        output_names=list(outputs),
        verbose=False,
    )


def opened(path: Path, kind: str) -> Apply:
    """Open an exported file with the program that is meant to run it."""
    if kind == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        return lambda x: tuple(session.run(None, {"x": x.numpy()}))
    with catch_warnings():
        simplefilter("ignore")
        module = torch.export.load(path).module()
    return lambda x: tuple(part.detach().numpy() for part in module(x))


@torch.no_grad()
def differences(deployed: Deployed, apply: Apply, inputs: Tensor) -> dict[str, float]:
    """Compare an exported file with the model on inputs ``(M, ...)``, which it takes one by one and at once.

    Returns
    -------
    dict[str, float]
        By output: the largest absolute difference of ``gamma`` and ``code``, the largest of ``bound`` in
        relation to its size if that is above 1, and how many ``cluster`` and ``unlike`` differ.
    """
    expected = [part.numpy() for part in deployed(inputs)]
    found = apply(inputs)
    alone = apply(inputs[:1])
    for one, many in zip(alone, found, strict=True):
        if one.shape != (1, *many.shape[1:]):
            raise LatentclustError("the exported file takes no batch of 1: choose another format")
    return {
        name: float((got != wanted).sum()) if name in COUNTED else _difference(got, wanted, name == "bound")
        for name, got, wanted in zip(deployed.outputs, found, expected, strict=True)
    }


def _difference(got: NDArray[Any], wanted: NDArray[Any], relative: bool) -> float:
    apart = np.abs(got.astype(np.float64) - wanted)
    largest = (apart / np.abs(wanted).clip(min=1) if relative else apart).max()
    return float(largest)


def keep_facts(path: Path, kind: str, deployed: Deployed, example: Tensor, found: dict[str, Any]) -> Path:
    """Write ``export.json``: what the file takes and gives, and how far it is from PyTorch."""
    packages = ("torch", *NEEDED) if kind == "onnx" else ("torch",)
    model = deployed.model
    quantiles = model.pool_bounds.quantiles
    facts = {
        "file": path.name,
        "format": kind,
        "opset": OPSET if kind == "onnx" else None,
        "model": type(model).__name__,
        "input": {"name": "x", "shape": ["batch", *example.shape[1:]], "dtype": str(example.dtype)[6:]},
        "outputs": list(deployed.outputs),
        "max_difference": found,
        "versions": {name: version_of(name) for name in packages},
        "bound": None if quantiles is None else {"name": model.bound_name, "percentiles": quantiles.tolist()},
    }
    where = path.with_name("export.json")
    with whole_file(where) as file:
        file.write((json.dumps(facts, indent=2) + "\n").encode())
    return where
