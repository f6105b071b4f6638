"""Which settings change what the objective means, so that its values cannot be compared."""

from latentclust.settings.data import PoolData
from latentclust.settings.dec import IDEC, SelfSharpening
from latentclust.settings.top import Settings

ALWAYS = (
    "task",
    "search",
    "experiment",
    "debug",
    "model",
    "model.likelihood",
    "model.beta",
    "preprocess",
    "trainer.fast_dev_run",
    # Over which inputs it is averaged.
    "trainer.overfit_batches",
    "trainer.limit_train_batches",
    "trainer.limit_val_batches",
)
# Of data, all but these say which inputs there are, and which of them it is averaged over.
ONLY_HOW = tuple(
    f"data.{name}"
    for name in (
        "batch_size",
        "min_images_per_epoch",
        "root",
        "cache_dir",
        "in_memory",
        "backbone_device",
    )
)
# A divergence between assignments depends on how many clusters share an input, and how sharply.
OF_DIVERGENCE = ("n_clusters", "model.alpha")
# The reconstruction beside it is by the first stage's likelihood.
OF_IDEC = ("model.clustering_weight", "model.pretrain", "model.pretrain.likelihood")
# They always have test images; other data may have none.
HAVE_TEST = ("mnist", "fashion_mnist", "digits", "torchvision")


def changes_objective(key: str, settings: Settings) -> bool:
    """Whether values of the objective cannot be compared between runs that differ in a setting.

    Parameters
    ----------
    key
        Dotted, or the name of a group.
    settings
        What the runs have in common; some settings count for one model alone.
    """
    model, data = settings.model, settings.data
    holds_out = isinstance(data, PoolData) and data.pool == "train"
    if key.split(".")[0] == "augment":  # only held-out images are never augmented
        return not (holds_out and getattr(data, "name", None) in HAVE_TEST)
    if key.split(".")[0] == "data" and key not in ONLY_HOW:
        return True
    if isinstance(model, SelfSharpening):
        if key in OF_DIVERGENCE or (isinstance(model, IDEC) and key in OF_IDEC):
            return True
        if key == "data.batch_size" and holds_out:  # a held-out batch has targets of its own
            return True
    return key in ALWAYS
