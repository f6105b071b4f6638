"""A training step never waits for the host, nor copies from it: found without a GPU, on the meta device."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from latentclust.data.augment import Augmentation, augment
from latentclust.data.batches import Batch, TensorBatches, as_floats
from latentclust.models import AE, VAE, LatentModel, VaDE
from latentclust.training.callbacks import History, MixtureInitialization, ObjectiveTerms, Throughput
from latentclust.training.callbacks.cluster_targets import ClusterTargets
from tests.training.test_callbacks import train, vade

AFFINE = Augmentation(degrees=10, pixels=2, scale=0.1, shear=0.2)
# Operations for which the host waits until the device is done, because their result decides on the host or
# has a shape that only the device knows. On a GPU `inv` checks for singular matrices there.
WAITING = {
    "_local_scalar_dense",
    "item",
    "nonzero",
    "equal",
    "is_nonzero",
    "linalg_inv_ex",
    "linalg_solve_ex",
}


# What makes a tensor of numbers that the host has: on a GPU a copy from pageable memory, which waits too.
FROM_HOST = {torch.tensor, torch.as_tensor, torch.from_numpy}


class _Operations(TorchDispatchMode):
    def __init__(self, watch: "Watch") -> None:
        super().__init__()
        self.watch = watch

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        leaves = tree_leaves((args, kwargs, result))
        devices = {leaf.device.type for leaf in leaves if isinstance(leaf, Tensor)}
        if func.name().removeprefix("aten::").split(".")[0] in WAITING or len(devices) > 1:
            self.watch.note(func.name())
        return result


class Watch(TorchFunctionMode):
    """Notes what makes a host wait for its device, or carries data between them."""

    def __init__(self) -> None:
        super().__init__()
        self.on = True
        self.found: list[str] = []
        self.operations = _Operations(self)

    def note(self, name: str) -> None:
        if self.on:
            self.found.append(name)

    def __enter__(self) -> "Watch":
        self.operations.__enter__()
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self.operations.__exit__(*error)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in FROM_HOST:
            self.note(func.__name__)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    "code", ["x.sum().item()", "torch.linalg.inv(x)", "torch.tensor([1.0], device='meta')"]
)
def test_the_watch_sees_what_it_is_for(code: str) -> None:
    x = torch.eye(2, device="cpu" if "item" in code else "meta")
    with Watch() as watch:
        eval(code, {"torch": torch, "x": x})
    assert watch.found


def test_augmentation_stays_on_the_device() -> None:
    images = torch.rand(5, 1, 28, 20, device="meta")
    with Watch() as watch:
        assert augment(images, AFFINE).shape == images.shape
    assert watch.found == []


def test_batches_stay_on_the_device() -> None:
    batches = TensorBatches(torch.zeros(50, 1, 8, 8, dtype=torch.uint8, device="meta"), 20)
    with Watch() as watch:
        shapes = [as_floats(batch.x).shape[0] for batch in batches]
    assert shapes == [20, 20, 10]
    assert len(watch.found) <= 1  # the epoch's order, once


def models() -> Iterator[tuple[LatentModel, dict[str, Any]]]:
    sizes: dict[str, Any] = {"input_shape": [1, 8, 8], "widths": [24], "latent_dim": 3}
    held = {"targets": torch.rand(6, 10, device="meta"), "hold": True, "weight": 3.0}
    for likelihood in ("bernoulli", "squared_error"):
        yield AE(**sizes, likelihood=likelihood, channels=[4]), {}
        yield VAE(**sizes, likelihood=likelihood, beta=2.0, n_samples=2), {}
    for gamma in ("sample", "exact"):
        guided = VaDE(**sizes, n_clusters=10, gamma=gamma, channels=[4], self_training_weight=2.0)
        yield guided, held
        yield guided, held | {"hold": False}
        yield VaDE(**sizes, n_clusters=10, gamma=gamma), {}


@pytest.mark.parametrize(("model", "options"), list(models()), ids=lambda value: type(value).__name__)
def test_an_objective_and_its_gradient_stay_on_the_device(
    model: LatentModel, options: dict[str, Any]
) -> None:
    model = model.to("meta").train()
    terms_of = ObjectiveTerms()
    x = torch.rand(6, 1, 8, 8, device="meta")
    batch = Batch(x, torch.arange(6, device="meta"))
    with Watch() as watch:
        for step in range(2):
            terms = model.objective(x, **options)
            terms["loss"].backward()
            terms_of.on_train_batch_end(None, model, terms, batch, step)  # type: ignore[arg-type]
    assert watch.found == []


@pytest.mark.parametrize("kind", ["ae", "vade"])
def test_no_step_of_a_training_reads_from_the_device(tmp_path: Path, kind: str) -> None:
    class Steps(L.Callback):
        """Look at the steps alone: an epoch may read once at its ends."""

        def __init__(self) -> None:
            self.count = 0

        def on_train_batch_start(self, *args: Any) -> None:
            watch.on = True

        def on_train_batch_end(self, *args: Any) -> None:
            self.count += 1
            watch.on = self.count % 4 != 0  # the last batch of an epoch

    steps, callbacks = Steps(), [ObjectiveTerms(), Throughput(), History()]
    if kind == "vade":
        init = MixtureInitialization("kmeans", 0, n_init=1)
        model: LatentModel = vade(hold_epochs=1, self_training_weight=10.0)
        callbacks = [*callbacks[:2], init, ClusterTargets(init), callbacks[2]]
    else:
        model = AE([1, 8, 8], [24], 3, channels=[4])
    with Watch() as watch:
        watch.on = False
        train(model, [*callbacks, steps], tmp_path, augmentation=AFFINE)
    assert steps.count == 8
    assert watch.found == []
