"""What must hold of several settings together."""

from collections.abc import Mapping

from latentclust.errors import LatentclustError
from latentclust.limits import LARGEST_POINTS
from latentclust.registry import MODELS
from latentclust.settings.data import Blobs, Points
from latentclust.settings.metrics import possible_metrics
from latentclust.settings.model import Partition
from latentclust.settings.top import OF_ONE_TASK, OPTIONAL, Settings
from latentclust.settings.trainer import Trainer
from latentclust.steps import parse

METHODS = ("kmeans", "gmm", "spectral")
POINTS = ("blobs", "moons", "circles")


def check_combinations(settings: Settings) -> None:
    """Check that the settings go together.

    Raises
    ------
    LatentclustError
        For the first that do not.
    """
    _check_task(settings)
    _check_partition(settings)
    _check_checkpoint(settings)
    _check_number(settings)
    for step in settings.steps or ():
        parse(step)
    _check_points(settings)
    settings.model.check()
    _check_trainer(settings.trainer)
    _check_devices(settings)
    _check_metric(settings)


def _check_task(settings: Settings) -> None:
    task = settings.task.name
    for key, owner in OF_ONE_TASK.items():
        given = key in settings.model_fields_set
        if given and task != owner:
            raise LatentclustError(f"task={task} has no {key}; task={owner} has")
        if task == owner and (not given or (key not in OPTIONAL and getattr(settings, key) is None)):
            raise LatentclustError(f"a value is missing: set {key}=...")


def _check_checkpoint(settings: Settings) -> None:
    task = settings.task.name
    if task == "search" and settings.ckpt_path is not None:
        raise LatentclustError("task=search trains anew: leave out ckpt_path")
    if task not in {"fit", "report", "compare", "search"} and settings.ckpt_path is None:
        raise LatentclustError(f"task={task} needs a trained model: give ckpt_path=last or a .ckpt file")


def check_choices(chosen: Mapping[str, str], *, continues: bool) -> None:
    """Check the choices of model and data alone.

    Parameters
    ----------
    chosen
        The choice of each group.
    continues
        Whether there is a checkpoint to go on from.

    Raises
    ------
    LatentclustError
        If a network is to be trained on points, or a method that leaves no checkpoint is to go on from one.
    """
    model, data = chosen.get("model"), chosen.get("data")
    if continues and model in METHODS:
        raise LatentclustError(
            f"model={model} trains nothing that a checkpoint could hold: leave out ckpt_path, or choose "
            "another model"
        )
    if model in MODELS and data in POINTS:
        raise LatentclustError(
            f"data={data} are points, and model={model} needs images: choose model=kmeans|gmm|spectral, or "
            "other data"
        )


def _check_partition(settings: Settings) -> None:
    task, model = settings.task.name, settings.model.name
    if isinstance(settings.model, Partition) and task not in {"fit", "search"}:
        raise LatentclustError(
            f"task={task} needs a trained network, which model={model} is not: leave out task=..., or "
            "choose another model"
        )


def _check_number(settings: Settings) -> None:
    lowest, highest = settings.n_clusters_range
    if lowest > highest:
        raise LatentclustError(
            f"n_clusters_range is [{lowest},{highest}]: the lowest K comes first, as in [{highest},{lowest}]"
        )
    if settings.n_clusters != "auto":
        return
    if settings.ckpt_path is not None:
        raise LatentclustError(
            "n_clusters=auto is for a new run, and the one of ckpt_path has its own number: leave it out"
        )


def _check_points(settings: Settings) -> None:
    if isinstance(settings.data, Points):
        points = settings.data
        if points.n * points.dims > LARGEST_POINTS:
            raise LatentclustError(
                f"data.n={points.n} points in data.dims={points.dims} dimensions would fill the memory: give "
                f"n x dims of at most {LARGEST_POINTS:,}"
            )
        if isinstance(points, Blobs) and points.n_groups > points.n:
            raise LatentclustError(
                f"{points.n} points cannot make {points.n_groups} groups: give more points (data.n) or fewer "
                "groups (data.n_groups)"
            )
        if settings.k_limits[0] > points.n:
            raise LatentclustError(
                f"n_clusters is {settings.k_limits[0]}, but there are only {points.n} inputs: choose fewer"
            )


def _check_devices(settings: Settings) -> None:
    n, data = settings.trainer.n_processes, settings.data
    if n == 1:
        return
    if isinstance(settings.model, Partition):
        raise LatentclustError(
            f"model={settings.model.name} is no network that several devices could train: leave out "
            "trainer.devices and trainer.num_nodes"
        )
    if settings.trainer.accelerator == "mps":
        raise LatentclustError("trainer.accelerator=mps has one device: leave out trainer.devices")
    if not isinstance(data, Points) and data.batch_size < n:
        raise LatentclustError(
            f"data.batch_size is {data.batch_size}, and {n} devices share each batch: give at least {n}"
        )


def _check_metric(settings: Settings) -> None:
    wanted, possible = settings.optimized_metric, possible_metrics(settings)
    if wanted in possible:
        return
    why = f"task={settings.task.name}, model={settings.model.name}, data={settings.data.name}"
    if not isinstance(settings.data, Points):
        why += f", data.pool={settings.data.pool}"
    raise LatentclustError(
        f"optimized_metric is '{wanted}': a run with {why} has none of that name; it has {_grouped(possible)}"
    )


def _grouped(names: set[str]) -> str:
    """Write names as ``train/loss|elbo, cluster/acc``."""
    rooms: dict[str, list[str]] = {}
    for name in sorted(names):
        room, _, leaf = name.rpartition("/")
        rooms.setdefault(room, []).append(leaf)
    return ", ".join(f"{room}/{'|'.join(leaves)}".lstrip("/") for room, leaves in rooms.items())


def _check_trainer(trainer: Trainer) -> None:
    for limit in ("limit_train_batches", "limit_val_batches"):
        if trainer.overfit_batches and getattr(trainer, limit) is not None:
            raise LatentclustError(
                f"trainer.overfit_batches says how many batches there are: leave out trainer.{limit}"
            )
