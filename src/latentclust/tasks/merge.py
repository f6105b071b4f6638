"""Merge the clusters of a trained model down to any number, along a tree of their overlaps."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentclust import figures
from latentclust.atomic import whole_file
from latentclust.clustering.dendrogram import cut, tree_of
from latentclust.data import DataModule
from latentclust.errors import LatentclustError
from latentclust.evaluation.health import Health
from latentclust.evaluation.results import Result
from latentclust.evaluation.unlabeled import sampled, unlabeled_scores
from latentclust.gallery.show import add_figure, show, write_report
from latentclust.hardware import choose_accelerator
from latentclust.models import LatentModel
from latentclust.runs.checkpoints import read_checkpoint
from latentclust.runs.describing import assign_all
from latentclust.runs.run import Run, tell
from latentclust.runs.summary import Summary, conclude
from latentclust.settings import Settings
from latentclust.tasks.evaluate import begin, load_trained, require_trained
from latentclust.training.inference import Looked, look, merged, over_pool_and_test

# Cuts in the table beside the one that was asked for.
ROWS = 12
TREE = "merge_tree.png"


def merge(settings: Settings, run: Run) -> None:
    """Write the merged clusters, ``figures/merge_tree.png``, the scores of each cut, and the report anew.

    ``merged.npz`` has the pool's merged ``clusters`` (N,), those of held-out inputs as ``test_clusters``, for
    each of the model's clusters the merged one, ``merged_into`` (K,), -1 where nothing is in it, and the
    ``tree`` in scipy's form with its ``leaves``.

    Raises
    ------
    LatentclustError
        If the model has no more clusters than are wanted.
    """
    begin(settings, run)
    wanted, had = settings.k, _clusters_of(settings, run)
    if had < 2:
        raise LatentclustError("task=merge: the run has one cluster: there is nothing to merge")
    if wanted >= had:
        raise LatentclustError(
            f"task=merge: the run has {had} clusters, and n_clusters is {wanted}: give fewer, as in "
            f"n_clusters={had - had // 2}"
        )
    with run.timed("data"):
        data, model, filled = load_trained(settings.model_copy(update={"n_clusters": had}), run)
    with run.timed("merge"):
        codes = over_pool_and_test(model.encode, data)[0].cpu().double().numpy()
        pool, test = over_pool_and_test(model.predict, data)
        leaves, tree = tree_of(codes, pool.cpu().numpy())
    labels = data.pool.labels, None if data.test is None else data.test.labels
    chosen = sampled(len(codes))

    def scored(k: int) -> Result:
        into = torch.from_numpy(_merged_into(leaves, tree, had, k)).to(pool.device)
        # An input that is held out may be alone in a cluster that the pool leaves empty: it keeps a number.
        into = torch.where(into < 0, 0, into)
        parts = into[pool].cpu(), None if test is None else into[test].cpu()
        result = Result.of(f"merged to {k}", parts, labels, had, data.n_classes)
        scores = unlabeled_scores(codes[chosen], result.clusters[chosen], of_all=result.clusters)
        return replace(result, unlabeled=scores)

    results = [scored(k) for k in _cuts(len(leaves), wanted)]
    own, name = results[-1], type(model).__name__
    into = _merged_into(leaves, tree, had, wanted)
    whole = torch.from_numpy(into).clamp(min=0)
    looked = look(data, model)
    assign_all(run.folder, settings.output, data, model, looked, whole)
    arrays: dict[str, Any] = {"clusters": own.clusters, "merged_into": into, "tree": tree, "leaves": leaves}
    if data.held_out is not None and own.test_clusters is not None:
        arrays["test_clusters"] = own.test_clusters
    path = run.folder / "merged.npz"
    with whole_file(path) as file:
        np.savez_compressed(file, **arrays)
    if len(tree):
        shares = np.bincount(pool.cpu().numpy(), minlength=had)[leaves] / len(pool)
        names = [f"{leaf}: {share:.1%}" for leaf, share in zip(leaves, shares, strict=True)]
        title = f"{name} on {settings.data.name}: {len(leaves)} clusters merged to {own.pool.used}"
        figure = figures.merge_tree(tree, names, title=title, height=_height(tree, wanted))
        figures.save(figure, run.folder / "figures" / "merge_tree", svg=settings.figures.svg)
    summary = Summary.of(
        run,
        name,
        results,
        {},
        data=settings.data.name,
        accelerator=choose_accelerator(settings.trainer.accelerator),
        config=filled.plain() | {"n_clusters": wanted},
        inputs=f"{data.kind}s",
        health=Health.of(own, wanted, remedies=()),
    )
    summary.write(run.folder)
    if settings.figures.at_end:
        _report(settings, run, data, model, own, looked, whole)
    conclude(run, summary, results)
    tell(f"The merged clusters of {len(pool)} inputs, in their order: {path}")


def _report(
    settings: Settings,
    run: Run,
    data: DataModule,
    model: LatentModel,
    own: Result,
    looked: Looked,
    into: Tensor,
) -> None:
    """Draw the merged clusters as those of a run are drawn, and write the report."""
    found, clusters = merged(looked.found, into)
    # A cluster that was merged is the input's own, whatever the sums of others are.
    places = clusters[:, None]
    gamma = torch.zeros_like(found.gamma).scatter_(1, places, found.gamma.gather(1, places))
    shown = looked._replace(found=found._replace(gamma=gamma))
    title = f"{type(model).__name__} on {settings.data.name}, merged to {own.pool.used}"
    options: dict[str, Any] = {"title": title, "seed": settings.seed, "looked": shown, "into": into}
    with run.timed("show"):
        show(settings.figures, run.folder, data, model, own, {}, **options)
    if (run.folder / "figures" / TREE).is_file():
        add_figure(run.folder, "How the clusters merge", TREE, first=True)
    write_report(run.folder)


def _clusters_of(settings: Settings, run: Run) -> int:
    """Return how many clusters the checkpoint's model has."""
    checkpoint = read_checkpoint(require_trained(settings.task.name, run))
    weights = checkpoint["state_dict"].get("code_mixture.weights")
    return int(checkpoint["hyper_parameters"].get("n_clusters") or (0 if weights is None else len(weights)))


def _merged_into(leaves: NDArray[np.int64], tree: NDArray[np.float64], had: int, k: int) -> NDArray[np.int64]:
    """Return the merged cluster of each of the model's clusters ``(K,)``; -1 for those without a member."""
    into = np.full(had, -1, dtype=np.int64)
    into[leaves] = cut(tree, k)
    return into


def _cuts(used: int, wanted: int) -> list[int]:
    """Return the numbers of clusters in the table, the wanted one last."""
    near = [k for k in range(2, used) if k != wanted]
    near = sorted(sorted(near, key=lambda k: abs(k - wanted))[:ROWS], reverse=True)
    return [*dict.fromkeys([used, *near]), wanted] if used > wanted else [wanted]


def _height(tree: NDArray[np.float64], k: int) -> float | None:
    """Return where the tree is cut, for the figure."""
    done = len(tree) + 1 - k
    return float(tree[done - 1 : done + 1, 2].mean()) if 0 < done < len(tree) else None
