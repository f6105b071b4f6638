"""Measure a trained model."""

from omegaconf import DictConfig

from latentclust.data import ImageDataModule
from latentclust.errors import LatentclustError
from latentclust.hardware import choose_accelerator
from latentclust.models import LatentModel
from latentclust.tasks.measure import measure
from latentclust.tasks.run import Run
from latentclust.tasks.summary import Summary, conclude
from latentclust.tasks.wiring import MODELS, build_data


def evaluate(cfg: DictConfig) -> float | None:
    """Measure the model of ``cfg.ckpt_path`` on its data and write ``summary.json``.

    Returns
    -------
    float | None
        Its accuracy on the pool; None for unlabeled images.
    """
    run = Run.begin(cfg)
    with run.timed("data"):
        data, model = load_trained(cfg, run)
    with run.timed("evaluate"):
        results = measure(cfg, data, model)
    summary = Summary.of(cfg, run, model, results, {})
    conclude(run, summary, results)
    return results[-1].pool.acc


def load_trained(cfg: DictConfig, run: Run) -> tuple[ImageDataModule, LatentModel]:
    """Load the images onto the device and the model that ``cfg.ckpt_path`` holds.

    Raises
    ------
    LatentclustError
        If there is no checkpoint, or it is of the pretraining, or it does not fit the images.
    """
    if run.checkpoint is None:
        raise LatentclustError(
            f"task={cfg.task.name} needs a trained model: give ckpt_path=last or a .ckpt file"
        )
    if run.stage != "train":
        raise LatentclustError(
            f"ckpt_path: '{run.checkpoint}' is of a pretraining; finish its run first, with task=fit"
        )
    device = {"cuda": "cuda", "mps": "mps"}.get(choose_accelerator(cfg.trainer.accelerator), "cpu")
    data = build_data(cfg).to(device)
    try:
        model = MODELS[cfg.model.name].load_from_checkpoint(
            run.checkpoint, map_location=device, weights_only=True
        )
    except (RuntimeError, TypeError) as error:
        raise LatentclustError(
            f"ckpt_path: '{run.checkpoint}' holds no {cfg.model.name} of these settings; leave out model=..."
        ) from error
    if list(data.input_shape) != list(model.hparams["input_shape"]):
        raise LatentclustError(
            f"the model was trained on images of shape {tuple(model.hparams['input_shape'])}, "
            f"data={cfg.data.name} has {data.input_shape}"
        )
    return data, model.to(device).eval()
