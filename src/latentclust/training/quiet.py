"""Warnings of libraries that say nothing to a user, each with its reason."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

KNOWN = (
    # Hydra has put .hydra/ and the log into the run's folder before the CSV logger looks at it, and no
    # metrics.csv can be there to be lost: a run has a new folder, or has set aside what it had there.
    "Experiment logs directory .* exists and is not empty",
    # A job of a sweep goes on where it was stopped.
    "Checkpoint directory .* exists and is not empty",
    # A continued run has a folder of its own, where its epochs compete for best.ckpt among themselves.
    "The dirpath has changed from",
    # trainer.overfit_batches: the data module has taken the shuffling away before Lightning looks.
    "You requested to overfit but enabled",
    # The user has asked for it.
    "You have turned on `Trainer\\(detect_anomaly=True\\)`",
    "Anomaly Detection has been enabled",
    # Steps are recorded beside the stream that replays them (callbacks/recorded_steps.py); only the
    # device waits there.
    "The AccumulateGrad node's stream does not match the stream of the node",
    # Lightning 2.6's own use of torch's pytree, in lightning/pytorch/utilities/_pytree.py.
    ".*isinstance\\(treespec, LeafSpec\\).* is deprecated",
)


def silence_known_warnings() -> None:
    """Ignore them from here on."""
    for message in KNOWN:
        warnings.filterwarnings("ignore", message)


@contextmanager
def without_known_warnings() -> Iterator[None]:
    """Ignore them within the block alone."""
    with warnings.catch_warnings():
        silence_known_warnings()
        yield
