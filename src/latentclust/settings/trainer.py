"""Settings of ``trainer``: an argument of Lightning's Trainer is one of them, or refused with the reason."""

from typing import Annotated, Literal

from pydantic import Field

from latentclust.settings.base import Count, Positive, Section, Words

# Lightning reads a whole number as batches and a share as a part of all batches.
Batches = Annotated[
    Annotated[int, Field(ge=1, le=1_000_000_000)] | Annotated[float, Field(gt=0, le=1)],
    Words("a whole number of batches, at least 1, or a share above 0 and up to 1.0"),
]
MaxTime = Annotated[
    str,
    Field(pattern=r"^[0-9]{1,4}:[0-9]{1,4}:[0-9]{1,4}:[0-9]{1,4}$"),
    Words("days:hours:minutes:seconds, such as 00:00:10:00 (in quotes in a file)"),
]


class Trainer(Section):
    """Lightning's Trainer."""

    accelerator: Literal["auto", "cpu", "gpu", "mps"] = "auto"
    """What computes."""
    devices: Annotated[int, Field(ge=1, le=1024)] = 1
    """How many of them on each machine, each with a process of its own."""
    num_nodes: Annotated[int, Field(ge=1, le=10_000)] = 1
    """Machines; srun or torchrun starts the processes of several."""
    strategy: Literal["auto", "ddp"] = "auto"
    """How several devices share a training, each with its share of every batch; ``auto`` is ddp too."""
    sync_batchnorm: bool = True
    """With several devices, batch normalization sees whole batches."""
    precision: Literal["auto", "32-true", "bf16-mixed", "16-mixed"] = "auto"
    """Of the arithmetic."""
    max_epochs: Count = 20
    """Epochs of the training, its first stage aside."""
    max_time: MaxTime | None = None
    """For the whole run; training stops at the end of the epoch that passes it."""
    deterministic: Annotated[bool | Literal["warn"], Words("true, false or warn")] = True
    """Refuse operations that would make two equal runs differ, or only warn of them."""
    benchmark: bool | None = None
    """Let cuDNN measure which kernels are fastest; null for Lightning's choice."""
    gradient_clip_val: Positive | None = None
    """Clip the gradient; null for not."""
    gradient_clip_algorithm: Literal["norm", "value"] = "norm"
    """Clip its norm, or each of its values."""
    cuda_graphs: bool = True
    """On one NVIDIA GPU, record the kernels of a step once and replay them."""
    accumulate_grad_batches: Annotated[int, Field(ge=1, le=100_000)] = 1
    """Batches whose gradients are averaged for a step."""
    limit_train_batches: Batches | None = None
    """Batches of a training epoch; null for all."""
    limit_val_batches: Batches | None = None
    """Batches of a validation; null for all."""
    overfit_batches: Annotated[
        Annotated[int, Field(ge=0, le=1_000_000_000)] | Annotated[float, Field(ge=0, le=1)],
        Words("a whole number of batches, or a share from 0 to 1.0"),
    ] = 0
    """Train on the same few batches in every epoch; 0 for all of them."""
    check_val_every_n_epoch: Count = 1
    """Held-out images are validated on after every n-th epoch."""
    fast_dev_run: Annotated[
        bool | Annotated[int, Field(ge=0, le=1_000_000)],
        Words("true, false or a whole number of batches"),
    ] = False
    """Try everything once, on few images and this many batches."""
    profiler: Annotated[Literal["simple", "advanced"] | None, Words("simple, advanced or null")] = None
    """Writes ``fit-profile.txt``: what took how long."""
    detect_anomaly: bool = False
    """Look for the operation whose gradient is NaN; slow."""
    inference_mode: bool = True
    """Validate in torch's inference mode rather than without gradients."""
    enable_progress_bar: bool = True
    """Show a progress bar."""
    enable_model_summary: bool = False
    """Print the layers and their sizes."""

    @property
    def n_processes(self) -> int:
        """Processes that train, one for each device."""
        return self.devices * self.num_nodes


# Arguments that are no setting, and why.
REFUSED = {
    "use_distributed_sampler": "devices always share the batches of one order",
    "logger": "the group logger has the loggers (logger=tensorboard|csv|wandb|mlflow|many|none)",
    "callbacks": "the group callbacks has the callbacks (callbacks=early_stopping|model_summary|none)",
    "min_epochs": "only trainer.max_time and callbacks.early_stopping.patience stop a training early",
    "max_steps": (
        "a run ends, and continues, with a whole epoch: give trainer.max_epochs, and "
        "trainer.limit_train_batches for shorter ones"
    ),
    "min_steps": "only trainer.max_time and callbacks.early_stopping.patience stop a training early",
    "limit_test_batches": "results are measured on all images: give data.limit for fewer",
    "limit_predict_batches": "results are measured on all images: give data.limit for fewer",
    "val_check_interval": "validation comes at an epoch's end: see trainer.check_val_every_n_epoch",
    "num_sanity_val_steps": "trainer.fast_dev_run=true tries everything once",
    "log_every_n_steps": "curves have one value for each epoch",
    "enable_checkpointing": (
        "a run always keeps its last checkpoint: callbacks.checkpoint.seconds_apart makes them rarer"
    ),
    "plugins": "trainer.precision and trainer.accelerator choose them",
    "barebones": "it turns off the callbacks that a run is made of",
    "reload_dataloaders_every_n_epochs": "images stay on the device, and every epoch draws its own batches",
    "default_root_dir": "output_dir says where runs go",
    "enable_autolog_hparams": "the settings are in summary.json and on TensorBoard's page HPARAMS",
    "model_registry": "checkpoints are files in the run's folder",
}
