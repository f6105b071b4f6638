"""Partition points, or the pixels of images, as they are."""

from dataclasses import asdict
from pathlib import Path

from latentclust.clustering.partitions import partition as partition_points
from latentclust.data.checks import too_alike
from latentclust.engine.apart import process_as_found
from latentclust.engine.choosing import choose_number
from latentclust.engine.outcome import Outcome
from latentclust.engine.stages import name_of, require_enough
from latentclust.evaluation.account import account
from latentclust.evaluation.baselines import RESTARTS
from latentclust.evaluation.findings import NAMES, Inputs, measure_distances, score
from latentclust.evaluation.health import Health
from latentclust.gallery.show_partition import show_partition
from latentclust.runs.assignments import keep_account, require_parquet, write_assignments
from latentclust.runs.clusters import keep_clusters
from latentclust.runs.describing import rows_of_partition
from latentclust.runs.run import Run, tell
from latentclust.runs.summary import Summary
from latentclust.settings import Settings
from latentclust.settings.model import Partition as PartitionSettings


@process_as_found()
def partition(inputs: Inputs, settings: Settings, run: Run | None = None) -> Outcome:
    """Partition points, or the pixels of images, by a method that is no network.

    It leaves no checkpoint, so its clusters are written to ``clusters.npz``.

    Parameters
    ----------
    inputs
        What is partitioned; ``settings.data`` only gives points their name.
    settings
        All settings; ``settings.model`` is the method.
    run
        Where it writes; by default a new temporary folder.

    Raises
    ------
    LatentclustError
        If there are fewer inputs than clusters, or too many for the method.
    """
    run, method, seed = run or Run(), settings.model, settings.seed
    assert isinstance(method, PartitionSettings)
    run.begin(settings.trainer, seed, settings.ckpt_path, Path(settings.output_dir))
    require_parquet(settings.output)
    for line in () if inputs.data is None else inputs.data.notes:
        tell(line)
    require_enough(len(inputs.sample), settings.k_limits[0], inputs.kind)
    if told := too_alike(inputs.sample, settings.k_limits[0], inputs.kind):
        run.warn(told)
    settings, choice = choose_number(inputs.data or inputs.sample, settings, run)
    k = settings.k
    with run.timed("partition"):
        options = method.model_dump(exclude={"name"})
        found = partition_points(method.name, inputs.sample, k, seed=seed, **options)
    with run.timed("evaluate"):
        results = [score(method.name, inputs, found, k)]
        if method.name != "kmeans":
            rival = partition_points("kmeans", inputs.sample, k, seed=seed, n_init=RESTARTS)
            results.insert(0, score("kmeans", inputs, rival, k))
        finding = measure_distances(inputs, found, seed)
    summary = Summary.of(
        run,
        NAMES[method.name],
        results,
        {"train/loss": found.objective} | finding.metrics,
        data=settings.data.name if inputs.data is None else name_of(inputs.data),
        accelerator="cpu",  # scikit-learn's
        config=settings.plain(),
        inputs=inputs.kind,
        health=Health.of(results[-1], k, remedies=()),
        choice=choice,
    )
    summary.write(run.folder)  # now, so that a figure that fails does not cost the numbers
    path = keep_clusters(run.folder, inputs, results[-1])
    rows = list(rows_of_partition(inputs, found, results[-1]))
    keep_account(run.folder, account(rows[0][0], k))
    files = None if inputs.data is None else inputs.data.files
    write_assignments(run.folder, settings.output, rows, files)
    if settings.figures.at_end:
        with run.timed("show"):
            show_partition(run.folder, finding, results[-1], asdict(summary), choice)
    summary.write(run.folder)
    kept = f"The clusters of {len(results[-1].clusters)} {inputs.kind}, in their order: {path}"
    return Outcome(found, results, summary, "train/loss", (kept, finding.in_words))
