"""Draw a trained model again, with other settings perhaps."""

from omegaconf import DictConfig

from latentclust.gallery.show import show, write_report
from latentclust.models import Pretrains
from latentclust.runs.checkpoints import read_checkpoint
from latentclust.runs.pretrained import cached_autoencoder
from latentclust.runs.run import Run
from latentclust.runs.summary import Summary, conclude
from latentclust.tasks.evaluate import load_trained, require_trained
from latentclust.training.measuring import measure


def redraw(cfg: DictConfig) -> None:
    """Measure the model of ``cfg.ckpt_path``, and write ``figures/*.png`` and ``report.html``."""
    run = Run.begin(cfg)
    with run.timed("data"):
        data, model = load_trained(cfg, run)
    with run.timed("evaluate"):
        autoencoder = cached_autoencoder(cfg, data) if isinstance(model, Pretrains) else None
        results = measure(cfg, data, model, autoencoder)
    history = read_checkpoint(require_trained(cfg, run))["callbacks"].get("History", {}).get("metrics", {})
    with run.timed("show"):
        show(cfg, run, data, model, results, history)
    summary = Summary.of(cfg, run, model, results, {})
    summary.write(run)
    write_report(run.folder)
    conclude(run, summary, results)
