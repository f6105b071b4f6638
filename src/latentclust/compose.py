"""Compose the configuration of a command line without running anything, before torch is imported."""

from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from itertools import islice, product
from math import prod
from pathlib import Path
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.types import RunMode, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict

from latentclust.errors import LatentclustError
from latentclust.settings import GROUPS

# Combinations of a sweep that are looked at before its first job starts: its own check meets the others.
MOST_COMBINATIONS = 300
# Sweepers that try every combination.
OF_ALL = (
    "hydra_plugins.latentclust_sweeper.LatentclustSweeper",
    "hydra._internal.core_plugins.basic_sweeper.BasicSweeper",
)


class Composer:
    """Composes configurations as Hydra does for a run; each choice of groups is read only once.

    Parameters
    ----------
    conf
        The folder with the config groups.
    config_dir
        A further one, or None.
    config_name
        Of the primary config.
    """

    def __init__(self, conf: Path | str, config_dir: str | None = None, config_name: str = "config") -> None:
        place = str(conf) if str(conf).startswith("pkg://") else f"file://{Path(conf).resolve()}"
        search = create_config_search_path(place)
        if config_dir is not None:
            folder = Path(config_dir).resolve()
            if not folder.is_dir():
                raise LatentclustError(f"--config-dir: there is no folder '{folder}'")
            search.prepend("command-line", f"file://{folder}", anchor=SearchPathQuery(provider="schema"))
        GlobalHydra.instance().clear()
        self.hydra = Hydra.create_main_hydra2("latentclust", search)
        loader = self.hydra.config_loader
        assert isinstance(loader, ConfigLoaderImpl)
        self.repository = loader.repository
        self.config_name = config_name
        self.composed: dict[tuple[str, ...], DictConfig] = {}

    def parse(self, overrides: Sequence[str]) -> list[Override]:
        """Parse overrides.

        Raises
        ------
        OverrideParseException
            If one cannot be read.
        LatentclustError
            If one has no key.
        """
        parsed = OverridesParser.create(config_loader=self.hydra.config_loader).parse_overrides(
            list(overrides)
        )
        for override in parsed:
            if not override.key_or_group:
                raise LatentclustError(f"'{override.input_line}' has no key: write GROUP=CHOICE or KEY=VALUE")
        return parsed

    def compose(self, overrides: Sequence[str]) -> DictConfig:
        """Compose one run's configuration, its node ``hydra`` too."""
        parsed = self.parse(overrides)
        for override in parsed:
            self.check_choice(override)
        of_keys = [override for override in parsed if self.is_of_key(override)]
        if self.config_name != "config" or any(o.key_or_group == "hydra.searchpath" for o in parsed):
            of_keys = []  # what is a group is not known yet
        groups = tuple(str(override.input_line) for override in parsed if override not in of_keys)
        if groups not in self.composed:
            self.composed[groups] = self.hydra.compose_config(
                self.config_name, list(groups), RunMode.RUN, from_shell=False
            )
        cfg = deepcopy(self.composed[groups])
        ConfigLoaderImpl._apply_overrides_to_config(of_keys, cfg)
        return cfg

    def run(self, function: TaskFunction, overrides: Sequence[str]) -> None:
        """Run a function on one run's configuration, in a folder and with a log of its own.

        As what :func:`hydra.main` decorates does, which would read the configuration twice more.
        """
        self.hydra.run(self.config_name, function, [*overrides, "hydra.mode=RUN"])

    def is_of_key(self, override: Override) -> bool:
        """Whether an override sets a key, rather than choosing from a config group or sweeping."""
        if override.is_sweep_override():
            return False
        return isinstance(override.value(), dict) or not self.repository.group_exists(override.key_or_group)

    def check_choice(self, override: Override) -> None:
        """Check that one of our config groups is given one choice, by its name.

        Raises
        ------
        LatentclustError
            If it is a number, a list or nothing.
        """
        group = override.key_or_group
        if group not in GROUPS or self.is_of_key(override) or override.is_sweep_override():
            return
        value = override.value()
        if not isinstance(value, str) and not override.is_delete():
            told = "null" if value is None else str(value)
            options = self.repository.get_group_options(group)
            raise LatentclustError(f"{group} is {told}: it must be one of {', '.join(options)}")

    def combinations(self, overrides: Sequence[str]) -> Iterator[list[str]]:
        """Yield the overrides of a sweep's jobs: enough that each value of each key is among them.

        Of a sweep with up to :data:`MOST_COMBINATIONS` jobs, all in their order. Nothing for another sweeper
        than those that try all combinations, which decides by itself what it tries.
        """
        # The launcher's choice too: what `hydra.launcher...` may be set depends on it.
        settings = [o for o in overrides if o.lstrip("+~").startswith(("hydra", "launcher="))]
        sweeper = self.compose(settings).hydra.sweeper
        if sweeper._target_ not in OF_ALL:
            return
        params = [f"{key}={value}" for key, value in (sweeper.get("params") or {}).items()]
        values: dict[str, list[str]] = {}
        for override in self.parse([*params, *overrides]):
            key = override.get_key_element()
            if not override.is_sweep_override():
                values[key] = [str(override.input_line)]
            elif override.is_discrete_sweep():
                swept = islice(override.sweep_string_iterator(), MOST_COMBINATIONS)
                values[key] = [f"{key}={value}" for value in swept]
            else:
                raise LatentclustError(
                    f"cannot sweep over '{override.input_line}': list the values, as in {key}=1,2,3"
                )
        lists = list(values.values())
        total = prod(map(len, lists))
        if total > MOST_COMBINATIONS:
            longest = max(map(len, lists))
            yield from ([options[i % len(options)] for options in lists] for i in range(longest))
        yield from map(list, islice(product(*lists), MOST_COMBINATIONS))


def plain_values(cfg: DictConfig, job: int | None = None) -> dict[str, Any]:
    """Resolve a composed configuration to plain values, without Hydra's node; ``"???"`` for what is missing.

    Parameters
    ----------
    cfg
        As :class:`Composer` gives it.
    job
        The job's number in a sweep, for those who interpolate it.

    Raises
    ------
    OmegaConfBaseException
        If an interpolation cannot be resolved.
    """
    if job is not None:
        with open_dict(cfg.hydra.job):
            cfg.hydra.job.num, cfg.hydra.job.id = job, f"{cfg.hydra.job.name}_{job}"
    HydraConfig.instance().set_config(cfg)
    try:
        return without_hydra(cfg)
    finally:
        HydraConfig.instance().cfg = None


def without_hydra(cfg: DictConfig) -> dict[str, Any]:
    """Resolve a configuration to plain values, while Hydra's own are known."""
    plain: dict[str, Any] = {}
    for key in map(str, cfg):
        if key == "hydra":
            continue
        if OmegaConf.is_missing(cfg, key):
            plain[key] = "???"
            continue
        value = cfg[key]
        plain[key] = OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
    return plain


@contextmanager
def composing(arguments: Namespace, conf: Path) -> Iterator[Composer]:
    """Yield a composer for the flags of a command line; no trace of it stays in Hydra's globals."""
    place: Path | str = conf if arguments.config_path is None else arguments.config_path
    try:
        yield Composer(place, arguments.config_dir, arguments.config_name or "config")
    finally:
        GlobalHydra.instance().clear()
        HydraConfig.instance().cfg = None
