"""Log the means of the objective's terms over each epoch, and stop when one is not finite."""

from functools import partial
from itertools import groupby
from typing import Any

import lightning as L
import torch
from torch import Tensor

from latentclust.data import Batch
from latentclust.errors import LatentclustError

HINT = (
    "lower model.optimizer.learning_rate (in pretraining model.pretrain.optimizer.learning_rate), "
    "set trainer.gradient_clip_val=1, or use trainer.precision=32-true; the last good checkpoint stays"
)


# Steps whose terms are kept before they are added up: adding takes the host several launches.
KEPT = 256


class ObjectiveTerms(L.Callback):
    """Logs ``train/<term>`` for each term that ``training_step`` returns.

    Sums stay on the device, so no step waits for the host: terms are read, and checked, once per epoch. Where
    processes share the batches, the means are those of all inputs, each counted once.
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self.kept: list[tuple[Tensor, float]] = []
        self.sums: Tensor | None = None
        self.first_bad_steps: Tensor | None = None
        self.n_steps = 0
        self.n_images = 0

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Forget the last epoch."""
        self.kept, self.sums, self.first_bad_steps, self.n_steps, self.n_images = [], None, None, 0, 0

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        """Add a batch's terms, weighted with its images."""
        self.names = list(outputs)
        if trainer.accumulate_grad_batches > 1 and "loss" in outputs:
            # Lightning has divided it, and nothing else, by the steps that share an update.
            outputs = {**outputs, "loss": outputs["loss"] * trainer.accumulate_grad_batches}
        terms = torch.stack([term.detach().float() for term in outputs.values()])
        self.kept.append((terms, batch.share * batch.size))
        self.n_images += batch.size
        if len(self.kept) == KEPT:
            self.add_up()

    def add_up(self) -> None:
        """Add the terms of the kept steps to the sums."""
        if not self.kept:
            return
        terms = torch.stack([terms for terms, _ in self.kept])
        if self.sums is None or self.first_bad_steps is None:
            self.sums = torch.zeros_like(terms[0])
            self.first_bad_steps = torch.full_like(terms[0], torch.inf)
        steps = torch.arange(self.n_steps, self.n_steps + len(terms), device=terms.device, dtype=terms.dtype)
        bad = torch.where(terms.isfinite(), torch.inf, steps[:, None])
        self.first_bad_steps = self.first_bad_steps.minimum(bad.amin(dim=0))
        first = 0
        for weight, alike in groupby(weight for _, weight in self.kept):  # all are equal but the last batch's
            n = len(list(alike))
            self.sums += terms[first : first + n].sum(dim=0) * weight
            first += n
        self.n_steps += len(terms)
        self.kept.clear()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Log the epoch's means.

        Raises
        ------
        LatentclustError
            If a term was not finite: names the epoch and the term that went wrong first.
        """
        self.add_up()
        if self.sums is None or self.first_bad_steps is None:
            return
        reduce = trainer.strategy.reduce
        first_bad_steps = reduce(self.first_bad_steps, reduce_op="min").tolist()
        first = min(first_bad_steps)
        if first < float("inf"):
            # The loss is the sum of the others, so it is named only where it is alone.
            wrong = [name for name, step in zip(self.names, first_bad_steps, strict=True) if step == first]
            wrong = [name for name in wrong if name not in {"loss", "elbo"}] or wrong
            raise LatentclustError(
                f"{' and '.join(wrong)} became NaN or infinite at step {int(first) + 1} of epoch "
                f"{trainer.current_epoch + 1}: {HINT}"
            )
        sums = reduce(self.sums, reduce_op="mean")
        means = (sums / self.n_images).tolist()
        # They are the same in all processes.
        log = partial(pl_module.log, sync_dist=True, rank_zero_only=True)
        for name, mean in zip(self.names, means, strict=True):
            log(f"train/{name}", mean)
