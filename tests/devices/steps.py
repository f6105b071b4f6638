"""Every step of every model, on any device: what a training does with a batch, and what follows it.

Run as a script, the steps run on tensors without values that say they are on a GPU, in a process of its own:

    python -m tests.devices.steps forward|whole
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from latentclust.data.augment import Augmentation, augment
from latentclust.data.batches import Batch, TensorBatches, as_floats
from latentclust.models import AE, DEC, IDEC, VAE, EpochTargets, HasMixture, LatentModel, Samples, VaDE
from latentclust.modules.mixture import MixtureParameters
from latentclust.training.callbacks import ObjectiveTerms
from latentclust.training.inference import described, in_chunks

AFFINE = Augmentation(degrees=10, pixels=2, scale=0.1, shear=0.2)
N, K, D = 30, 10, 3
CONV = {"channels": [4, 6], "decoder": "conv"}


class Case(NamedTuple):
    """A model, and the inputs that it takes."""

    name: str
    build: Callable[[], LatentModel]
    shape: tuple[int, ...]
    options: dict[str, Any]
    """Of the objective beside the inputs and the targets."""


def cases() -> Iterator[Case]:
    """Each model with convolutions and each likelihood, as a perceptron, and for vectors with theirs."""
    forms: dict[str, tuple[tuple[int, ...], dict[str, Any], Sequence[str]]] = {
        "conv": ((1, 8, 8), CONV, ("bernoulli", "squared_error", "gaussian")),
        "perceptron": ((3, 8, 6), {}, ("bernoulli",)),
        "vectors": ((20,), {}, ("squared_error", "gaussian")),
    }
    kinds: list[tuple[type[LatentModel], dict[str, Any], dict[str, Any]]] = [
        (AE, {}, {}),
        (VAE, {"beta": 2.0, "n_samples": 2}, {}),
        (VaDE, {"n_clusters": K, "gamma": "sample", "self_training_weight": 2.0}, {"weight": 3.0}),
        (VaDE, {"n_clusters": K, "gamma": "exact", "n_samples": 2}, {"hold": True}),
        (DEC, {"n_clusters": K}, {}),
        (IDEC, {"n_clusters": K}, {}),
    ]
    for number, (kind, own, options) in enumerate(kinds):
        for form, (shape, layers, likelihoods) in forms.items():
            for likelihood in likelihoods:
                settings = {"widths": [24, 16], "latent_dim": D, "likelihood": likelihood, **layers, **own}

                def build(kind: Any = kind, shape: Any = shape, settings: Any = settings) -> LatentModel:
                    torch.manual_seed(0)
                    return kind(list(shape), **settings)

                yield Case(f"{kind.__name__.lower()}{number}-{form}-{likelihood}", build, shape, options)


def inputs(case: Case, device: str) -> Tensor:
    """Inputs as they are stored; of vectors some values are missing."""
    if len(case.shape) == 3:
        return torch.randint(256, (N, *case.shape), device=device, dtype=torch.uint8)
    values = torch.randn(N, *case.shape, device=device)
    return values.masked_fill(values > 1.5, torch.nan)


def train(case: Case, model: LatentModel, stored: Tensor, *, backward: bool = True) -> list[Tensor]:
    """An epoch of two steps: targets, batches, augmentation, loss, gradient, Adam, sums of the terms."""
    model.train()
    batches = TensorBatches(stored, N // 2)
    if isinstance(model, EpochTargets):
        batches.targets = model.epoch_targets(in_chunks(model.cluster_logits, stored).clone())
    if backward:
        model._trainer = SimpleNamespace(  # type: ignore[assignment]
            gradient_clip_val=None,
            estimated_stepping_batches=4,
            num_training_batches=2,
            accumulate_grad_batches=1,
        )
        adam: Any = model.configure_optimizers()
    trainer: Any = SimpleNamespace(accumulate_grad_batches=1)
    callback, losses = ObjectiveTerms(), []
    for step, batch in enumerate(batches):
        x = as_floats(batch.x)
        x = augment(x, AFFINE) if x.dim() == 4 else x
        targets = {} if batch.target is None else {"targets": batch.target}
        terms = model.objective(x, **targets, **case.options)
        losses.append(terms["loss"].detach())
        if backward:
            adam["optimizer"].zero_grad()
            terms["loss"].backward()
            adam["optimizer"].step()
            adam["lr_scheduler"]["scheduler"].step()
        callback.on_train_batch_end(trainer, model, terms, Batch(x, batch.index), step)
    callback.add_up()
    return losses


def look(case: Case, model: LatentModel, stored: Tensor) -> list[Tensor]:
    """What is asked of a trained model: codes, clusters, bounds, features, reconstructions and samples."""
    model.eval()
    if model.code_mixture.n_clusters == 0:
        weights = torch.full((K,), 1 / K, device=stored.device)
        means = torch.arange(K * D, device=stored.device).view(K, D) / 10
        model.code_mixture.set_parameters(MixtureParameters(weights, means, torch.ones_like(means)))
    found = [*described(model, stored), in_chunks(model.predict, stored), in_chunks(model, stored)]
    found += model.measured_terms(as_floats(stored)).values()
    if hasattr(model, "features"):
        found.append(in_chunks(model.features, stored))
    if isinstance(model, HasMixture):
        found += [model.sample(5, 2), *model.mixture_parameters()]
    if isinstance(model, HasMixture | Samples):
        found.append(model.sample(5))
    return found


def without_values(model: LatentModel, device: str) -> LatentModel:
    """Give a model parameters on a pretended GPU; ``to`` cannot."""
    for module in model.modules():
        for name, old in module._parameters.items():
            if old is not None:
                new = torch.empty_strided(old.shape, old.stride(), device=device)
                module._parameters[name] = nn.Parameter(new)
        for name, old in module._buffers.items():
            if old is not None:
                module._buffers[name] = torch.empty(old.shape, dtype=old.dtype, device=device)
    model._device = torch.device(device, 0)
    return model


def on_a_gpu_without_values(*, backward: bool) -> None:
    """Run all steps on fake tensors of device ``cuda``, which refuse to meet those of the CPU."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    built = [(case, case.build()) for case in cases()]  # torch cannot change the layout of fake parameters
    with FakeTensorMode(allow_non_fake_inputs=False):
        one = torch.ones(3, device="cuda")
        try:
            one + torch.ones(3)
        except RuntimeError:
            pass
        else:
            sys.exit("two devices met, and nothing happened")
        for case, on_cpu in built:
            model = without_values(on_cpu, "cuda")
            stored = inputs(case, "cuda")
            found = train(case, model, stored, backward=backward) + look(case, model, stored)
            elsewhere = {str(tensor.device) for tensor in found} - {"cuda:0"}
            if elsewhere:
                sys.exit(f"{case.name} has results on {', '.join(elsewhere)}")
            print(case.name)


if __name__ == "__main__":
    with torch.set_grad_enabled(sys.argv[1] == "whole"):
        on_a_gpu_without_values(backward=sys.argv[1] == "whole")
