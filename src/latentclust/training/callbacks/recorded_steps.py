"""On one NVIDIA GPU, record the kernels of a training step once and replay them: CUDA graphs."""

import gc
import logging
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn

from latentclust.data import DataModule
from latentclust.errors import LatentclustError
from latentclust.models import LatentModel

log = logging.getLogger(__name__)

# Kinds of steps that are recorded; each keeps the memory of a step. A training has four: whole and last
# batches, with the partition held and without.
MOST = 8

Record = Callable[..., Callable[..., Any]]


class RecordedSteps(L.Callback):
    """Has the objective of a ``recordable`` model and the change of its inputs recorded and replayed.

    A step of a small network is four hundred kernels, and the host takes longer to launch one than the GPU
    to run it. A recorded step is launched as a whole; the optimizer's and Lightning's parts are as before.
    Random numbers are drawn anew at each replay, as they would be without.

    Parameters
    ----------
    record
        Records a function, or a module with its parameters and the backward pass; it has the signature of
        :func:`torch.cuda.make_graphed_callables`.
    """

    def __init__(self, record: Record = torch.cuda.make_graphed_callables) -> None:
        self.record = record
        self.changed: list[tuple[Any, str]] = []

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Put recordings in place of the functions."""
        data = trainer.datamodule  # type: ignore[attr-defined]
        assert isinstance(pl_module, LatentModel)
        assert isinstance(data, DataModule)
        if not recordable(type(pl_module)):
            return
        self.changed = [(pl_module, "objective")]
        if data.kind == "image":  # vectors are what they are
            self.changed.append((data, "change"))
        for owner, name in self.changed:
            model = pl_module if owner is pl_module else None
            setattr(owner, name, Recorded(getattr(owner, name), model, self.record))

    def on_fit_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Put the functions back, and free the recordings' memory."""
        if not self.changed:
            return
        for owner, name in self.changed:
            delattr(owner, name)
        self.changed = []
        gc.collect()  # a recording refers to itself

    def on_exception(
        self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException
    ) -> None:
        """Do the same."""
        self.on_fit_end(trainer, pl_module)


def recordable(kind: type[LatentModel]) -> bool:
    """Whether the class that defines a model's objective says that it can be recorded.

    A subclass with an objective of its own has to say so itself.
    """
    owner = next(one for one in kind.__mro__ if "objective" in vars(one))
    return bool(vars(owner).get("recordable", False))


class Recorded:
    """A function of tensors that is recorded for each kind of its arguments, and replayed.

    Arguments are of one kind if tensors have the same shapes and types, and all but floats are equal; floats
    may differ from call to call.

    Parameters
    ----------
    function
        Of tensors, or None where one is left out, and of keyword arguments, which are no tensors. It returns
        a tensor, or terms of which only ``loss`` is differentiable.
    model
        Whose parameters get gradients; None: there are none. Where it is being evaluated, the function is
        called as it is.
    record
        See :class:`RecordedSteps`.
    """

    def __init__(self, function: Callable[..., Any], model: nn.Module | None, record: Record) -> None:
        self.function = function
        self.model = model
        self.record = record
        self.parameters = [] if model is None else list(model.parameters())
        self.recordings: dict[Hashable, Callable[..., Any]] = {}
        self.is_full = False

    def __call__(self, *tensors: Tensor | None, **options: Any) -> Any:
        """Call the function, or replay it.

        Raises
        ------
        LatentclustError
            If it cannot be recorded.
        """
        training = self.model is None or (self.model.training and torch.is_grad_enabled())
        given = [tensor for tensor in tensors if tensor is not None]
        floats = {name: value for name, value in options.items() if isinstance(value, float)}
        others = {name: value for name, value in options.items() if name not in floats}
        kind = (
            tuple(None if tensor is None else (tensor.shape, tensor.dtype) for tensor in tensors),
            tuple(floats),
            tuple(sorted(others.items())),
            # A recording knows addresses: parameters that were moved would be another kind.
            tuple(parameter.data_ptr() for parameter in self.parameters),
        )
        if not training or (kind not in self.recordings and self._full()):
            return self.function(*tensors, **options)
        # Numbers would be recorded as they are now; written on the device, they cost the host no wait.
        given += [torch.full((), value, device=given[0].device) for value in floats.values()]
        if kind not in self.recordings:
            present = [tensor is not None for tensor in tensors]
            step = _Step(self.function, self.model, present, list(floats), others)
            self.recordings[kind] = self._recorded(step, given)
        return self.recordings[kind](*given)

    def _full(self) -> bool:
        full = len(self.recordings) == MOST
        if full and not self.is_full:
            log.info("There are more than %d kinds of steps: further ones are not recorded", MOST)
            self.is_full = True
        return full

    def _recorded(self, step: "_Step", given: list[Tensor]) -> Callable[..., Any]:
        with as_it_was(self.model, given[0].device):
            try:
                return self.record(step, tuple(tensor.clone() for tensor in given), allow_unused_input=True)
            except RuntimeError as error:
                # There is no way on from here: of a recording that failed, torch may be left half in it.
                raise LatentclustError(
                    f"a training step cannot be recorded ({str(error).splitlines()[0]}): "
                    "give trainer.cuda_graphs=false"
                ) from error


class _Step(nn.Module):
    """The function with tensors alone as arguments, and with no gradient but the loss's."""

    def __init__(
        self,
        function: Callable[..., Any],
        model: nn.Module | None,
        present: list[bool],
        floats: list[str],
        others: dict[str, Any],
    ) -> None:
        super().__init__()
        self.function = function
        self.model = model
        self.present = present
        self.floats = floats
        self.others = others

    def forward(self, *given: Tensor) -> Any:
        """Call the function."""
        rest = iter(given)
        tensors = [next(rest) if there else None for there in self.present]
        found = self.function(*tensors, **dict(zip(self.floats, rest, strict=True)), **self.others)
        if isinstance(found, Tensor):
            return found
        return {name: term if name == "loss" else term.detach() for name, term in found.items()}


@contextmanager
def as_it_was(model: nn.Module | None, device: torch.device) -> Iterator[None]:
    """Keep the random numbers to come and a model's buffers: recording calls the function several times."""
    buffers = [] if model is None else list(model.buffers())
    before = [buffer.clone() for buffer in buffers]
    try:
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            yield
    finally:
        for buffer, value in zip(buffers, before, strict=True):
            buffer.copy_(value)
