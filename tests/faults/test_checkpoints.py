"""Checkpoints that are damaged, incomplete, of other data, or made by somebody with bad intentions."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from latentclust.runs.checkpoints import read_checkpoint
from latentclust.runs.finding import is_whole
from latentclust.runs.run import Run
from latentclust.vetting import Vocabulary, config_dirs
from tests.conftest import REPOSITORY, TINY_CONF, Command, same_weights
from tests.faults.harness import one_line

CONF = REPOSITORY / "conf"
AE = "experiment=tiny_ae"


@pytest.fixture(scope="module")
def a_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], dict[str, Any]]:
    """Give the content of a checkpoint of one epoch of the tiny AE, trained by the first who asks."""
    kept = tmp_path_factory.mktemp("kept") / "last.ckpt"

    def content(trained: Path | None = None) -> dict[str, Any]:
        if trained is not None:
            shutil.copy(trained, kept)
        return torch.load(kept, weights_only=True)

    content.path = kept  # type: ignore[attr-defined]
    return content


@pytest.fixture
def checkpoint(latentclust: Command, tmp_path: Path, a_checkpoint: Any) -> dict[str, Any]:
    """The content of a sound checkpoint, to be damaged."""
    if not a_checkpoint.path.exists():
        run = latentclust(AE, "trainer.max_epochs=1")
        assert run.folder is not None
        a_checkpoint(run.folder / "checkpoints/last.ckpt")
        shutil.rmtree(tmp_path / "outputs")
    return a_checkpoint()


def without(*path: str) -> Callable[[dict[str, Any]], None]:
    """Damage: leave out a part."""

    def damage(content: dict[str, Any]) -> None:
        for name in path[:-1]:
            content = content[name]
        del content[path[-1]]

    return damage


def with_value(value: Any, *path: str) -> Callable[[dict[str, Any]], None]:
    """Damage: put something else in a place."""

    def damage(content: dict[str, Any]) -> None:
        for name in path[:-1]:
            content = content[name]
        content[path[-1]] = value

    return damage


DAMAGES = {
    "no record": without("latentclust"),
    "a record that is none": with_value([1], "latentclust"),
    "no stage": without("latentclust", "stage"),
    "another stage": with_value("x", "latentclust", "stage"),
    "no overrides": without("latentclust", "overrides"),
    "overrides of numbers": with_value([1], "latentclust", "overrides"),
    "no model's class": without("latentclust", "model"),
    "another class": with_value("VaDE", "latentclust", "model"),
    "no hyper-parameters": without("hyper_parameters"),
    "hyper-parameters that call": with_value("os.system", "hyper_parameters", "_instantiator"),
    "empty hyper-parameters": with_value({}, "hyper_parameters"),
    "no state": without("state_dict"),
    "an empty state": with_value({}, "state_dict"),
    "a state of numbers": with_value({"a": 1}, "state_dict"),
    "other weights": with_value({"a": torch.zeros(1)}, "state_dict"),
    "no loops": without("loops"),
    "empty loops": with_value({}, "loops"),
    "half of the loops": with_value({"epoch_progress": {"current": {"processed": 1}}}, "loops", "fit_loop"),
    "no callbacks": without("callbacks"),
    "a history that is none": with_value(3, "callbacks", "History"),
    "no optimizer": with_value([], "optimizer_states"),
    "a nonsense optimizer": with_value([{"state": {}}], "optimizer_states"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_an_incomplete_checkpoint_ends_in_one_line(
    latentclust: Command, tmp_path: Path, checkpoint: dict[str, Any], damage: Callable[[dict[str, Any]], None]
) -> None:
    damage(checkpoint)
    torch.save(checkpoint, tmp_path / "broken.ckpt")
    outcome = latentclust(AE, "trainer.max_epochs=2", "ckpt_path=broken.ckpt")
    assert outcome.status == 2
    assert "broken.ckpt" in one_line(outcome.err)


@pytest.mark.parametrize("task", ["evaluate", "predict", "figures", "generate"])
def test_no_task_uses_weights_that_do_not_fit(
    latentclust: Command, tmp_path: Path, checkpoint: dict[str, Any], task: str
) -> None:
    with_value({"a": torch.zeros(1)}, "state_dict")(checkpoint)
    torch.save(checkpoint, tmp_path / "broken.ckpt")
    outcome = latentclust(AE, f"task={task}", "ckpt_path=broken.ckpt")
    assert outcome.status == 2
    one_line(outcome.err)


def test_generate_wants_the_model_of_the_checkpoint(
    latentclust: Command, tmp_path: Path, checkpoint: dict[str, Any]
) -> None:
    torch.save(checkpoint, tmp_path / "ae.ckpt")
    for model in ("vae", "vade"):
        outcome = latentclust("task=generate", "ckpt_path=ae.ckpt", f"model={model}")
        assert outcome.status == 2
        assert "holds a model of class AE" in one_line(outcome.err)
    with_value({"widths": "x"}, "hyper_parameters")(checkpoint)
    with_value("VAE", "latentclust", "model")(checkpoint)
    torch.save(checkpoint, tmp_path / "odd.ckpt")
    outcome = latentclust("task=generate", "ckpt_path=odd.ckpt", "model=vae")
    assert outcome.status == 2
    assert "settings that no VAE can have" in one_line(outcome.err)


def test_every_flipped_byte_is_noticed_or_changes_nothing(
    tmp_path: Path, checkpoint: dict[str, Any], a_checkpoint: Any
) -> None:
    sound = a_checkpoint.path.read_bytes()
    path = tmp_path / "flipped.ckpt"
    noticed = 0
    for place in np.random.default_rng(0).integers(len(sound), size=150):
        content = bytearray(sound)
        content[place] ^= 0x10
        path.write_bytes(content)
        if is_whole(path):
            assert same_weights(read_checkpoint(path)["state_dict"], checkpoint["state_dict"])
        else:
            noticed += 1
    assert noticed > 100


def flip(path: Path) -> None:
    """Change one byte in the middle of a file, and keep its date."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_last_passes_over_what_is_damaged(latentclust: Command, tmp_path: Path) -> None:
    latentclust(AE, "trainer.max_epochs=1")
    newest = latentclust(AE, "trainer.max_epochs=2", "seed=5").folder
    assert newest is not None
    flip(newest / "checkpoints/last.ckpt")
    outcome = latentclust("task=evaluate", "ckpt_path=last")
    assert outcome.status == 0, outcome.err
    assert f"'{newest.relative_to(tmp_path)}/checkpoints/last.ckpt' cannot be read" in one_line(outcome.err)
    assert f"{newest}/checkpoints/best.ckpt' instead" in outcome.err
    assert outcome.summary["seed"] == 5
    named = latentclust("task=evaluate", f"ckpt_path={newest}/checkpoints/last.ckpt")
    assert named.status == 2  # another model than the one that was named would be a wrong answer
    assert f"ckpt_path={newest}/checkpoints/best.ckpt" in one_line(named.err)
    advice = Run(newest, ["seed=5"]).how_to_continue()
    assert advice == f"continue with: python -m latentclust ckpt_path={newest}/checkpoints/best.ckpt"
    flip(newest / "checkpoints/best.ckpt")
    advice = Run(newest, ["seed=5"]).how_to_continue()
    assert advice.endswith("start again with: python -m latentclust seed=5")
    older = latentclust("task=evaluate", "ckpt_path=last")
    assert older.summary["seed"] == 0
    for path in tmp_path.glob("outputs/*/*/checkpoints/*.ckpt"):
        path.write_bytes(b"")
    none = latentclust("task=evaluate", "ckpt_path=last")
    assert none.status == 2
    assert "can be read" in one_line(none.err)


# What a stranger may write into a checkpoint, and what the refusal says.
HOSTILE = {
    "+hydra.callbacks.x={_target_:os.system,command:touch hit}": "set up the program",
    "hydra.callbacks={x:{_target_:os.system}}": "set up the program",
    "++hydra.job.chdir=true": "set up the program",
    "hydra.run.dir=elsewhere": "set up the program",
    "hydra.sweep.dir=elsewhere": "set up the program",
    "hydra.searchpath=[file:///tmp]": "set up the program",
    "hydra/launcher=joblib": "set up the program",
    "hydra=x": "set up the program",
    "--config-dir=/tmp": "it is no override",
    "--multirun": "it is no override",
    "-m": "it is no override",
    "output_dir=${oc.env:HOME}": "refers to something else",
    "output_dir='${oc.env:HOME}'": "refers to something else",
    r"output_dir=$\{oc.env:HOME\}": "refers to something else",
    "network.widths=[1,'${seed}']": "refers to something else",
    "seed=1,2": "several values",
    "seed=range(100)": "several values",
    "data.path=glob(*)": "several values",
    "+foo=1": "no such key",
    "+model._target_=os.system": "no such key",
    "model.optimizer={_target_:os.system}": "no such key",
    "network.widths=[{_target_:os.system}]": "not plain",
    "model@trainer=vade": "no such key",
    "model=../../secret": "no such choice",
    "experiment=nowhere": "no such choice",
    "experiment=[tiny_ae,nowhere]": "no such choice",
    "ckpt_path=other.ckpt": "of one call",
    "task=report": "of one call",
    "model": "cannot be read",
    "seed=1 seed=2": "cannot be read",
    "data.path='\x1b[2J'": "it is no override",
}


@pytest.mark.parametrize(("text", "said"), HOSTILE.items())
def test_an_override_of_a_strangers_checkpoint_is_refused(text: str, said: str) -> None:
    assert said in str(Vocabulary((CONF, TINY_CONF)).objection(text))


@pytest.mark.parametrize(
    "text",
    [
        "model=vade",
        "experiment=tiny_ae",
        "experiment=lab/exercise1_ae",
        "experiment=null",
        "experiment=[tiny_ae,vade_plain]",
        "seed=7",
        "network.widths=[32,16]",
        "model.optimizer.learning_rate=1e-3",
        "model.optimizer={learning_rate:1e-3,schedule:constant}",
        "+data.limit=400",
        "~trainer.max_time",
        "trainer.max_time=00:01:00:00",
        "trainer.max_time=null",
        "data.path='/my files/x=1,2.npz'",
        "output_dir=/somewhere",
        "accelerator=cpu",
        "trainer.accelerator=cpu",
        "callbacks.checkpoint.seconds_apart=0",
        "optimized_metric=cluster/acc",
    ],
)
def test_an_override_of_our_own_runs_is_taken(text: str) -> None:
    assert Vocabulary((CONF, TINY_CONF)).objection(text) is None


def test_choices_of_the_users_own_folder_count(tmp_path: Path) -> None:
    for arguments in (
        ["--config-dir", str(TINY_CONF)],
        [f"--config-dir={TINY_CONF}"],
        ["-cd", str(TINY_CONF)],
    ):
        assert config_dirs(["model=ae", *arguments, "seed=1"]) == [TINY_CONF]
    assert "no such choice" in str(Vocabulary((CONF,)).objection(AE))


def test_a_strangers_checkpoint_runs_no_code(
    latentclust: Command, tmp_path: Path, checkpoint: dict[str, Any]
) -> None:
    attack = "+hydra.callbacks.x={_target_:pathlib.Path.touch,self:" + str(tmp_path / "hit") + "}"
    for override in (attack, f"hydra.run.dir={tmp_path}/elsewhere", f"--config-dir={tmp_path}"):
        checkpoint["latentclust"]["overrides"] = [AE, override]
        torch.save(checkpoint, tmp_path / "gift.ckpt")
        for task in ("fit", "evaluate", "predict", "generate"):
            outcome = latentclust(f"task={task}", "ckpt_path=gift.ckpt")
            assert outcome.status == 2
            assert "is not taken from a file" in one_line(outcome.err)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gift.ckpt"]


def test_a_strangers_checkpoint_does_not_choose_where_to_write(
    latentclust: Command, tmp_path: Path, checkpoint: dict[str, Any]
) -> None:
    checkpoint["latentclust"]["overrides"] = [AE, f"output_dir={tmp_path}/theirs"]
    torch.save(checkpoint, tmp_path / "gift.ckpt")
    assert latentclust("task=predict", "ckpt_path=gift.ckpt").status == 0
    assert not (tmp_path / "theirs").exists()
    mine = f"output_dir={tmp_path}/mine"
    latentclust(AE, "trainer.max_epochs=1", mine)
    (path,) = tmp_path.glob("mine/*/*/checkpoints/last.ckpt")
    assert latentclust(f"ckpt_path={path}", "trainer.max_epochs=2").status == 0
    assert len(list(tmp_path.glob("mine/*/*/checkpoints/last.ckpt"))) == 2


def images_file(path: Path, n: int, side: int = 8, seed: int = 0) -> str:
    rng = np.random.default_rng(seed)
    np.savez(path, images=rng.integers(0, 256, size=(n, side, side), dtype=np.uint8))
    return f"data.path={path}"


@pytest.mark.long
def test_a_run_goes_on_with_its_own_images_only(latentclust: Command, tmp_path: Path) -> None:
    def of(name: str, n: int, **options: int) -> list[str]:
        return [images_file(tmp_path / f"{name}.npz", n, **options)]

    files = ["data=files", "data.limit=null", "data.batch_size=50", "n_clusters=3"]
    mine = of("mine", 100)
    first = latentclust("experiment=tiny_vade", *files, *mine, "trainer.max_epochs=1")
    assert first.status == 0, first.err
    path = f"ckpt_path={first.folder}/checkpoints/last.ckpt"
    others = [of("as_many", 100, seed=1), of("fewer", 90), of("more", 120), ["data.limit=80"]]
    for other in others:
        outcome = latentclust(path, "trainer.max_epochs=2", *other)
        assert outcome.status == 2
        assert "was trained on files (100 images of 1 x 8 x 8" in one_line(outcome.err)
    larger = latentclust(path, "trainer.max_epochs=2", *of("larger", 100, side=10))
    assert larger.status == 2
    one_line(larger.err)
    # Another name, the same images.
    shutil.copy(tmp_path / "mine.npz", tmp_path / "moved.npz")
    moved = latentclust(path, "trainer.max_epochs=2", f"data.path={tmp_path}/moved.npz")
    assert moved.status == 0, moved.err
    # A trained model may look at other images of its shape.
    predicted = latentclust("task=predict", path, *of("new", 130, seed=2))
    assert predicted.status == 0, predicted.err
    with np.load(predicted.folder / "predictions.npz") as arrays:
        assert len(arrays["clusters"]) == 130
    refused = latentclust("task=predict", path, *of("large", 130, side=10))
    assert refused.status == 2
    assert "input_shape" in one_line(refused.err)


def test_a_checkpoint_of_before_the_fingerprint_goes_on_with_a_warning(
    latentclust: Command, tmp_path: Path, checkpoint: dict[str, Any]
) -> None:
    without("latentclust", "data")(checkpoint)
    torch.save(checkpoint, tmp_path / "old.ckpt")
    outcome = latentclust("ckpt_path=old.ckpt", "trainer.max_epochs=2")
    assert outcome.status == 0, outcome.err
    assert "is not checked" in outcome.summary["warnings"][0]


@pytest.mark.long
def test_a_finished_run_leaves_a_checkpoint_when_it_is_continued(latentclust: Command) -> None:
    command = [AE, "model.optimizer.schedule=constant"]
    whole = latentclust(*command)
    half = latentclust(*command, "trainer.max_epochs=2")
    again = latentclust("ckpt_path=last")
    assert again.status == 0
    assert again.folder != half.folder
    assert "nothing is left to train" in again.out
    assert same_weights(half.weights(), again.weights())
    assert again.summary["results"] == half.summary["results"]
    continued = latentclust("ckpt_path=last", "trainer.max_epochs=3")  # of the new folder
    assert same_weights(whole.weights(), continued.weights())
