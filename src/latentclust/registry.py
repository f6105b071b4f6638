"""What can be chosen by name, and added by a module outside the package: models, starts and data sets.

Nothing heavy is imported here: an entry may be the place of what it stands for, as ``"package.module:name"``,
which is imported when somebody asks for it.

Examples
--------
In a module of one's own, named by the key ``extensions`` or by an entry point of the group ``latentclust``::

    @register_model("mine", settings=MineSettings)
    class Mine(LatentModel): ...
"""

from collections.abc import Callable, Iterable, Iterator, MutableMapping
from functools import partial
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, TypeVar

from latentclust.errors import LatentclustError

T = TypeVar("T")

ENTRY_POINTS = "latentclust"


class Registry(MutableMapping[str, Any]):
    """The choices of a group of conf/ by their names, in order.

    Parameters
    ----------
    group
        ``model``, ``init`` or ``data``.
    known
        The package's own choices and their places.
    settings
        The places of settings that are not among those that ``latentclust.settings`` has for the group.
    """

    def __init__(self, group: str, known: dict[str, str], settings: dict[str, str] | None = None) -> None:
        self.group = group
        self._entries: dict[str, Any] = dict(known)
        self._settings: dict[str, Any] = dict(settings or {})

    def register(self, name: str, *, settings: type) -> Callable[[T], T]:
        """Return a decorator that makes a class or a function the choice ``name``.

        Parameters
        ----------
        name
            As in ``model=name``; the settings' field ``name`` is ``Literal[name]``.
        settings
            A section of the settings; see :class:`latentclust.settings.Section`.

        Raises
        ------
        LatentclustError
            If another choice has that name.
        """

        def decorate(entry: T) -> T:
            held = self._entries.get(name)
            if held is not None and _place(held) != _place(entry):
                raise LatentclustError(f"{self.group}={name} exists already: register yours by another name")
            self._entries[name], self._settings[name] = entry, settings
            return entry

        return decorate

    @property
    def sections(self) -> tuple[type, ...]:
        """The settings of the choices that ``latentclust.settings`` does not have for the group."""
        for name, entry in self._settings.items():
            self._settings[name] = _resolved(entry)
        return tuple(self._settings.values())

    def __getitem__(self, name: str) -> Any:
        self._entries[name] = _resolved(self._entries[name])
        return self._entries[name]

    def __setitem__(self, name: str, entry: Any) -> None:
        self._entries[name] = entry

    def __delitem__(self, name: str) -> None:
        del self._entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries  # without importing it

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


def _resolved(entry: Any) -> Any:
    if not isinstance(entry, str):
        return entry
    module, _, name = entry.partition(":")
    return getattr(import_module(module), name)


def _place(entry: Any) -> str:
    return entry if isinstance(entry, str) else f"{entry.__module__}:{entry.__qualname__}"


MODELS = Registry(
    "model",
    {
        "ae": "latentclust.models.ae:AE",
        "vae": "latentclust.models.vae:VAE",
        "vade": "latentclust.models.vade:VaDE",
        "dec": "latentclust.models.dec:DEC",
        "idec": "latentclust.models.dec:IDEC",
    },
    settings={"dec": "latentclust.settings.dec:DEC", "idec": "latentclust.settings.dec:IDEC"},
)
STARTS = Registry(
    "init",
    {
        "gmm": "latentclust.clustering.gmm:fit_gmm",
        "semitied": "latentclust.clustering.semitied:fit_semitied",
        "kmeans": "latentclust.clustering.kmeans:fit_kmeans",
        "merged": "latentclust.clustering.merged:fit_merged",
        "manifold": "latentclust.clustering.manifold:fit_manifold",
    },
)
DATA = Registry(
    "data",
    {
        "mnist": "latentclust.data.datasets:MNISTDataModule",
        "fashion_mnist": "latentclust.data.datasets:FashionMNISTDataModule",
        "digits": "latentclust.data.datasets:DigitsDataModule",
        "files": "latentclust.data.datasets:FilesDataModule",
        "torchvision": "latentclust.data.datasets:TorchvisionDataModule",
        "folder": "latentclust.data.datasets:FolderDataModule",
        "table": "latentclust.data.datasets:TableDataModule",
    },
)
register_model, register_start, register_data = MODELS.register, STARTS.register, DATA.register


def load_extensions(modules: Iterable[str]) -> None:
    """Import what registers further choices: installed entry points, and these modules.

    Raises
    ------
    LatentclustError
        If one cannot be imported.
    """
    for point in entry_points(group=ENTRY_POINTS):
        _load(point.load, f"the entry point {point.name!r}")
    for name in modules:
        _load(partial(import_module, name), f"extensions: the module {name!r}")


def _load(load: Callable[[], Any], what: str) -> None:
    try:
        load()
    except LatentclustError:
        raise
    except Exception as error:  # whatever the module does
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise LatentclustError(
            f"{what} cannot be imported ({reason}): install it, or put its folder on PYTHONPATH"
        ) from error
