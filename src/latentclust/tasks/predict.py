"""Write what a trained model says of every image."""

from typing import Any

import numpy as np

from latentclust.atomic import whole_file
from latentclust.data.incoming import open_inputs
from latentclust.data.mapped import InputRows
from latentclust.hardware import choose_accelerator
from latentclust.models import LatentModel
from latentclust.runs.assignments import require_parquet, write_assignments
from latentclust.runs.describing import rows_of_new
from latentclust.runs.rebuilding import whole_model
from latentclust.runs.run import Run, tell
from latentclust.settings import Settings
from latentclust.tasks.evaluate import assign, begin, load_trained, require_trained
from latentclust.training.inference import in_chunks, require_finite


def predict(settings: Settings, run: Run) -> None:
    """Write ``predictions.npz``: the pool's codes (N, D), clusters (N,) and responsibilities (N, K).

    Inputs that the pool leaves out (``data.pool=train``) get ``test_codes``, ``test_clusters`` and
    ``test_responsibilities``. An AE or a VAE has the clusters of the mixture that was fitted to its codes
    when its training was over; its checkpoint carries it, so an input has the same cluster in every call.

    A pool that stays in its file has no ``predictions.npz``, which would hold it all.

    Beside it lies ``assignments.csv``. With ``input`` that alone is written, of the inputs there.
    """
    if settings.input is not None:
        predict_new(settings, run, settings.input)
        return
    data, model, _ = load_trained(settings, run)
    if data.streams:
        assign(settings, run, data, model)
        tell(
            f"A row for each input: {run.folder / 'assignments.csv'}. They stay in their file: there "
            "is no predictions.npz; output.codes=true writes the codes"
        )
        return
    arrays, of_what = predictions(model, data.pool.inputs), f"{len(data.pool)} {data.kind}s of the pool"
    if data.held_out is not None:
        held_out = predictions(model, data.held_out.inputs)
        arrays |= {f"test_{name}": array for name, array in held_out.items()}
        of_what += f" and {len(data.held_out)} held-out ones (test_...)"
    path = run.folder / "predictions.npz"
    with whole_file(path) as file:
        np.savez_compressed(file, **arrays)
    tell(f"{of_what}, in their order: {path}")
    assign(settings, run, data, model)
    tell(f"A row for each, with its confidence: {run.folder / 'assignments.csv'}")


def predict_new(settings: Settings, run: Run, path: str) -> None:
    """Write ``assignments.csv`` of new inputs: it takes a checkpoint and nothing else of its run.

    Raises
    ------
    LatentclustError
        If the checkpoint has no clusters yet, or does not take such inputs.
    """
    begin(settings, run)
    require_parquet(settings.output)
    model = whole_model(require_trained(settings.task.name, run))
    incoming = open_inputs(path, model.takes)
    if model.pool_bounds.quantiles is None and settings.output.bound:
        run.warn(
            f"'{run.checkpoint}' does not say how usual its inputs were: the columns percentile and "
            "unlike are left out; finish its run with task=fit"
        )
    model.to(choose_accelerator(settings.trainer.accelerator))
    with run.timed("predict"):
        rows = rows_of_new(incoming, model, judged=settings.output.bound)
        written = write_assignments(run.folder, settings.output, rows, incoming.files)
    for line in incoming.notes():
        tell(line)
    n = incoming.n - len(incoming.skipped)
    rate = n / max(run.seconds["predict"], 0.01)
    tell(f"{n:,} inputs, in their order ({rate:,.0f} a second): {', '.join(map(str, written))}")


def predictions(model: LatentModel, inputs: InputRows) -> dict[str, Any]:
    """Compute codes ``(N, D)``, clusters ``(N,)`` and responsibilities ``(N, K)`` of preprocessed inputs.

    Raises
    ------
    LatentclustError
        If the model has no finite output for one.
    """
    codes = in_chunks(model.encode, inputs)
    gamma = in_chunks(model.predict_proba, inputs)
    require_finite(gamma, "the inputs")
    arrays = {"codes": codes, "clusters": gamma.argmax(dim=-1), "responsibilities": gamma}
    return {name: array.cpu().numpy() for name, array in arrays.items()}
