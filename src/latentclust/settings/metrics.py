"""Which metrics a run will have: known before it begins."""

from latentclust.settings.data import Points
from latentclust.settings.model import Partition, Spectral
from latentclust.settings.top import Settings

SCORES = ("acc", "nmi", "ari", "used", "smallest_share")
# Of the final clusters, and without labels.
UNLABELED = {f"cluster/{score}" for score in ("silhouette", "davies_bouldin", "confidence", "entropy")}


def possible_metrics(settings: Settings) -> set[str]:
    """Return the names that ``optimized_metric`` may have, ``objective`` among them.

    Of images in a file nobody knows yet whether they have labels, or are held out: they may.
    """
    model, data = settings.model, settings.data
    if isinstance(model, Partition):
        names = {"objective", "train/loss"}
        names |= {"distances/contrast", "distances/nearest", "distances/farthest"}
        tested = not isinstance(data, Points) and not (isinstance(model, Spectral) and data.pool == "train")
        return names | _scores("cluster", tested) | UNLABELED - {"cluster/confidence"}
    assert not isinstance(data, Points)
    terms = model.measured_terms()
    names = {"objective"} | _scores("cluster", True) | UNLABELED
    if data.pool == "train":  # the others are held out
        names |= {f"test/{term}" for term in terms} | {"cluster/held_out_bound"}
    if settings.task.name == "evaluate":
        return names | {f"train/{term}" for term in terms}
    names |= {f"train/{term}" for term in terms | model.training_terms()} | {"perf/samples_per_second"}
    if settings.callbacks.cluster_accuracy.every_n_epochs:
        names |= {"perf/accuracy_seconds"}
        if not model.has_clusters:
            names |= _scores("kmeans", True) | _scores("gmm", True)
    return names


def _scores(name: str, tested: bool) -> set[str]:
    """Return a clustering's scores, those of the test images too."""
    parts = [name, f"{name}_test"] if tested else [name]
    return {f"{part}/{score}" for part in parts for score in SCORES}
