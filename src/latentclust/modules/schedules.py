"""Schedules of the learning rate and of the KL weight, by how far training is."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import cos, pi

import torch
from torch.optim.lr_scheduler import LambdaLR

from latentclust.errors import LatentclustError

SCHEDULES = ("constant", "step", "cosine", "one_cycle")

# One-cycle (Smith and Topin 2018) climbs from 1/25 of the peak during the first 30 % of the steps.
WARM_UP_SHARE = 0.3
FIRST_FACTOR = 1 / 25

# Schedules that end at 0, and where epochs that are added after their end begin.
ENDING = ("cosine", "one_cycle")
ADDED_FACTOR = 0.1


def lr_factor(
    schedule: str, step: int, ends: Sequence[int], *, steps_per_epoch: int, every: int, factor: float
) -> float:
    """Compute what the learning rate is multiplied with at an optimizer step.

    A schedule belongs to the run as it was planned, whenever that stops and goes on. A run that goes on
    beyond its plan follows it to its end. Then ``constant`` and ``step`` simply go on, and the steps that are
    added to ``cosine`` and ``one_cycle``, which have come down to 0, go along half a cosine from a tenth of
    the peak down to 0 again. They do not warm up: that would undo what was learned.

    Parameters
    ----------
    schedule
        ``constant``: 1. ``step``: times ``factor`` after every ``every`` epochs. ``cosine``: from 1 down to 0
        along half a cosine. ``one_cycle``: along half a cosine up to 1, then along another down to 0.
    step
        From 0.
    ends
        Steps of the whole training as it was planned, and with each extension, ascending; a step after the
        last keeps the last value.
    steps_per_epoch
        Steps in one epoch, for ``step``.
    every, factor
        As above.

    Returns
    -------
    float
        In [0, 1] for all but a ``factor`` above 1.

    Raises
    ------
    LatentclustError
        If there is no such schedule.
    """
    if schedule in ENDING:
        for start, end in pairwise(ends):
            if start <= step < end:
                return _half_cosine(ADDED_FACTOR, 0.0, (step - start) / (end - start))
    done = min(step / max(ends[0], 1), 1.0)
    match schedule:
        case "constant":
            return 1.0
        case "step":
            return float(factor ** (step // steps_per_epoch // every))
        case "cosine":
            return _half_cosine(1.0, 0.0, done)
        case "one_cycle" if done < WARM_UP_SHARE:
            return _half_cosine(FIRST_FACTOR, 1.0, done / WARM_UP_SHARE)
        case "one_cycle":
            return _half_cosine(1.0, 0.0, (done - WARM_UP_SHARE) / (1 - WARM_UP_SHARE))
    raise LatentclustError(f"optimizer.schedule is {schedule!r}: choose one of {', '.join(SCHEDULES)}")


def kl_weight(epoch: float, start: float, end: int, fall_epochs: int) -> float:
    """Compute the weight of VaDE's KL terms: ``start``, then on to 1 at a constant ratio.

    Parameters
    ----------
    epoch
        Epochs done, from 0; parts of an epoch count.
    start
        Above 0.
    end
        The epoch from which it is 1.
    fall_epochs
        How many epochs before that it leaves ``start``.

    >>> [round(kl_weight(epoch, 16.0, 3, 2), 3) for epoch in (0, 1, 1.5, 2, 3, 4)]
    [16.0, 16.0, 8.0, 4.0, 1.0, 1.0]
    """
    if epoch >= end:
        return 1.0
    if epoch <= end - fall_epochs:
        return start
    return float(start ** ((end - epoch) / fall_epochs))


def _half_cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + cos(pi * share)) / 2


class PlannedLR(LambdaLR):
    """A learning rate that knows how many steps were planned; checkpoints carry the plan.

    Parameters
    ----------
    optimizer
        Whose learning rates are multiplied.
    factor
        From the step and the plan to what they are multiplied with.
    total_steps
        The plan.

    Attributes
    ----------
    ends
        The steps that were planned, and with each extension, ascending.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        factor: Callable[[int, Sequence[int]], float],
        total_steps: int,
    ) -> None:
        self.ends = [total_steps]
        super().__init__(optimizer, lambda step: factor(step, self.ends))

    def extend(self, total_steps: int) -> bool:
        """Plan as many steps if they are more than before, and say whether they are."""
        more = total_steps > self.ends[-1]
        if more:
            self.ends.append(total_steps)
        return more
