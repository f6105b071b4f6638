"""Check the configuration's values before anything is loaded or written."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig, OmegaConf

from latentclust.errors import LatentclustError
from latentclust.initialization import INITIALIZATIONS
from latentclust.objectives import RECONSTRUCTIONS
from latentclust.partitions import PARTITIONS
from latentclust.points import POINT_SETS
from latentclust.schedules import SCHEDULES


@dataclass(frozen=True)
class Rule:
    """What a value must be: a test and the words for it."""

    holds: Callable[[Any], bool]
    words: str


def is_number(value: Any) -> bool:
    """Whether it is a number; True and False are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def whole(least: int, optional: bool = False) -> Rule:
    """Build the rule for a whole number."""
    return Rule(
        lambda v: (optional and v is None) or (isinstance(v, int) and not isinstance(v, bool) and v >= least),
        f"a whole number, at least {least}" + (", or null" if optional else ""),
    )


def number(least: float, *, above: bool = False, optional: bool = False) -> Rule:
    """Build the rule for a number of at least (or above) ``least``."""
    return Rule(
        lambda v: (optional and v is None) or (is_number(v) and (v > least if above else v >= least)),
        f"a number {'above' if above else 'of at least'} {least:g}" + (", or null" if optional else ""),
    )


def one_of(*choices: str) -> Rule:
    """Build the rule for a choice."""
    return Rule(lambda v: v in choices, f"one of {', '.join(choices)}")


SHARE = Rule(lambda v: is_number(v) and 0 <= v < 1, "a number from 0 to below 1")
SWITCH = Rule(lambda v: isinstance(v, bool), "true or false")
CHANNELS = Rule(
    lambda v: isinstance(v, list) and all(isinstance(w, int) and w >= 1 for w in v),
    "a list of whole numbers, each at least 1, as in [32,64], or [] for no convolutions",
)
WIDTHS = Rule(
    lambda v: bool(v) and CHANNELS.holds(v),
    "a list of whole numbers, each at least 1, as in [500,500]",
)
OPTIMIZER = {
    "learning_rate": number(0, above=True),
    "prior_learning_rate": number(0),
    "schedule": one_of(*SCHEDULES),
    "step_every": whole(1),
    "step_factor": number(0, above=True),
}
METRICS = re.compile(
    r"objective|(train|test)/(loss|elbo|reconstruction|kl_z|kl_c|self_training)|perf/(samples_per_second|accuracy_seconds)"
    r"|distances/(contrast|nearest|farthest)"
    r"|(cluster|kmeans|gmm)(_test)?/(acc|nmi|ari|used|smallest_share)"
)
RULES = {
    "optimized_metric": Rule(
        lambda v: isinstance(v, str) and bool(METRICS.fullmatch(v)),
        "objective, or the name of a logged metric such as cluster/acc or train/kl_z",
    ),
    "seed": whole(0),
    "cluster": whole(0, optional=True),
    "n": whole(1),
    "n_clusters": whole(1),
    "data.pool": one_of("all", "train"),
    "data.batch_size": whole(1),
    "data.limit": whole(1, optional=True),
    "data.min_images_per_epoch": whole(1, optional=True),
    "data.n": whole(1),
    "data.dims": whole(2),
    "data.noise": number(0),
    "data.n_groups": whole(1),
    "data.seed": whole(0),
    "augment.degrees": number(0),
    "augment.pixels": number(0),
    "augment.scale": SHARE,
    "augment.shear": number(0),
    "network.channels": CHANNELS,
    "network.widths": WIDTHS,
    "model.latent_dim": whole(1),
    "model.n_clusters": whole(1),
    "model.reconstruction": one_of(*RECONSTRUCTIONS),
    "model.gamma": one_of("sample", "exact"),
    "model.beta": number(0),
    "model.n_samples": whole(1),
    "model.n_init": whole(1),
    "model.covariance": one_of("diag", "full"),
    "model.reg_covar": number(0, above=True),
    "model.n_neighbors": whole(2),
    "model.log_var_init": number(-20, optional=True),
    "model.refit_at": Rule(
        lambda v: isinstance(v, list) and all(isinstance(e, int) and e >= 1 for e in v),
        "a list of epochs, each at least 1, as in [8], or [] for none",
    ),
    "model.warmup.hold_epochs": whole(0),
    "model.warmup.kl_weight": number(0, above=True),
    "model.warmup.kl_epochs": whole(0),
    "model.self_training.weight": number(0),
    "model.self_training.temperature": number(0, above=True),
    "model.pretrain.max_epochs": whole(1),
    "model.pretrain.reconstruction": one_of(*RECONSTRUCTIONS),
    "model.pretrain.augment": SWITCH,
    "model.pretrain.cache": SWITCH,
    **{f"model.optimizer.{key}": rule for key, rule in OPTIMIZER.items()},
    **{f"model.pretrain.optimizer.{key}": rule for key, rule in OPTIMIZER.items()},
    "trainer.max_epochs": whole(1),
    "trainer.devices": Rule(lambda v: v == 1, "1: more devices are not supported yet"),
    "trainer.deterministic": SWITCH,
    "trainer.gradient_clip_val": number(0, above=True, optional=True),
    "trainer.enable_progress_bar": SWITCH,
    "trainer.accelerator": one_of("auto", "cpu", "gpu", "mps"),
    "trainer.precision": one_of("auto", "32-true", "bf16-mixed", "16-mixed"),
    "init.name": one_of(*INITIALIZATIONS),
    "init.space": one_of("codes", "features", "images"),
    "init.refit": one_of("anew", "vote"),
    "init.voters": whole(1),
    "init.warp": whole(0),
    "init.candidates": whole(2),
    "init.cache": SWITCH,
    "init.n_init": whole(1),
    "init.weights": one_of("equal", "free"),
    "init.n_components": whole(1),
    "init.n_neighbors": whole(2),
    "init.n_epochs": whole(1),
    "callbacks.cluster_accuracy.every_n_epochs": whole(0),
    "callbacks.cluster_accuracy.n_images": whole(1, optional=True),
    "callbacks.checkpoint.every_n_epochs": whole(1),
    "callbacks.checkpoint.seconds_apart": number(0),
    "figures.at_end": SWITCH,
    "figures.every_n_epochs": whole(0),
    "figures.svg": SWITCH,
    "figures.projector": SWITCH,
    "figures.embedding.method": one_of("tsne", "umap", "none"),
    "figures.embedding.size": whole(10),
    "figures.embedding.perplexity": number(1),
    "figures.embedding.max_iter": whole(250),
    "figures.plane.dims": Rule(
        lambda v: isinstance(v, list) and len(set(v)) == 2 and all(isinstance(d, int) and d >= 0 for d in v),
        "two different latent dimensions, counted from 0, as in [0,1]",
    ),
    "figures.plane.limit": number(0, above=True, optional=True),
    "figures.plane.n": whole(2),
    "logger.tensorboard": SWITCH,
    "logger.csv": SWITCH,
}


def check(cfg: DictConfig) -> None:
    """Hold every value that the configuration has against its rule.

    Raises
    ------
    LatentclustError
        For the first that is missing or breaks it.
    """
    for key in sorted(OmegaConf.missing_keys(cfg)):
        raise LatentclustError(f"a value is missing: set {key}=...")
    plain = OmegaConf.to_container(cfg, resolve=True)
    for key, rule in RULES.items():
        node: Any = plain
        for name in key.split("."):
            node = node.get(name, rule) if isinstance(node, dict) else rule
        if node is not rule and not rule.holds(node):
            raise LatentclustError(f"{key} is {node!r}: it must be {rule.words}")


def check_combination(cfg: DictConfig) -> None:
    """Check that task, model and data go together.

    Raises
    ------
    LatentclustError
        If a network is to be trained on points, or a model that leaves no checkpoint is to use one.
    """
    model, data = cfg.model.name, cfg.data.name
    if model in PARTITIONS:
        if cfg.task.name != "fit":
            raise LatentclustError(
                f"task={cfg.task.name} needs a trained network, which model={model} is not: leave out "
                "task=..., or choose another model"
            )
        if cfg.ckpt_path is not None:
            raise LatentclustError(
                f"model={model} trains nothing that a checkpoint could hold: leave out ckpt_path, or choose "
                "another model"
            )
    elif data in POINT_SETS:
        raise LatentclustError(
            f"data={data} are points, and model={model} needs images: choose model={'|'.join(PARTITIONS)}, "
            "or other data"
        )
