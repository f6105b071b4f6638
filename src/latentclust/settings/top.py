"""All settings of a run: a section for each group of conf/, and what stands above the groups."""

from functools import cache
from typing import Annotated, Any, Literal, Union

from pydantic import Field, create_model

from latentclust.registry import DATA, MODELS, STARTS
from latentclust.settings.augment import Augment
from latentclust.settings.base import FilePath, Section, Seed, Text, Words
from latentclust.settings.callbacks import Callbacks
from latentclust.settings.data import Data
from latentclust.settings.figures import Figures
from latentclust.settings.init import Init
from latentclust.settings.logger import Logger
from latentclust.settings.model import Model
from latentclust.settings.network import Network
from latentclust.settings.output import Output
from latentclust.settings.search import Search
from latentclust.settings.sweep import Sweep
from latentclust.settings.task import Task
from latentclust.settings.trainer import Trainer

NumberOfClusters = Annotated[int, Field(ge=1, le=10_000)]


class Settings(Section):
    """All settings of a run, checked."""

    task: Task = Task()
    """What is run."""
    seed: Seed = 0
    """Of the weights, the order of the images, the noise and the restarts."""
    n_clusters: NumberOfClusters | Literal["auto"] = 10
    """Number of clusters K; ``auto``: chosen without labels."""
    n_clusters_range: Annotated[
        tuple[NumberOfClusters, NumberOfClusters],
        Words("the lowest and the highest K, as in [2,30], each a whole number from 1 to 10,000"),
    ] = (2, 30)
    """``n_clusters=auto``: the lowest and the highest K that is chosen from."""
    ckpt_path: FilePath | None = None
    """A checkpoint to continue or to use, or ``last``."""
    output_dir: FilePath = "outputs"
    """Where runs go."""
    sweep: Sweep = Sweep()
    """Of a sweep: its folder."""
    optimized_metric: Annotated[
        Text, Words("objective, or the name of a metric such as cluster/acc or train/kl_z")
    ] = "objective"
    """What a sweeper gets."""
    tags: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[^\x00-\x1f/]+$")], ...],
        Words("a list of words, as in [first,for_the_paper]"),
    ] = ()
    """Words of yours that the run is called by, in TensorBoard and in summary.json."""
    extensions: Annotated[tuple[Text, ...], Words("a list of Python modules, as in [my_models]")] = ()
    """Modules that register further models, starts or data sets."""
    model: Model
    """What is trained."""
    init: Init
    """How the model's clusters start."""
    data: Data
    """What is clustered."""
    augment: Augment
    """Random changes of the training images."""
    network: Network
    """The encoder's layers."""
    preprocess: Annotated[
        Literal["auto"] | Text | Annotated[tuple[Text, ...], Field(min_length=1, max_length=20)],
        Words("auto, or steps as in standardize, log1p+pca:50 or [log1p,pca:50]"),
    ] = "auto"
    """From raw inputs to what the network takes."""
    trainer: Trainer
    """Lightning's Trainer."""
    callbacks: Callbacks = Callbacks()
    """Callbacks of the training."""
    logger: Logger = Logger()
    """Where the curves go."""
    figures: Figures = Figures()
    """What is drawn."""
    output: Output = Output()
    """What is written beside assignments.csv."""
    search: Search = Search()
    """What ``task=search`` tries."""
    cluster: Annotated[int, Field(ge=0, lt=10_000)] | None = None
    """``task=generate``: of VaDE's components, the one to draw from; null for all."""
    n: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """``task=generate``: images."""
    run: FilePath | None = None
    """``task=report``: the run's folder."""
    runs: FilePath | Annotated[tuple[FilePath, ...], Field(min_length=1), Words("a list of paths")] | None = (
        None
    )
    """``task=compare``: folders of sweeps or runs, or folders with such inside; ``*`` stands for anything."""
    input: FilePath | None = None
    """``task=predict``: new inputs, a file or a folder; null for the run's own data."""
    format: Literal["onnx", "torch_export"] | None = None
    """``task=export``: of the exported model."""

    @property
    def k(self) -> int:
        """K, once it is chosen."""
        assert self.n_clusters != "auto"
        return self.n_clusters

    @property
    def k_limits(self) -> tuple[int, int]:
        """The lowest and the highest number of clusters that the run may have."""
        return self.n_clusters_range if self.n_clusters == "auto" else (self.k, self.k)

    @property
    def steps(self) -> tuple[str, ...] | None:
        """The steps that ``preprocess`` names, as they are written; None for what suits the inputs."""
        steps = self.preprocess
        if steps == "auto":
            return None
        return tuple(step.strip() for step in steps.split("+")) if isinstance(steps, str) else steps

    def plain(self) -> dict[str, Any]:
        """Return them as conf/ composes them: nested dictionaries, lists and values."""
        others = {key for key, task in OF_ONE_TASK.items() if task != self.task.name}
        # A value that is still missing, "???", is of no right type.
        return self.model_dump(mode="json", exclude=others, warnings=False)


def settings_class() -> type[Settings]:
    """Return the settings with everything that is registered among the choices."""
    return _with(MODELS.sections, STARTS.sections, DATA.sections)


@cache
def _with(*sections: tuple[type, ...]) -> type[Settings]:
    changed: dict[str, Any] = {}
    for name, more in zip(("model", "init", "data"), sections, strict=True):
        if more:
            field = Settings.model_fields[name]
            union: Any = Union.__getitem__((field.annotation, *more))
            whole = Field(discriminator="name", description=field.description)
            changed[name] = (Annotated[union, whole], ...)
    return create_model("Settings", __base__=Settings, **changed) if changed else Settings


# The keys above the groups that belong to one task.
OF_ONE_TASK = {
    "cluster": "generate",
    "n": "generate",
    "run": "report",
    "runs": "compare",
    "input": "predict",
    "format": "export",
}
# Those that may be null.
OPTIONAL = {"cluster", "input"}
