"""Settings from Python are those that conf/ composes."""

from argparse import Namespace
from collections.abc import Iterator

import pytest

from latentclust.compose import Composer, composing, plain_values
from latentclust.errors import LatentclustError
from latentclust.settings import check_settings, settings_for
from latentclust.settings.recipes import AUGMENTS, NETWORKS
from tests.conftest import REPOSITORY

CONF = REPOSITORY / "conf"
POINTS = ("blobs", "moons", "circles")


def choices(group: str) -> list[str]:
    return sorted(file.stem for file in (CONF / group).glob("*.yaml"))


@pytest.fixture(scope="module")
def composer() -> Iterator[Composer]:
    with composing(Namespace(config_path=None, config_dir=None, config_name=None), CONF) as found:
        yield found


@pytest.mark.parametrize("data", choices("data"))
@pytest.mark.parametrize("model", choices("model"))
def test_each_model_on_each_data(composer: Composer, model: str, data: str) -> None:
    needed = dict.fromkeys(("files", "folder", "table"), ("path", "x")) | {"torchvision": ("dataset", "USPS")}
    key, value = needed.get(data, ("", ""))
    if data in POINTS and model in ("ae", "vae", "vade", "dec", "idec"):
        with pytest.raises(LatentclustError, match="points"):
            settings_for(model, data)
        return
    more = [f"data.{key}={value}"] if key else []
    composed = plain_values(composer.compose([f"model={model}", f"data={data}", *more]))
    assert settings_for(model, {"name": data, key: value} if key else data).plain() == composed


@pytest.mark.parametrize(
    ("group", "choice"),
    [(group, choice) for group in ("init", "network", "augment") for choice in choices(group)],
)
def test_each_choice_of_the_other_groups(composer: Composer, group: str, choice: str) -> None:
    composed = plain_values(composer.compose([f"{group}={choice}"]))
    assert settings_for(**{group: choice}).plain() == composed


def test_the_default_is_the_default_run(composer: Composer) -> None:
    composed = plain_values(composer.compose([]))
    assert settings_for().plain() == composed == check_settings(composed).plain()
    assert (set(NETWORKS), set(AUGMENTS)) == (set(choices("network")), set(choices("augment")))


def test_the_settings_give_back_what_was_composed(composer: Composer) -> None:
    """What ``summary.json`` keeps as its ``config``."""
    experiments = [
        f.relative_to(CONF / "experiment").with_suffix("") for f in CONF.glob("experiment/**/*.yaml")
    ]
    commands = [[f"experiment={experiment.as_posix()}"] for experiment in experiments]
    needed = {"report": ["run=x"], "compare": ["runs=x"]}
    commands += [["task=search"]]
    trained = [task for task in choices("task") if task != "search"]
    commands += [[f"task={task}", "ckpt_path=last", *needed.get(task, [])] for task in trained]
    for command in commands:
        composed = plain_values(composer.compose(command))
        assert check_settings(composed).plain() == composed, command


def test_changes_are_nested_or_dotted() -> None:
    nested = settings_for(
        {"name": "vae", "optimizer": {"step_every": 4}}, {"name": "digits"}, trainer={"max_epochs": 3}
    )
    dotted = settings_for("vae", "digits", **{"trainer.max_epochs": 3, "model.optimizer.step_every": 4})
    assert nested == dotted
    assert nested.trainer.max_epochs == 3
    assert nested.model.optimizer.schedule == "constant"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("arguments", "changes", "said"),
    [
        (("vead",), {}, "'vead' is no choice of model"),
        (("vae", "digit"), {}, "did you mean 'digits'"),
        (("vae",), {"network": "wide"}, "no choice of network"),
        (("vae",), {"trainer": {"max_epoch": 3}}, "did you mean 'trainer.max_epochs'"),
        (("vae",), {"seed.x": 3}, "seed is"),
        (({"name": "vae", "gamma": "exact"},), {}, "model=vae has no model.gamma; model=vade has"),
        (("vae", "files"), {}, "a value is missing: set data.path"),
    ],
)
def test_a_mistake_is_one_line(arguments: tuple[str, ...], changes: dict[str, object], said: str) -> None:
    with pytest.raises(LatentclustError) as raised:
        settings_for(*arguments, **changes)  # type: ignore[arg-type]
    assert said in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1
