"""Describe the inputs of a run: the pool's bounds go into its checkpoints, each input into a table."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from latentclust import progress
from latentclust.clustering.partitions import Partition
from latentclust.data import DataModule, Split
from latentclust.data.incoming import Incoming
from latentclust.evaluation.account import Tally
from latentclust.evaluation.assignments import Assignments, ranked
from latentclust.evaluation.baselines import CHUNK, pixels
from latentclust.evaluation.findings import Inputs
from latentclust.evaluation.results import Result
from latentclust.models import Described, LatentModel, PoolBounds
from latentclust.runs.assignments import ROWS, Row, keep_account, write_assignments
from latentclust.runs.checkpoints import read_checkpoint
from latentclust.settings.output import Output
from latentclust.training.checkpoint_io import WholeCheckpointIO
from latentclust.training.inference import CHUNK as CHUNK_OF_NEW
from latentclust.training.inference import Looked, described, evaluating, look, merged, require_finite

OWN = "pool_bounds."


def keep_bounds(folder: Path, data: DataModule, model: LatentModel) -> Looked:
    """Describe the pool, and put the percentiles of its bounds into ``last.ckpt`` and ``best.ckpt``.

    The best epoch may be an earlier one: then its weights give other bounds.
    """
    found = describe_pool(data, model)
    final = {name: value.clone() for name, value in model.state_dict().items()}
    for path in (folder / "checkpoints" / name for name in ("last.ckpt", "best.ckpt")):
        if not path.is_file():
            continue  # a finished run that was continued trains nothing
        checkpoint = read_checkpoint(path)
        weights = {name: w for name, w in checkpoint["state_dict"].items() if not name.startswith(OWN)}
        if any(not torch.equal(value, final[name].cpu()) for name, value in weights.items()):
            model.load_state_dict(weights)
            describe_pool(data, model)
        checkpoint["state_dict"] = {name: value.cpu() for name, value in model.state_dict().items()}
        WholeCheckpointIO().save_checkpoint(checkpoint, path)
        model.load_state_dict(final)
    return found


def describe_pool(data: DataModule, model: LatentModel) -> Looked:
    """Describe the pool, whose bounds the model then judges by."""
    looked = look(data, model.to(data.pool.inputs.device))
    model.pool_bounds.set_pool(looked.found.bounds)
    return looked


def assign_all(
    folder: Path,
    output: Output,
    data: DataModule,
    model: LatentModel,
    looked: Looked,
    into: torch.Tensor | None = None,
) -> None:
    """Write ``assignments.csv`` with a row for each input, what belongs to it, and the clusters' account.

    As :func:`rows_of`, which says what the parameters are.
    """
    tally = Tally(looked.found.gamma.shape[1] if into is None else int(into.max()) + 1)
    rows = counted(rows_of(data, model, looked, into), tally)
    write_assignments(folder, output, rows, data.files)
    keep_account(folder, tally.plain())


def counted(rows: Iterable[Row], tally: Tally) -> Iterator[Row]:
    """Count those of the pool on their way."""
    for table, codes in rows:
        if table.split == "pool":
            tally.add(table)
        yield table, codes


def rows_of(
    data: DataModule, model: LatentModel, looked: Looked, into: torch.Tensor | None = None
) -> Iterator[Row]:
    """Yield the rows of the pool and of the inputs that it leaves out, with their codes.

    Parameters
    ----------
    data, model
        The inputs, and the model on their device.
    looked
        What the model says of the pool, or of a sample: then the pool is described again, in parts.
    into
        The merged cluster of each of the model's clusters ``(K,)``; None: they are not merged.
    """
    names = data.class_names
    with evaluating(model):
        for name, split in (("pool", data.pool), ("test", data.held_out)):
            if split is None:
                continue
            if name == "pool" and data.streams:
                for start in range(0, len(split), ROWS):
                    part = split[start : start + ROWS]
                    found = described(model, part.inputs)
                    table = replace(table_of(name, part, found, model, names, into), start=start)
                    yield table, found.codes.cpu().numpy()
                continue
            found = looked.found if name == "pool" else described(model, split.inputs)
            yield table_of(name, split, found, model, names, into), found.codes.cpu().numpy()


def rows_of_new(incoming: Incoming, model: LatentModel, *, judged: bool = True) -> Iterator[Row]:
    """Yield the rows of new inputs, in their order; they are read, described and forgotten in parts.

    Parameters
    ----------
    incoming, model
        The inputs, and the model on any device.
    judged
        Whether their bounds are computed, which takes the decoder.

    Raises
    ------
    LatentclustError
        If the model has no finite output for one.
    """
    task = progress.current()
    task.expect(incoming.n)
    with evaluating(model), torch.inference_mode():
        for places, inputs in incoming.parts(CHUNK_OF_NEW):
            task.advance(len(places))
            if not len(inputs):
                continue
            x = model.takes.preprocess(inputs).to(model.device)
            found = model.describe(x) if judged else unjudged(model, x)
            names, left_out = incoming.ids, incoming.skipped
            kept = [place for place in places if place not in left_out]
            require_finite(found.gamma, "input", kept)
            ids = None if names is None else tuple(names[place] for place in kept)
            table = table_of("new", Split(inputs, None, ids), found, model)
            if not judged:
                table = replace(table, bounds=None, percentiles=None, unlike=None)
            yield replace(table, start=places.start), found.codes.cpu().numpy()
    incoming.notes()  # nothing is written where nothing could be read


def unjudged(model: LatentModel, x: torch.Tensor) -> Described:
    """Describe inputs without their bounds, which are not a number."""
    codes = model.encode(x)
    return Described(codes, model.responsibilities(codes), codes.new_full((len(x),), torch.nan))


def table_of(
    name: str,
    split: Split,
    found: Described,
    model: LatentModel,
    class_names: tuple[str, ...] = (),
    into: torch.Tensor | None = None,
) -> Assignments:
    """Put what a model says of a set of inputs into a table; ``into`` is as for :func:`rows_of`."""
    given = None
    if into is not None:
        found, own = merged(found, into)
        given = own.cpu().numpy()
    clusters, confidence, second, runner_up = ranked(found.gamma.cpu().numpy(), given)
    bounds = found.bounds.cpu().double().numpy()
    return Assignments(
        name,
        clusters,
        split.ids,
        confidence=confidence,
        second=second,
        second_probability=runner_up,
        bounds=bounds,
        bound_name=model.bound_name,
        percentiles=model.pool_bounds.percentiles(bounds),
        unlike=model.pool_bounds.unlike(bounds),
        labels=None if split.labels is None else split.labels.numpy(),
        class_names=class_names,
    )


def rows_of_partition(inputs: Inputs, found: Partition, own: Result) -> Iterator[Row]:
    """Yield the rows of a partition: of what was clustered, and of what was left out."""
    data, clusters = inputs.data, own.clusters.numpy()
    if data is None:
        judge = judged(found, clusters, inputs.sample)
        labels = None if inputs.labels is None else np.asarray(inputs.labels)
        yield Assignments("pool", clusters, labels=labels, **judge, **usual(judge, judge)), None
        return
    pool: dict[str, Any] = {}
    for name, split, given in (("pool", data.pool, own.clusters), ("test", data.held_out, own.test_clusters)):
        if split is None or given is None:
            continue
        clusters = given.numpy()
        judge = judged(found, clusters, split.inputs)
        pool = pool or judge
        labels = None if split.labels is None else split.labels.numpy()
        names: dict[str, Any] = {"ids": split.ids, "labels": labels, "class_names": data.class_names}
        yield Assignments(name, clusters, **names, **judge, **usual(judge, pool)), None


def judged(found: Partition, clusters: NDArray[np.integer], inputs: Any) -> dict[str, Any]:
    """Return a partition's columns of points ``(N, D)`` or images ``(N, C, H, W)``; spectral has none."""
    if found.judge is None:
        return {}
    ranks, bounds = [], []
    for start in range(0, len(inputs), CHUNK):
        part = inputs[start : start + CHUNK]
        judged_part = found.judge(pixels(part) if isinstance(part, torch.Tensor) else part)
        ranks.append(ranked(judged_part.scores, clusters[start : start + CHUNK])[1:])
        bounds.append(judged_part.bounds)
    confidence, second, runner_up = (
        None if column[0] is None else np.concatenate(column) for column in zip(*ranks, strict=True)
    )
    columns: dict[str, Any] = {"second": second, "bounds": np.concatenate(bounds)}
    columns["bound_name"] = found.bound_name
    if found.bound_name == "log_likelihood":
        columns |= {"confidence": confidence, "second_probability": runner_up}
    return columns


def usual(judge: dict[str, Any], pool: dict[str, Any]) -> dict[str, Any]:
    """Judge bounds by those of the pool."""
    if "bounds" not in judge:
        return {}
    known = PoolBounds()
    known.set_pool(torch.from_numpy(pool["bounds"]))
    return {"percentiles": known.percentiles(judge["bounds"]), "unlike": known.unlike(judge["bounds"])}
