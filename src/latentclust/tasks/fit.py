"""Train a model, measure it, draw it."""

from latentclust import engine
from latentclust.data import DataModule
from latentclust.data.points import make_points
from latentclust.engine import Outcome
from latentclust.evaluation.findings import Inputs
from latentclust.processes import first_before_others
from latentclust.runs.companions import together
from latentclust.runs.run import Run
from latentclust.runs.summary import conclude
from latentclust.settings import Settings
from latentclust.settings.data import PoolData
from latentclust.settings.model import Partition
from latentclust.training.builders import build_data


def fit(settings: Settings, run: Run) -> float | None:
    """Load the inputs and have the engine train and measure.

    Returns
    -------
    float | None
        The metric that ``optimized_metric`` names, for a sweeper.

    Raises
    ------
    LatentclustError
        If there is no such metric; after everything was written.
    """
    engine.begin(settings, run)
    with run.stopping():
        with together(settings, run, fit_along):
            outcome = (
                partitioned(settings, run)
                if isinstance(settings.model, Partition)
                else trained(settings, run)
            )
        conclude(run, outcome.summary, outcome.results, outcome.notes)
    return outcome.metric(settings.optimized_metric)


def trained(settings: Settings, run: Run) -> Outcome:
    """Train a network."""
    return engine.fit(loaded(settings, run), settings, run)


def fit_along(settings: Settings, run: Run) -> None:
    """Train along with the process that does :func:`fit`, on a device of one's own."""
    engine.begin(settings, run)
    engine.fit_along(loaded(settings, run), settings, run)


def loaded(settings: Settings, run: Run) -> DataModule:
    """Load the inputs."""
    assert isinstance(settings.data, PoolData)
    with run.timed("data"), first_before_others():
        return build_data(
            settings.data,
            settings.steps,
            settings.seed,
            settings.k_limits[1],
            fast_dev_run=settings.trainer.fast_dev_run,
        )


def partitioned(settings: Settings, run: Run) -> Outcome:
    """Partition points, or the inputs as they are."""
    with run.timed("data"):
        if isinstance(settings.data, PoolData):
            data = build_data(settings.data, settings.steps, settings.seed, settings.k_limits[1])
            inputs = Inputs.of_images(data, settings.seed)
        else:
            options = settings.data.model_dump()
            inputs = Inputs(*make_points(options.pop("name"), options.pop("n"), **options))
    return engine.partition(inputs, settings, run)
