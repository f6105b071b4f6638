"""Every key of conf/ is a typed setting, and a mistake in one is one clear line."""

import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
import yaml

from latentclust.compose import Composer, composing, plain_values
from latentclust.errors import LatentclustError
from latentclust.limits import LARGEST_POINTS
from latentclust.settings import GROUPS, Settings, all_keys, check_settings, possible_metrics
from tests.conftest import REPOSITORY, TINY_CONF, Command, first_of

CONF = REPOSITORY / "conf"
FILES = sorted(file for file in CONF.rglob("*.yaml") if file.relative_to(CONF).parts[0] != "hydra")
CHOICES = [file.relative_to(CONF).with_suffix("").as_posix() for file in FILES if file.parent != CONF]
# What some choices leave to the user, or ask of other groups.
NEEDED = {
    **{f"data/{own}": ["data.path=x"] for own in ("files", "folder", "table")},
    "data/torchvision": ["data.dataset=USPS"],
    "task/report": ["run=x"],
    **{
        f"task/{task}": ["ckpt_path=last"]
        for task in ("evaluate", "predict", "export", "generate", "figures", "merge")
    },
    "task/compare": ["runs=x"],
    **{f"data/{points}": ["model=kmeans"] for points in ("blobs", "moons", "circles")},
}


@pytest.fixture(scope="module")
def composer() -> Iterator[Composer]:
    flags = Namespace(config_path=None, config_dir=str(TINY_CONF), config_name=None)
    with composing(flags, CONF) as found:
        yield found


def composed(composer: Composer, choice: str) -> dict[str, Any]:
    overrides = ["=".join(choice.split("/", 1)), *NEEDED.get(choice, [])]
    return plain_values(composer.compose(overrides))


def leaves(node: Any, prefix: str = "") -> Iterator[str]:
    for name, child in node.items():
        if isinstance(child, dict):
            yield from leaves(child, f"{prefix}{name}.")
        else:
            yield prefix + name


@pytest.mark.parametrize("choice", [*CHOICES, *(f"experiment/{f.stem}" for f in TINY_CONF.rglob("*.yaml"))])
def test_every_choice_of_every_group_passes(composer: Composer, choice: str) -> None:
    check_settings(composed(composer, choice))


def test_each_key_of_conf_is_one_setting_and_each_setting_a_key(composer: Composer) -> None:
    found: dict[str, set[str]] = {}
    for choice in CHOICES:
        plain = composed(composer, choice)
        for key in leaves(plain):
            owner = plain[key.split(".")[0]]
            found.setdefault(key, set()).add(
                owner["name"] or "" if isinstance(owner, dict) and "name" in owner else ""
            )
    settings = {key: set(owners) for key, owners in all_keys().items()}
    tasks = {"fit", "evaluate", "predict", "export", "generate", "figures", "report", "merge"}
    tasks |= {"compare", "search"}
    assert found.pop("task.name") == tasks
    settings.pop("task.name")
    assert found == settings


def test_every_setting_is_described_and_every_number_has_an_upper_bound() -> None:
    for key, owners in all_keys().items():
        for field in owners.values():
            assert field.description, key
    schema = Settings.model_json_schema()
    for definition in [schema, *schema["$defs"].values()]:
        for name, field in definition["properties"].items():
            for part in [
                field,
                field.get("items", {}),
                *field.get("anyOf", []),
                *field.get("prefixItems", []),
            ]:
                if part.get("type") in ("integer", "number") and "const" not in part:
                    assert {"maximum", "exclusiveMaximum"} & set(part), name


def test_groups_are_the_folders_of_conf() -> None:
    assert set(GROUPS) == {folder.name for folder in CONF.iterdir() if folder.is_dir()} - {"hydra"}


class OnceLoader(yaml.SafeLoader):
    """Refuses a mapping with a key twice, of which YAML's own loader silently keeps the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if twice := sorted({str(key) for key in keys if keys.count(key) > 1}):
            raise ValueError(f"{', '.join(twice)} twice, {node.start_mark}")
        return super().construct_mapping(node, deep=deep)


def test_files_of_conf_have_no_key_twice() -> None:
    for file in FILES:
        assert yaml.load(file.read_text(), OnceLoader) is not None, file


@pytest.mark.parametrize("text", ["a: 1\nb: 2\na: 3", "a:\n  b: {c: 1, c: 2}", "- {a: 1, 'a': 1}"])
def test_a_key_that_is_there_twice_is_seen(text: str) -> None:
    assert yaml.safe_load(text)
    with pytest.raises(ValueError, match="twice"):
        yaml.load(text, OnceLoader)
    assert yaml.load("a: {b: 1}\nc: {b: 1}", OnceLoader) == {"a": {"b": 1}, "c": {"b": 1}}


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("n_clusters", 0, "n_clusters is 0: it must be a whole number, at least 1"),
        ("n_clusters", 10**9, "n_clusters is 1000000000: it must be a whole number, at most 10,000"),
        ("n_clusters", True, "n_clusters is True: it must be a whole number, at least 1"),
        ("n_clusters", 3.0, "n_clusters is 3.0: it must be a whole number"),
        ("seed", 2**32, "seed is 4294967296: it must be a whole number below 4,294,967,296"),
        ("seed", "abc", "seed is 'abc'"),
        ("data.limit", 0, "data.limit is 0: it must be a whole number, at least 1, or null"),
        ("augment.scale", 1, "augment.scale is 1: it must be a number below 1"),
        ("augment.degrees", float("nan"), "augment.degrees is nan: it must be a number of at least 0"),
        ("augment.pixels", float("inf"), "augment.pixels is inf: it must be a number"),
        ("model.optimizer.learning_rate", 0, "learning_rate is 0: it must be a number above 0"),
        ("model.log_var_init", 10, "model.log_var_init is 10: it must be a number below 10"),
        ("model.log_var_init", -20.0, "model.log_var_init is -20.0: it must be a number above -20"),
        ("model.gamma", "soft", "model.gamma is 'soft': it must be one of sample, exact"),
        ("trainer.max_time", "99999:0:0:0", "trainer.max_time is '99999:0:0:0': it must be days:hours"),
        ("trainer.max_time", 600, "trainer.max_time is 600: it must be days:hours"),
        (
            "trainer.limit_train_batches",
            True,
            "trainer.limit_train_batches is True: it must be a whole number",
        ),
        ("network.widths", [], "network.widths is []: it must be auto, or a list of whole numbers"),
        ("network.widths", [5, True], "network.widths is [5, True]"),
        ("figures.plane.dims", [1, 1], "figures.plane.dims is [1, 1]: it must be two different"),
        ("logger.csv", 1, "logger.csv is 1: it must be true or false"),
        ("output_dir", "a\0b", "output_dir is 'a\\x00b': it must be a path"),
        ("model", 3, "model is 3: choose model=ae|vae|vade|kmeans|gmm|spectral"),
        ("model.optimizer", 5, "model.optimizer is 5: it is a group of keys"),
        ("model.name", "foo", "model.name is 'foo': it must be one of ae, vae, vade"),
        ("task.name", None, "task.name is None: it must be one of fit"),
        ("model.beta", 2, "model=vade has no model.beta; model=vae has"),
        ("foo", 1, "there is no key or group 'foo'"),
        (
            "trainer.max_epoch",
            3,
            "there is no key or group 'trainer.max_epoch' (did you mean 'trainer.max_epochs'?)",
        ),
        ("trainer.strategy", "ddp_spawn", "trainer.strategy is 'ddp_spawn': it must be one of auto, ddp"),
        ("model.n_clusters", 15, "model.n_clusters is now n_clusters: write n_clusters=15"),
        (
            "model.warmup.kl_epochs",
            5,
            "model.warmup.kl_epochs is 5: it must be at most model.warmup.hold_epochs",
        ),
        ("cluster", 3, "task=fit has no cluster; task=generate has"),
        ("run", "???", "a value is missing: set run=..."),
        ("optimized_metric", "test/elbo", "data.pool=all has none of that name"),
        ("optimized_metric", "distances/contrast", "has none of that name; it has cluster/acc|"),
    ],
)
def test_one_line_says_what_is_wrong(composer: Composer, key: str, value: Any, said: str) -> None:
    plain = deepcopy(composed(composer, "model/vade"))
    node = plain
    for name in key.split(".")[:-1]:
        node = node[name]
    node[key.split(".")[-1]] = value
    with pytest.raises(LatentclustError) as raised:
        check_settings(plain)
    assert said in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1


def test_points_are_refused_from_the_number_on_that_none_are_drawn_of(composer: Composer) -> None:
    plain = deepcopy(composed(composer, "data/moons"))
    plain["data"] |= {"n": LARGEST_POINTS // 1000, "dims": 1000}
    check_settings(plain)
    plain["data"]["n"] += 1
    with pytest.raises(LatentclustError, match=r"n x dims of at most 100,000,000"):
        check_settings(plain)


def test_a_warm_up_without_its_epochs_is_refused(composer: Composer) -> None:
    plain = deepcopy(composed(composer, "model/vade"))
    plain["model"]["warmup"] |= {"hold_epochs": 0, "kl_weight": 5.0}
    with pytest.raises(LatentclustError, match="hold_epochs is 0, so no epoch has it"):
        check_settings(plain)


def test_a_key_that_is_gone_is_named(composer: Composer) -> None:
    plain = deepcopy(composed(composer, "model/vade"))
    del plain["trainer"]["max_epochs"]
    with pytest.raises(
        LatentclustError, match=r"trainer.max_epochs is missing: set trainer.max_epochs=\.\.\."
    ):
        check_settings(plain)


def test_the_settings_hold_the_values_and_do_not_change(composer: Composer) -> None:
    settings = check_settings(composed(composer, "experiment/vade_best"))
    assert settings.model.refit_at == (4, 8)  # type: ignore[union-attr]
    with pytest.raises(ValueError, match="frozen"):
        settings.seed = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    "arguments",
    first_of(
        ["experiment=tiny_guided", "data.pool=train"],
        ["experiment=tiny_ae"],
        ["experiment=tiny_vae"],
        ["experiment=tiny_vade", "model.gamma=exact"],
        ["model=kmeans", "data=moons", "figures.at_end=false"],
        ["model=spectral", "data=digits", "data.limit=300", "figures.at_end=false"],
    ),
)
def test_the_metrics_that_are_possible_are_those_of_the_run(
    latentclust: Command, arguments: list[str]
) -> None:
    short = [] if arguments[0].startswith("model") else ["trainer.max_epochs=2"]
    summary = latentclust(*arguments, *short).summary
    possible = possible_metrics(check_settings(summary["config"])) - {"objective"}
    assert named(summary) == possible
    if not short:
        return
    summary = latentclust("task=evaluate", "ckpt_path=last").summary
    assert named(summary) == possible_metrics(check_settings(summary["config"])) - {"objective"}


def named(summary: dict[str, Any]) -> set[str]:
    return {name for name in summary["metrics"] if not name.startswith("learning_rate/")}


def test_the_room_imports_nothing_heavy() -> None:
    heavy = "{'torch', 'lightning', 'hydra', 'omegaconf', 'numpy'} & set(sys.modules)"
    code = f"import sys, latentclust.settings; sys.exit(str({heavy}) if {heavy} else 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
