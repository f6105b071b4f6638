"""Several devices train one model as one device would; here two processes on the CPU."""

import os
from typing import Any

import pytest
import torch

from latentclust import engine
from latentclust.data import DigitsDataModule
from latentclust.errors import LatentclustError
from latentclust.hardware import cores
from latentclust.processes import world_size
from latentclust.settings import settings_for
from tests.conftest import Command, Outcome

# Batch normalization, k-means in the codes, then targets of the whole pool: and no noise is drawn.
TWO_STAGES = (
    "experiment=tiny_idec",
    "network=conv",
    "network.channels=[4]",
    "network.widths=[16]",
    "data.limit=301",
    "data.batch_size=50",
    "model.pretrain.max_epochs=2",
    "trainer.max_epochs=2",
)
TOLERANCE = 1e-4  # relative: sums of float32 in another order


def history(outcome: Outcome, file: str = "checkpoints/last.ckpt") -> dict[str, Any]:
    assert outcome.folder is not None
    checkpoint = torch.load(outcome.folder / file, weights_only=True)
    return next(state for name, state in checkpoint["callbacks"].items() if name.startswith("History"))[
        "metrics"
    ]


@pytest.mark.skipif(cores() < 2, reason="needs two cores")
@pytest.mark.long
def test_two_processes_train_what_one_does(latentclust: Command, capfd: pytest.CaptureFixture[str]) -> None:
    alone = latentclust(*TWO_STAGES, "output_dir=outputs/alone")
    assert alone.status == 0, alone.err
    environment, threads = dict(os.environ), torch.get_num_threads()
    both = latentclust(*TWO_STAGES, "trainer=ddp", "output_dir=outputs/both")
    assert both.status == 0, both.err
    assert both.err == ""
    assert alone.folder is not None
    assert both.folder is not None

    # The same epochs, the same model, the same clusters.
    before, after = history(alone), history(both)
    assert before.keys() == after.keys()
    for name in ("train/loss", "train/reconstruction", "train/kl", "learning_rate/networks"):
        assert len(after[name]) == 2
        # KL is a small difference of large numbers.
        tolerance = 0.02 if name == "train/kl" else TOLERANCE
        assert [v for _, v in after[name]] == pytest.approx([v for _, v in before[name]], rel=tolerance)
    assert len(after["cluster/acc"]) == 3
    # Of 301 inputs some lie between two clusters of the start.
    assert [v for _, v in after["cluster/acc"]] == pytest.approx(
        [v for _, v in before["cluster/acc"]], abs=0.02
    )
    for name, tensor in alone.weights().items():
        if name.endswith("trunk.0.bias"):  # normalization takes it away: its gradient is rounding alone
            continue
        torch.testing.assert_close(both.weights()[name], tensor, rtol=1e-2, atol=1e-3)
    assert both.summary["results"][-1]["pool"] == pytest.approx(
        alone.summary["results"][-1]["pool"], rel=1e-6
    )
    assert "2 processes" in both.summary["device"]

    # One run, written and said once, of which nothing is left.
    files = [
        sorted(str(p.relative_to(run)) for p in run.rglob("*") if "tfevents" not in p.name)
        for run in (alone.folder, both.folder)
    ]
    assert files[0] == files[1]
    assert len(list(both.folder.parents[1].glob("*/*/.hydra"))) == 1
    assert both.out.count("\ntrain epoch 1/2") == 1
    assert len(both.out.splitlines()) == len(alone.out.splitlines())
    assert dict(os.environ) == environment
    assert (torch.get_num_threads(), world_size()) == (threads, 1)


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        ((f"trainer.devices={cores() + 1}",), {}, f"this machine has {cores()} CPU core"),
        (("trainer.num_nodes=2",), {}, "start the command with srun or torchrun"),
        (
            ("trainer.num_nodes=2",),
            {"SLURM_NTASKS": "3", "SLURM_PROCID": "0"},
            "3 processes were started, and trainer.devices x trainer.num_nodes is 2: make them equal",
        ),
        (
            ("trainer.num_nodes=2",),
            {"SLURM_NTASKS": "3", "SLURM_PROCID": "1"},
            "process 2 of 3: 3 processes were started",
        ),
        (
            ("trainer.num_nodes=2",),
            {"SLURM_NTASKS": "2", "SLURM_PROCID": "0"},
            "the processes cannot meet: You set `--ntasks=2` in your SLURM bash script",
        ),
        (
            ("seed=0,1", "trainer.num_nodes=2", "-m"),
            {"SLURM_NTASKS": "2", "SLURM_PROCID": "0"},
            "a sweep or a search starts the processes of its jobs itself",
        ),
        (
            ("task=search", "search=ae", "trainer.num_nodes=2"),
            {"SLURM_NTASKS": "2", "SLURM_PROCID": "1"},
            "a sweep or a search starts the processes of its jobs itself",
        ),
    ],
)
def test_what_the_machine_has_not_is_refused(
    latentclust: Command,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    environment: dict[str, str],
    said: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    outcome = latentclust("experiment=tiny_ae", *arguments)
    assert outcome.status == 2
    assert said in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1


def test_python_has_one_device() -> None:
    settings = settings_for("ae", **{"trainer.devices": 2})
    with pytest.raises(LatentclustError, match="several devices train by the command line alone"):
        engine.fit(DigitsDataModule(limit=300), settings)
