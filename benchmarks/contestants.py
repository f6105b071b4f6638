"""The training loops that `throughput.py` compares: each trains VaDE for an epoch and returns its seconds."""

import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, redirect_stderr
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from time import perf_counter
from typing import Any
from unittest.mock import patch

import lightning as L
import torch
from torch.utils.data import DataLoader, TensorDataset

from latentclust.data import DataModule, as_floats
from latentclust.hardware import choose_precision
from latentclust.models import VaDE
from latentclust.settings import Settings
from latentclust.settings.model import NetworkModel
from latentclust.training.builders import build_model
from latentclust.training.callbacks import ClusterAccuracy, History
from latentclust.training.trainers import TrainingSetup, build_trainer


class EpochClock(L.Callback):
    """Times the epochs of a Trainer from the first batch to the last callback of the epoch."""

    def __init__(self) -> None:
        self.start = 0.0
        self.seconds = 0.0

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Start the clock."""
        self.start = perf_counter()

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stop it after the measures and the checkpoint."""
        self.seconds = perf_counter() - self.start


def build(settings: Settings, data: DataModule) -> VaDE:
    """Build the default VaDE; the time of an epoch does not depend on where its mixture starts."""
    assert isinstance(settings.model, NetworkModel)
    model = build_model(settings.model, settings.network, settings.k, settings.seed, data.input_shape)
    assert isinstance(model, VaDE)
    return model


def autocast(device: str, precision: str) -> AbstractContextManager[Any]:
    """Return the context that Lightning trains in at this precision."""
    return torch.autocast(device, torch.bfloat16) if precision == "bf16-mixed" else nullcontext()


def synchronize(device: str) -> None:
    """Wait for the device."""
    if device == "cuda":
        torch.cuda.synchronize()


def plain(settings: Settings, data: DataModule, device: str) -> float:
    """Train an epoch as a notebook would write it; return seconds."""
    images = TensorDataset(as_floats(data.pool.inputs).cpu())
    loader = DataLoader(images, data.batch_size, shuffle=True, num_workers=4)
    model = build(settings, data).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    start = perf_counter()
    for (x,) in loader:
        loss = model.objective(x.to(device))["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()
    return perf_counter() - start


def latentclust(settings: Settings, data: DataModule, device: str) -> float:
    """Train an epoch through the Trainer, everything of a normal run included; return seconds."""
    accuracy = ClusterAccuracy(settings.k, **settings.callbacks.cluster_accuracy.model_dump())
    clock, measures = EpochClock(), [accuracy, History()]
    with tempfile.TemporaryDirectory() as folder:
        setup = TrainingSetup(settings.trainer, settings.callbacks.checkpoint, settings.logger, settings.seed)
        model = build(settings, data)
        objective = model.objective_metric(data.held_out is not None)
        trainer = build_trainer(
            setup,
            data,
            "train",
            Path(folder),
            objective,
            max_epochs=1,
            measures=[*measures, clock],
        )
        trainer.fit(model, datamodule=data)
    return clock.seconds


def floor(settings: Settings, data: DataModule, device: str) -> float:
    """Train an epoch with our module and batches in a bare loop; return seconds."""
    model = build(settings, data).to(device)
    optimizer = torch.optim.Adam(list(model.parameter_groups()), fused=True)
    context = autocast(device, choose_precision(device, settings.trainer.precision))
    start = perf_counter()
    for batch in data.train_dataloader():
        with context:
            loss = model.objective(as_floats(batch.x))["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    synchronize(device)
    return perf_counter() - start


def limit(settings: Settings, data: DataModule, device: str) -> float:
    """Compute an epoch's matrix products and nothing else; return seconds."""
    dtype = (
        torch.bfloat16
        if choose_precision(device, settings.trainer.precision) == "bf16-mixed"
        else torch.float32
    )
    layers = [m for m in build(settings, data).modules() if isinstance(m, torch.nn.Linear)]
    n = data.batch_size
    operands = [
        (
            torch.rand(n, layer.in_features, device=device, dtype=dtype),
            torch.rand(n, layer.out_features, device=device, dtype=dtype),
            torch.rand(layer.out_features, layer.in_features, device=device, dtype=dtype),
        )
        for layer in layers
    ]
    steps = len(data.pool) / n
    repeats = max(3, round(steps / 4))
    start = perf_counter()
    for _ in range(repeats):
        for number, (inputs, outputs, weight) in enumerate(operands):
            inputs @ weight.T
            outputs.T @ inputs
            if number:  # the images need no gradient
                outputs @ weight
    synchronize(device)
    return (perf_counter() - start) * steps / repeats


def clustpy(settings: Settings, data: DataModule, device: str) -> float:
    """Train an epoch of ClustPy's VaDE, which starts from a random network here; return seconds."""
    from clustpy.deep import vade

    seconds: list[float] = []
    fit = vade._VaDE_Module.fit

    def timed(*args: Any, **options: Any) -> Any:
        start = perf_counter()
        fitted = fit(*args, **options)
        synchronize(device)
        seconds.append(perf_counter() - start)
        return fitted

    images = as_floats(data.pool.inputs).flatten(1).cpu().numpy()
    network = vade._VaDE_VAE([images.shape[1], *settings.network.widths, settings.model.latent_dim])
    network.fitted = True  # else it would pretrain
    model = vade.VaDE(
        settings.k,
        batch_size=data.batch_size,
        pretrain_epochs=0,
        clustering_epochs=1,
        neural_network=network,
        device=torch.device(device),
        random_state=0,
    )
    with patch.object(vade._VaDE_Module, "fit", timed), redirect_stderr(StringIO()):  # its progress bars
        model.fit(images)
    return seconds[0]


CONTESTANTS: dict[str, Callable[[Settings, DataModule, str], float]] = {
    "plain": plain,
    "latentclust": latentclust,
    "floor": floor,
    "limit": limit,
}
if find_spec("clustpy"):
    CONTESTANTS["clustpy"] = clustpy
