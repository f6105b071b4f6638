"""Each bad input ends in one clear line, exit status 2 and no traceback."""

from pathlib import Path

import pytest
import torch

from latentclust.data import DataModule
from latentclust.modules.objectives import ELBO
from tests.conftest import Command

TINY = "experiment=tiny_vade"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["trainer.max_epoch=3"], "did you mean 'trainer.max_epochs'"),
        (["batch_size=3"], "did you mean 'data.batch_size'"),
        (["modle=vae"], "did you mean 'model'"),
        (["model=vead"], "did you mean 'vade'"),
        (["data=mnits"], "did you mean 'mnist'"),
        (["seed"], "GROUP=CHOICE or KEY=VALUE"),
        (["seed=abc"], "seed is 'abc'"),
        ([TINY, "n_clusters=0"], "n_clusters is 0"),
        ([TINY, "n_clusters=401"], "n_clusters"),
        ([TINY, "model.latent_dim=0"], "model.latent_dim is 0"),
        ([TINY, "data.limit=5000"], "limit=5000"),
        ([TINY, "data.min_images_per_epoch=0"], "data.min_images_per_epoch is 0"),
        ([TINY, "trainer.max_epochs=0"], "trainer.max_epochs is 0"),
        ([TINY, "trainer.max_time=soon"], "trainer.max_time is 'soon'"),
        ([TINY, "trainer.max_time=0:0:0:-5"], "trainer.max_time is '0:0:0:-5'"),
        ([TINY, "trainer.precision=fp32"], "trainer.precision is 'fp32'"),
        ([TINY, "optimized_metric=accuracy"], "optimized_metric is 'accuracy'"),
        ([TINY, "trainer.devices=2", "data.batch_size=1"], "2 devices share each batch: give at least 2"),
        ([TINY, "trainer.devices=2", "trainer.accelerator=mps"], "trainer.accelerator=mps has one device"),
        (["model=kmeans", "data=digits", "trainer=ddp"], "model=kmeans is no network that several devices"),
        ([TINY, "network.widths=[]"], "network.widths is []"),
        ([TINY, "model.gamma=soft"], "model.gamma is 'soft'"),
        (["data=files"], "set data.path="),
        (["ckpt_path=nowhere.ckpt"], "there is no file 'nowhere.ckpt'"),
        (["ckpt_path=last"], "no run under 'outputs' has a checkpoint"),
        ([TINY, "task=evaluate"], "give ckpt_path=last"),
        (["model=null"], "model is null: it must be one of ae, dec, gmm"),
        (["model=3"], "model is 3: it must be one of ae"),
        (["data=[digits,moons]"], "data is ['digits', 'moons']: it must be one of"),
        (["experiment=null"], "experiment is null: it must be one of compare, dec"),
        (["~model"], "model is missing: set model=ae|vae"),
        (["model.optimizer=5"], "model.optimizer is 5: it is a group of keys"),
        (["model.name=foo"], "model.name is 'foo': it must be one of ae"),
        (["task.name=foo"], "task.name is 'foo': it must be one of fit"),
        (["n_clusters=${nowhere}"], "n_clusters: Interpolation key 'nowhere' not found"),
        (["hydra.run.dir=${nowhere}"], "Interpolation key 'nowhere' not found"),
        (["seed=4294967296"], "seed is 4294967296"),
        (["trainer.max_time=999999999999:0:0:0"], "trainer.max_time is '999999999999:0:0:0'"),
        (["augment.shear=1e300"], "augment.shear is 1e+300: it must be a number, at most 10"),
        (["+foo=1"], "there is no key or group 'foo'"),
        (["+trainer.fast_dev_runs=true"], "did you mean 'trainer.fast_dev_run'"),
        (["+trainer.max_steps=3"], "give trainer.max_epochs, and trainer.limit_train_batches"),
        (["trainer.strategy=fsdp"], "trainer.strategy is 'fsdp'"),
        (["+seed=1"], "seed is there already: write seed=... without a +"),
        (["+model=vae"], "model is there already: write model=... without a +"),
        (["--nonsense"], "unrecognized arguments: --nonsense"),
        (["--config-dir", "nowhere"], "there is no folder"),
        (
            ["data.path=x.npz"],
            "data=mnist has no data.path; data=files, folder, table has: give data=files too",
        ),
        (
            ["data=digits", "data.root=x"],
            "data=digits has no data.root; data=mnist, fashion_mnist, torchvision has",
        ),
        (["epochs=3"], "did you mean 'trainer.max_epochs'"),
        (["lr=1"], "did you mean 'model.optimizer.learning_rate'"),
        (["model.lr=1"], "did you mean 'model.optimizer.learning_rate'"),
        (["k=3"], "did you mean 'n_clusters'"),
        (["trainr.max_epochs=3"], "'trainr.max_epochs' (did you mean 'trainer.max_epochs'?)"),
        (
            ["accelerator.precision=32-true"],
            "accelerator has choices, not keys (did you mean 'trainer.precision'?)",
        ),
        (["debug.profiler=simple"], "debug has choices, not keys (did you mean 'trainer.profiler'?)"),
        (["launcher.n_jobs=2"], "choices, not keys (did you mean 'hydra.launcher.n_jobs'?)"),
        (["experiment.foo=1"], "experiment has choices, not keys; see --help"),
        (["search.n_trials=3"], "search.n_trials is for a search: add task=search, or leave it out"),
        (["-m", "seed=0,1", "search=network"], "search is for a search: add task=search"),
        (["gpus=1"], "did you mean 'accelerator=gpu'"),
        (["task=train"], "did you mean 'fit'"),
        (["model.n_clusters=15"], "model.n_clusters is now n_clusters: write n_clusters=15"),
        (["+model.n_clusters=15"], "model.n_clusters is now n_clusters: write n_clusters=15"),
        (["-m", "model=ae,vae,vade", "model.refit_at=[]"], "model=ae has no model.refit_at; model=vade has"),
        (["-m", "seed=1,2,x", "n_clusters=3,4"], "seed is 'x'"),
        (["-m", f"seed={','.join(map(str, range(1000, 2000)))}", "n_clusters=1,2,3,0"], "n_clusters is 0"),
        (["optimized_metric=test/elbo"], "data.pool=all has none of that name"),
        (["model=ae", "optimized_metric=train/kl_c"], "model=ae, data=mnist"),
        ([TINY, "model.warmup.kl_weight=5"], "model.warmup.hold_epochs is 0, so no epoch has it"),
        (["model.warmup.kl_epochs=5"], "it must be at most model.warmup.hold_epochs, which is 4"),
        (["data=moons"], "data=moons are points"),
        (["task=report", "run=nowhere"], "run: there is no folder 'nowhere': give that of a run"),
        (["=3"], "'=3' has no key: write GROUP=CHOICE or KEY=VALUE"),
        (["-m", "seed=1,2", "=vae"], "'=vae' has no key"),
        (["+=3"], "'+=3' has no key"),
        (["~"], "'~' has no key"),
        (["preprocess=standardise"], "the step 'standardise' (did you mean 'standardize'?): it must be one"),
        (
            ["data=files", "data.path=nowhere.npz"],
            "data.path: no file 'nowhere.npz' can be found: mind the path",
        ),
        (["data=folder", "data.path=nowhere"], "data.path: no folder 'nowhere' can be found"),
        (["-m", "seed=1,2", "data=table", "data.path=nowhere.csv"], "no file 'nowhere.csv' can be found"),
        (["data=files", "data.path='~nobody-at-all/x.npz'"], "no file '~nobody-at-all/x.npz' can be found"),
        (["preprocess=[unit,pca]"], "the step 'pca': it must be one of unit, standardize"),
        (["-m", "preprocess=auto,standardise"], "did you mean 'standardize'"),
    ],
)
def test_one_clear_line(latentclust: Command, arguments: list[str], said: str, tmp_path: Path) -> None:
    outcome = latentclust(*arguments)
    assert outcome.status == 2
    assert said in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1
    assert outcome.err.startswith("latentclust: ")
    of_the_data = ("n_clusters=401", "data.batch_size=401", "data.limit=5000")  # known when it is loaded
    if not set(of_the_data) & set(arguments):
        assert not list(tmp_path.iterdir())


@pytest.mark.skipif(
    torch.cuda.is_available() or torch.backends.mps.is_available(), reason="this machine has a GPU"
)
def test_a_gpu_that_is_not_there(latentclust: Command) -> None:
    for arguments in (["trainer.accelerator=gpu"], ["accelerator=gpu", "trainer.accelerator=mps"]):
        outcome = latentclust(TINY, *arguments)
        assert outcome.status == 2
        assert "choose trainer.accelerator=cpu or auto" in outcome.err


def test_a_cut_off_checkpoint_and_a_foreign_one(
    trained: Command, latentclust: Command, tmp_path: Path
) -> None:
    run = trained("experiment=tiny_ae", "trainer.max_epochs=1")
    assert run.folder is not None
    whole = (run.folder / "checkpoints/last.ckpt").read_bytes()
    (tmp_path / "cut.ckpt").write_bytes(whole[: len(whole) // 2])
    torch.save({"state_dict": {}}, tmp_path / "foreign.ckpt")
    (tmp_path / "text.ckpt").write_text("hello")
    for name, said in (("cut", "cut off"), ("foreign", "not written by latentclust"), ("text", "cut off")):
        outcome = latentclust(f"ckpt_path={name}.ckpt")
        assert outcome.status == 2
        assert said in outcome.err
        assert len(outcome.err.strip().splitlines()) == 1


def test_a_checkpoint_of_another_model(trained: Command, latentclust: Command) -> None:
    trained("experiment=tiny_ae", "trainer.max_epochs=1")
    outcome = latentclust("task=evaluate", "ckpt_path=last", "experiment=tiny_vade")
    assert outcome.status == 2
    assert "holds a model of class AE, not VaDE" in outcome.err


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("seed=1", "has seed 0, the settings give 1: that is behind the run; leave seed out or give seed=0"),
        ("init=kmeans", "has init gmm, the settings give kmeans"),
        ("init.n_init=2", "has init.n_init 1, the settings give 2"),
        ("model.pretrain.max_epochs=3", "has model.pretrain.max_epochs 2, the settings give 3"),
        ("model.log_var_init=mean", "has model.log_var_init -3.0, the settings give mean"),
    ],
)
def test_what_is_behind_a_run_is_not_changed(
    trained: Command, latentclust: Command, monkeypatch: pytest.MonkeyPatch, argument: str, said: str
) -> None:
    trained(TINY)
    monkeypatch.setattr(DataModule, "setup", lambda *arguments: pytest.fail("the data were loaded"))
    outcome = latentclust("ckpt_path=last", argument)
    assert outcome.status == 2
    assert said in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("model.latent_dim=5", "has latent_dim 4, the settings give 5"),
        ("network.widths=[8]", "has widths"),
        ("model.likelihood=gaussian", "has likelihood squared_error, the settings give gaussian"),
        ("trainer.max_epochs=1", "has 2 epochs behind it"),
        ("model=vae", "holds a model of class AE, not VAE"),
    ],
)
def test_a_continuation_that_does_not_fit(
    trained: Command, latentclust: Command, argument: str, said: str
) -> None:
    trained("experiment=tiny_ae", "trainer.max_epochs=2")
    outcome = latentclust("ckpt_path=last", argument)
    assert outcome.status == 2
    assert said in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1


def test_folders_that_cannot_be_used(latentclust: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for argument in ("output_dir=file/runs", "data.root=file"):
        outcome = latentclust("trainer.enable_progress_bar=false", argument)
        assert outcome.status == 2
        assert "file" in outcome.err
        assert len(outcome.err.strip().splitlines()) == 1


def test_a_loss_that_is_not_a_number(latentclust: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    import latentclust.models.vade as module

    honest, calls = module.vade_elbo, []

    def broken(*arguments: object) -> ELBO:
        bound = honest(*arguments)  # type: ignore[arg-type]
        calls.append(1)
        # 8 steps make an epoch: this is the third of the second one.
        return bound._replace(kl_c=bound.kl_c * float("nan")) if len(calls) == 11 else bound

    monkeypatch.setattr(module, "vade_elbo", broken)
    outcome = latentclust(TINY)
    assert outcome.status == 2
    assert "kl_c became NaN or infinite at step 3 of epoch 2" in outcome.err
    assert "learning_rate" in outcome.err
    weights = outcome.weights()
    assert all(tensor.isfinite().all() for tensor in weights.values())
    monkeypatch.setattr(module, "vade_elbo", honest)
    assert latentclust("ckpt_path=last").status == 0


def test_tracebacks_on_demand(latentclust: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    from latentclust import cli

    monkeypatch.setattr(cli, "WITH_TRACEBACKS", True)
    with pytest.raises(Exception, match="max_epoch"):
        latentclust("trainer.max_epoch=3")
