"""What can be run: one file per task, settings and a run in, a metric for a sweeper out."""

from collections.abc import Callable

from latentclust.runs.run import Run
from latentclust.settings import Settings
from latentclust.tasks.compare import compare
from latentclust.tasks.evaluate import evaluate
from latentclust.tasks.export import export_model
from latentclust.tasks.figures import redraw
from latentclust.tasks.fit import fit
from latentclust.tasks.generate import generate
from latentclust.tasks.merge import merge
from latentclust.tasks.predict import predict
from latentclust.tasks.report import report

Task = Callable[[Settings, Run], float | None]

TASKS: dict[str, Task] = {
    "fit": fit,
    "evaluate": evaluate,
    "predict": predict,
    "generate": generate,
    "export": export_model,
    "figures": redraw,
    "report": report,
    "merge": merge,
    "compare": compare,
}
