"""What can be run: one file per task, config in, objects wired, result out."""

from omegaconf import DictConfig

from latentclust.clustering.partitions import PARTITIONS
from latentclust.tasks.evaluate import evaluate
from latentclust.tasks.figures import redraw
from latentclust.tasks.fit import fit
from latentclust.tasks.generate import generate
from latentclust.tasks.partition import fit_partition
from latentclust.tasks.predict import predict
from latentclust.tasks.report import report
from latentclust.training.quiet import silence_known_warnings

TASKS = {
    "fit": fit,
    "evaluate": evaluate,
    "predict": predict,
    "generate": generate,
    "figures": redraw,
    "report": report,
}


def run_task(cfg: DictConfig) -> float | None:
    """Run the task that ``cfg.task.name`` names and return its metric for a sweeper, if it has one."""
    silence_known_warnings()
    if cfg.task.name == "fit" and cfg.model.name in PARTITIONS:
        return fit_partition(cfg)
    return TASKS[cfg.task.name](cfg)
