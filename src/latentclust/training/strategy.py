"""Lightning's data-parallel training, made equal to that of one process with the same batches."""

from datetime import timedelta
from typing import Any

import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch.plugins import LayerSync
from lightning.pytorch.strategies import DDPStrategy
from lightning.pytorch.utilities.types import STEP_OUTPUT
from torch import Tensor, distributed, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer

from latentclust.data import Batch
from latentclust.models import LatentModel, PoolBounds
from latentclust.processes import place_given
from latentclust.settings.trainer import Trainer
from latentclust.training.checkpoint_io import WholeCheckpointIO

# The first process fits mixtures and finds neighbors while the others wait. A process that died is noticed
# otherwise.
PATIENCE = timedelta(days=1)


class SharedBatches(DDPStrategy):
    """DDP for batches that processes share: the gradient is the mean over the batch's inputs.

    DDP's own is the mean of the processes' means, which differs where their shares are not equally large.
    """

    def __init__(self) -> None:
        super().__init__(timeout=PATIENCE)
        self.share = 1.0

    def training_step(self, batch: Batch, *args: Any, **kwargs: Any) -> STEP_OUTPUT:
        """Compute the terms of this process's inputs."""
        self.share = batch.share
        return super().training_step(batch, *args, **kwargs)

    def backward(
        self, closure_loss: Tensor, optimizer: Optimizer | None, *args: Any, **kwargs: Any
    ) -> Tensor:
        """Compute the gradient of this process's part of the batch's mean loss."""
        return super().backward(closure_loss * self.share, optimizer, *args, **kwargs)

    def configure_ddp(self) -> None:
        """Wrap the model; DDP must look for parameters without a gradient where there are some.

        It is not to send what stays on the CPU: NCCL cannot. Each process has it from the same checkpoint.
        """
        model = self.lightning_module
        assert isinstance(model, LatentModel)
        trained = {id(p) for group in model.parameter_groups() for p in group["params"]}
        if any(p.requires_grad and id(p) not in trained for p in model.parameters()):
            self._ddp_kwargs["find_unused_parameters"] = True
        judges = [name for name, module in model.named_modules() if isinstance(module, PoolBounds)]
        stay = [f"{name}.quantiles" for name in judges]
        set_ignored: Any = DistributedDataParallel._set_params_and_buffers_to_ignore_for_model
        set_ignored(model, stay)
        super().configure_ddp()


class SumOfProcesses(torch.autograd.Function):
    """The sum of the processes' tensors; the gradient is the sum of the processes' gradients."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Sum up."""
        total = x.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """Sum up."""
        (gradient,) = gradients
        total = gradient.clone()
        distributed.all_reduce(total)
        return total


class SharedBatchNorm(_BatchNorm):
    """Batch normalization over a batch that processes share, on any device.

    torch's own :class:`torch.nn.SyncBatchNorm` needs a GPU. Sums are taken in float64, so that the variance
    can be had from them.
    """

    kind: Any

    def forward(self, x: Tensor) -> Tensor:
        """Normalize ``(B, C, ...)``."""
        if not self.training:
            return super().forward(x)
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        dims = [0, *range(2, x.dim())]
        wide = x.double()
        own = torch.cat([wide.sum(dims), wide.square().sum(dims), wide.new_tensor([x.numel() / x.shape[1]])])
        sums: Tensor = SumOfProcesses.apply(own)
        n = sums[-1]
        mean, square = (sums[:-1] / n).chunk(2)
        variance = (square - mean.square()).clamp_min(0)
        with torch.no_grad():
            self.num_batches_tracked += 1
            momentum = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
            self.running_mean.lerp_(mean.to(self.running_mean), momentum)
            self.running_var.lerp_((variance * n / (n - 1)).to(self.running_var), momentum)
        shape = [1, -1, *[1] * (x.dim() - 2)]
        normal = (wide - mean.view(shape)) * (variance + self.eps).rsqrt().view(shape)
        if self.affine:
            normal = normal * self.weight.view(shape) + self.bias.view(shape)
        return normal.to(x.dtype)

    def _check_input_dim(self, input: Tensor) -> None:  # as the class above has it
        pass


class SharedBatchNorms(LayerSync):
    """Has batch normalization see whole batches on devices for which torch does not."""

    def apply(self, model: nn.Module) -> nn.Module:
        """Make them shared; parameters and buffers stay the same objects."""
        for module in model.modules():
            if isinstance(module, _BatchNorm) and not isinstance(module, nn.SyncBatchNorm):
                module.kind, module.__class__ = type(module), SharedBatchNorm  # type: ignore[assignment]
        return model

    def revert(self, model: nn.Module) -> nn.Module:
        """Make them what they were."""
        for module in model.modules():
            if isinstance(module, SharedBatchNorm):
                module.__class__ = module.kind
                del module.kind
        return model


def sharing(settings: Trainer, accelerator: str) -> dict[str, Any]:
    """Return the Trainer's arguments that say how many devices share the training, and how."""
    plugins: list[Any] = [WholeCheckpointIO()]
    if settings.n_processes == 1:
        return {"devices": 1, "plugins": plugins}
    if place_given().world_size == 1:  # the run has started the processes itself
        plugins.append(LightningEnvironment())
    if settings.sync_batchnorm and accelerator != "cuda":
        plugins.append(SharedBatchNorms())
    return {
        "devices": settings.devices,
        "num_nodes": settings.num_nodes,
        "strategy": SharedBatches(),
        "sync_batchnorm": settings.sync_batchnorm and accelerator == "cuda",
        "use_distributed_sampler": False,
        "plugins": plugins,
    }
