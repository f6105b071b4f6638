"""What the LightningModules share: the training step, the optimizer and its schedule."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from math import ceil
from typing import Any, ClassVar, NamedTuple

import lightning as L
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor

from latentclust.data.batches import Batch
from latentclust.data.description import INPUTS_KEY, Description
from latentclust.data.preprocess import Preprocess
from latentclust.data.splits import InputSpec
from latentclust.models.bounds import Described, PoolBounds
from latentclust.models.code_mixture import CodeMixture
from latentclust.models.inputs import Inputs, as_inputs
from latentclust.modules.decoders import Decoder
from latentclust.modules.likelihoods import Likelihood, SquaredError
from latentclust.modules.networks import Encoder, GaussianEncoder
from latentclust.modules.objectives import ELBO, expected_nll
from latentclust.modules.schedules import ADDED_FACTOR, ENDING, PlannedLR, lr_factor

log = logging.getLogger(__name__)

# The optimizers that torch fuses into one kernel for all parameters.
FUSED_DEVICES = {"cpu", "cuda"}


class ObjectiveMetric(NamedTuple):
    """The logged quantity that says how good a model is, without labels."""

    name: str
    """As it is logged."""
    mode: str
    """``max`` or ``min``: what is better."""


class LatentModel(L.LightningModule, ABC):
    """A model with a latent space: it encodes inputs, decodes codes and has one objective to minimize.

    Inputs x are preprocessed: float vectors ``(B, P)`` with NaN where a value is missing, or float images
    ``(B, C, H, W)`` in [0, 1]. `encode` and what predicts with it also take what
    :func:`latentclust.models.inputs.as_inputs` turns into these. Constructor arguments are plain scalars,
    strings and lists, so that ``load_from_checkpoint`` needs nothing but the file.

    Parameters
    ----------
    learning_rate
        Adam's, at the schedule's peak.
    schedule, step_every, step_factor
        See :func:`latentclust.modules.schedules.lr_factor`.
    """

    encoder: Encoder | GaussianEncoder
    decoder: Decoder
    likelihood: Likelihood = SquaredError("image")
    """p(x|z); unless a model says otherwise, that of images."""
    description: Description | None = None
    """Of the raw inputs, and how they become x; checkpoints carry it."""
    objective_term: ClassVar[ObjectiveMetric] = ObjectiveMetric("loss", "min")
    """The term of the objective whose definition stays the same within a run; between runs too, unless
    :func:`~latentclust.settings.objective.changes_objective` says that a setting which they differ in
    changes it, such as the weight of IDEC's clustering loss."""
    recordable: ClassVar[bool] = False
    """Whether ``objective`` depends on nothing but its arguments and the weights, so that its kernels can be
    recorded once and replayed. What it reads elsewhere, such as the epoch, would stay as it was then. It
    counts in the class that defines ``objective``, not in its subclasses with another one."""
    bound_name: ClassVar[str] = "minus_error"
    """What :meth:`describe` gives as bounds: here minus the reconstruction error, summed over an input."""

    def __init__(self, learning_rate: float, schedule: str, step_every: int, step_factor: float) -> None:
        super().__init__()
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.step_every = step_every
        self.step_factor = step_factor
        self.code_mixture = CodeMixture()
        self.pool_bounds = PoolBounds()

    @property
    def takes(self) -> Description:
        """What raw inputs are; a model without a description takes what its network does."""
        if self.description is not None:
            return self.description
        shape = tuple(self.encoder.input_shape)
        return Description(InputSpec("image" if len(shape) == 3 else "vector", shape), Preprocess())

    @abstractmethod
    def objective(self, x: Tensor) -> dict[str, Tensor]:
        """Compute means over a batch: ``loss``, to be minimized, and the terms it has."""

    @abstractmethod
    def encode(self, x: Inputs) -> Tensor:
        """Encode inputs as codes ``(B, D)``: the posterior's mean where there is a posterior."""

    def responsibilities(self, z: Tensor) -> Tensor:
        """Compute the clusters' probabilities p(c|z): codes ``(B, D)`` to ``(B, K)``, with sum 1 over K.

        Those of the mixture that was fitted to the codes when the training was over.

        Raises
        ------
        ValueError
            If there is none yet.
        """
        return self.code_mixture.responsibilities(z)

    @torch.no_grad()
    def predict_proba(self, x: Inputs) -> Tensor:
        """Compute the responsibilities of the inputs' codes, ``(B, K)``: deterministic."""
        return self.responsibilities(self.encode(x))

    def predict(self, x: Inputs) -> Tensor:
        """Choose each input's cluster, int64 ``(B,)``."""
        return self.predict_proba(x).argmax(dim=-1)

    @torch.no_grad()
    def describe(self, x: Inputs) -> Described:
        """Compute codes, clusters' probabilities and bounds of inputs, each encoded once: deterministic."""
        z = self.encode(x)  # which checks them: of uint8 there is nothing to wait for
        x = as_inputs(x, self.encoder.input_shape, self.encoder.mean.weight)
        bounds = -expected_nll(x, self.decoder(z), self.likelihood)
        return Described(z, self.responsibilities(z), bounds)

    def measured_terms(self, x: Tensor) -> dict[str, Tensor]:
        """Compute the terms of the objective that mean the same for inputs that are not trained on."""
        return self.objective(x)

    @classmethod
    def objective_metric(cls, held_out: bool) -> ObjectiveMetric:
        """Return what ``best.ckpt`` follows, and what ``optimized_metric=objective`` is.

        Parameters
        ----------
        held_out
            Whether there are inputs that are not trained on: it is then measured on those.
        """
        name, mode = cls.objective_term
        return ObjectiveMetric(f"{'test' if held_out else 'train'}/{name}", mode)

    def decode(self, z: Tensor) -> Tensor:
        """Decode codes ``(..., D)`` as expected inputs: ``(..., P)``, or ``(..., C, H, W)`` in [0, 1]."""
        return self.likelihood.mean(self.decoder(z))

    def forward(self, x: Inputs) -> Tensor:
        """Reconstruct inputs: encode, then decode."""
        return self.decode(self.encode(x))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Let the checkpoint carry the description of the inputs."""
        if self.description is not None:
            checkpoint[INPUTS_KEY] = self.description.plain()

    def training_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Return the objective's terms; the callback ``ObjectiveTerms`` logs their means over the epoch."""
        return self.objective(batch.x)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Log the objective's terms on inputs that are not trained on, as ``test/...``."""
        terms = self.measured_terms(batch.x)
        shares = {f"test/{name}": term * batch.share for name, term in terms.items()}
        self.log_dict(shares, batch_size=batch.size, sync_dist=True)

    def parameter_groups(self) -> Iterator[dict[str, Any]]:
        """Yield the optimizer's groups of parameters, each with its learning rate."""
        yield {"name": "networks", "params": list(self.parameters()), "lr": self.learning_rate}

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Adam (Kingma and Ba 2015), its learning rate set at every step by the schedule."""
        # Lightning cannot clip the gradients of a fused optimizer under mixed precision.
        fused = self.device.type in FUSED_DEVICES and not self.trainer.gradient_clip_val
        optimizer = torch.optim.Adam(list(self.parameter_groups()), fused=fused)
        total_steps = int(self.trainer.estimated_stepping_batches)
        # Known only after that.
        steps_per_epoch = ceil(self.trainer.num_training_batches / self.trainer.accumulate_grad_batches)

        def factor(step: int, ends: Sequence[int]) -> float:
            return lr_factor(
                self.schedule,
                step,
                ends,
                steps_per_epoch=steps_per_epoch,
                every=self.step_every,
                factor=self.step_factor,
            )

        return {
            "optimizer": optimizer,
            "lr_scheduler": {
                "scheduler": PlannedLR(optimizer, factor, total_steps),
                "interval": "step",
                "name": "learning_rate",
            },
        }

    def on_train_start(self) -> None:
        """Let this run's learning rates win over those in a checkpoint that it continues.

        The codes are about to change, so a mixture that was fitted to them is forgotten, and so are the
        pool's bounds.
        """
        self.code_mixture.clear()
        self.pool_bounds.clear()
        scheduler = self.lr_schedulers()
        assert isinstance(scheduler, PlannedLR)
        extended = scheduler.extend(int(self.trainer.estimated_stepping_batches))
        if extended and self.schedule in ENDING:
            log.info(
                "More epochs than were planned: after the planned ones the learning rate goes from %g of its "
                "peak down to 0",
                ADDED_FACTOR,
            )
        scheduler.base_lrs = [group["lr"] for group in self.parameter_groups()]
        groups = scheduler.optimizer.param_groups
        for group, base, factor in zip(groups, scheduler.base_lrs, scheduler.lr_lambdas, strict=True):
            group["initial_lr"] = base
            group["lr"] = base * factor(scheduler.last_epoch)


class VariationalModel(LatentModel):
    """A latent model whose encoder gives a Gaussian posterior q(z|x); its code is the posterior's mean."""

    encoder: GaussianEncoder
    objective_term: ClassVar[ObjectiveMetric] = ObjectiveMetric("elbo", "max")
    bound_name: ClassVar[str] = "elbo_at_mean"
    """The lower bound of log p(x) in nats; the posterior's mean stands for draws from it."""

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the mean and log-variance of q(z|x), each ``(B, D)``."""
        mu, log_var = self.encoder(x)
        return mu, log_var

    def encode(self, x: Inputs) -> Tensor:
        """Encode inputs as the posterior's means ``(B, D)``."""
        return self.posterior(as_inputs(x, self.encoder.input_shape, self.encoder.mean.weight))[0]

    @abstractmethod
    def bound(self, x: Tensor, z: Tensor, mu: Tensor, log_var: Tensor) -> ELBO:
        """Compute the evidence lower bound and its terms, without weights, for each of B inputs.

        Parameters
        ----------
        x
            ``(B, *S)``.
        z
            What is decoded ``(B, D)`` or ``(L, B, D)``: samples of the posterior, or its mean.
        mu, log_var
            Of the posterior, each ``(B, D)``.
        """

    @torch.no_grad()
    def describe(self, x: Inputs) -> Described:
        """Compute codes, clusters' probabilities and bounds of inputs, each encoded once: deterministic."""
        x = as_inputs(x, self.encoder.input_shape, self.encoder.mean.weight)
        mu, log_var = self.posterior(x)
        return Described(mu, self.responsibilities(mu), self.bound(x, mu, mu, log_var).elbo)
