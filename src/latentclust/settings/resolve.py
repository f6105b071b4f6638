"""Fill in what is ``auto``, from what the inputs are."""

from collections.abc import Sequence
from typing import Any

from latentclust.errors import LatentclustError
from latentclust.settings.augment import Augment
from latentclust.settings.init import Manifold
from latentclust.settings.model import Partition
from latentclust.settings.recipes import AUGMENTS, NETWORKS
from latentclust.settings.top import Settings

# Several layouts of this many inputs take no longer than one of MNIST's.
SMALL_POOL, LAYOUTS = 12_000, 4
# Gaussians for each cluster that part a layout too, before their parts are united by modularity. That prefers
# clusters of equal size: images of one kind are often about as many as of another, cells are not.
COMPONENTS = 1.5
# A layout of few inputs needs more epochs: in each of them a point moves as often as it has edges.
FEW_INPUTS, EPOCHS_OF_FEW, EPOCHS = 5000, 200, 50
# The random shift of augment=affine is meant for images of this many pixels along a side.
SIDE = 28


def resolve(
    settings: Settings, shape: Sequence[int], preprocess: Sequence[str], n: int
) -> tuple[Settings, list[str]]:
    """Return the settings with every ``auto`` filled in, and a line on each choice that was made.

    Pure: the same settings and inputs give the same choices, in a continued run too.

    Parameters
    ----------
    settings
        As they were given.
    shape
        Of an input as the network takes it, ``(C, H, W)`` or ``(P,)``.
    preprocess
        The steps of the preprocessing, as the data module has chosen or taken them.
    n
        Inputs in the pool.

    Raises
    ------
    LatentclustError
        If a setting does not suit such inputs.
    """
    image = len(shape) > 1
    model = settings.model
    if isinstance(model, Partition):
        return settings.model_copy(update={"preprocess": tuple(preprocess)}), []
    chosen: list[str] = []
    network = NETWORKS["conv"] if image else NETWORKS["small"]
    if image and shape[0] > 1:
        network = network.model_copy(update={"decoder": "conv"})
    augment = _augment_of(shape) if image else AUGMENTS["none"]
    changes: dict[str, Any] = {"preprocess": tuple(preprocess)}
    for name, suitable in (("network", network), ("augment", augment)):
        section = getattr(settings, name)
        filled = {key: getattr(suitable, key) for key, value in section if value == "auto"}
        changes[name] = section.model_copy(update=filled)
        if filled:
            chosen.append(f"{name}: " + ", ".join(f"{key} {_short(value)}" for key, value in filled.items()))
    if isinstance(settings.init, Manifold):
        changes["init"] = _with_layouts(settings.init, image, n, chosen)
    changes["model"] = _with_likelihoods(model, image, chosen)
    _refuse(settings.model_copy(update=changes), image)
    return settings.model_copy(update=changes), chosen


def _augment_of(shape: Sequence[int]) -> Augment:
    """Return what suits images ``(C, H, W)``: the same share of a small one moves as of a large one."""
    affine = AUGMENTS["affine"]
    assert affine.pixels != "auto"
    return affine.model_copy(update={"pixels": round(affine.pixels * min(shape[1:]) / SIDE, 2)})


def _with_layouts(init: Manifold, image: bool, n: int, chosen: list[str]) -> Manifold:
    """Fill in where the start looks for neighbors, and how much it tries."""
    suitable: dict[str, Any] = {
        "space": "images" if image else "inputs",
        "n_layouts": LAYOUTS if n <= SMALL_POOL else 1,
        "n_epochs": EPOCHS_OF_FEW if n <= FEW_INPUTS else EPOCHS,
    }
    among_images = (suitable["space"] if init.space == "auto" else init.space) == "images"
    suitable["components_per_cluster"] = COMPONENTS if among_images else 1.0
    filled = {key: value for key, value in suitable.items() if getattr(init, key) == "auto"}
    words = {"space": "neighbors among the {}", "n_layouts": "layouts {}", "n_epochs": "of {} epochs"}
    words["components_per_cluster"] = "also parted by {:g} Gaussians for each cluster"
    told = {key: value for key, value in filled.items() if value != 1.0 or key != "components_per_cluster"}
    if told:
        chosen.append("init: " + ", ".join(words[key].format(value) for key, value in told.items()))
    return init.model_copy(update=filled)


def _with_likelihoods(model: Any, image: bool, chosen: list[str]) -> Any:
    """Fill in the likelihoods of a model and of its first stage."""
    changes: dict[str, Any] = {}
    if getattr(model, "likelihood", None) == "auto":
        variational = "elbo" in model.measured_terms()
        suitable = ("bernoulli" if image else "gaussian") if variational else "squared_error"
        changes["likelihood"] = suitable
        chosen.append(f"likelihood: {suitable}")
    pretrain = getattr(model, "pretrain", None)
    if pretrain is not None and pretrain.likelihood == "auto":
        changes["pretrain"] = pretrain.model_copy(update={"likelihood": "squared_error"})
    return model.model_copy(update=changes)


def _refuse(settings: Settings, image: bool) -> None:
    """Refuse what does not suit the inputs."""
    network, augment, init = settings.network, settings.augment, settings.init
    space = getattr(init, "space", None)
    if not image and network.channels:
        raise LatentclustError(
            "network.channels are for images, and the inputs are vectors: choose network=small"
        )
    if not image and any(value for _, value in augment):
        raise LatentclustError("augment is for images, and the inputs are vectors: choose augment=none")
    if not image and space == "images":
        raise LatentclustError("init.space=images is for images, and the inputs are vectors: choose inputs")
    likelihoods = {getattr(settings.model, "likelihood", None)}
    likelihoods |= {getattr(getattr(settings.model, "pretrain", None), "likelihood", None)}
    if not image and "bernoulli" in likelihoods and tuple(settings.preprocess)[-1:] != ("unit",):
        raise LatentclustError(
            "likelihood=bernoulli needs values in [0, 1]: add preprocess=unit, or choose gaussian"
        )


def _short(value: Any) -> str:
    if isinstance(value, tuple):
        return str(list(value))
    return value if isinstance(value, str) else f"{value:g}"
