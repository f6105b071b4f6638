"""Group runs by the settings that vary between them, so that a group's runs differ in their seeds alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from latentclust.runs.jobs import varied_keys
from latentclust.runs.records import Record

# Settings of which no score depends, and those of one call.
NO_MATTER = ("seed", "ckpt_path", "output_dir", "optimized_metric", "extensions", "tags", "run", "runs")
NO_MATTER_GROUPS = ("task", "figures", "output", "logger", "sweep", "accelerator", "launcher")
# The choice of callbacks is in these settings and in those of early stopping, which changes scores.
NO_MATTER_CALLBACKS = ("callbacks", "callbacks.checkpoint", "callbacks.cluster_accuracy")
NO_MATTER_KEYS = (
    "trainer.accelerator",
    "trainer.devices",
    "trainer.enable_progress_bar",
    "trainer.enable_model_summary",
    "trainer.profiler",
    "data.root",
)
# Groups that say what other settings are, beside those of their own name.
SETTLES = {"model": ("model.", "init."), "data": ("data.", "n_clusters")}


@dataclass(frozen=True)
class Group:
    """Runs that differ in their seeds alone.

    Attributes
    ----------
    settings
        What varied between the groups, as text by its key.
    records
        The runs, in the order of their seeds.
    """

    settings: dict[str, str]
    records: list[Record]

    @property
    def name(self) -> str:
        """What it is called."""
        keys = list(self.settings)
        if len(keys) == 1 and "." not in keys[0] and not self.settings[keys[0]].isdecimal():
            return self.settings[keys[0]]
        if keys:
            last = [key.rpartition(".")[2] for key in keys]
            short = last if len(set(last)) == len(last) else keys
            pairs = zip(short, self.settings.values(), strict=True)
            return " ".join(f"{key}={value}" for key, value in pairs)
        summary = self.records[0].summary or {}
        return f"{summary.get('model', 'the run')} on {summary.get('data', 'its data')}"


def matters(key: str) -> bool:
    """Whether scores may depend on a setting.

    Examples
    --------
    >>> [matters(key) for key in ("seed", "figures.svg", "trainer.devices", "trainer.max_time")]
    [False, False, False, True]
    """
    if key in NO_MATTER_CALLBACKS or key.rpartition(".")[0] in NO_MATTER_CALLBACKS[1:]:
        return False
    return not (key in NO_MATTER or key in NO_MATTER_KEYS or key.split(".")[0] in NO_MATTER_GROUPS)


def group_runs(records: Sequence[Record]) -> list[Group]:
    """Group runs by what varied: the overrides that differ, and settings that differ for another reason."""
    keys = [key for key in varied_keys([record.given for record in records]) if matters(key)]
    # Such as the default of a group and the same written out.
    # Of a run that is not whole only its overrides are known.
    keys = [
        key
        for key in keys
        if len({value_of(run, key) for run in records if run.summary or key in run.given}) > 1
    ]
    groups = _grouped(records, keys)
    asked = {key for record in records for key in record.given}
    for group in groups:
        whole = [record.config for record in group.records if record.summary]
        found = [key for key in differing(whole) if key not in asked]
        keys += [key for key in found if key not in keys]
    return _grouped(records, keys)


def _grouped(records: Sequence[Record], keys: Sequence[str]) -> list[Group]:
    found: dict[tuple[str, ...], list[Record]] = {}
    for record in records:
        found.setdefault(tuple(value_of(record, key) for key in keys), []).append(record)
    groups = (Group(dict(zip(keys, values, strict=True)), runs) for values, runs in found.items())
    return [Group(g.settings, sorted(g.records, key=lambda run: (len(run.seed), run.seed))) for g in groups]


def value_of(record: Record, key: str) -> str:
    """Return a setting as text: what was asked for, or what it was; a dash where that is not known."""
    if key in record.given:
        return as_text(record.given[key])
    if key in record.config:
        return as_text(record.config[key])
    return as_text(record.config.get(f"{key}.name", "-"))


def as_text(value: Any) -> str:
    """Write a value so that equal ones are equal.

    Examples
    --------
    >>> as_text("1e-3"), as_text(0.001), as_text(True), as_text("vae")
    ('0.001', '0.001', 'true', 'vae')
    """
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    try:
        return f"{float(value):.10g}"
    except (TypeError, ValueError):
        return str(value).replace(" ", "")


def differing(configs: Sequence[dict[str, Any]]) -> list[str]:
    """Return the settings that matter and that all of these have, but not with the same value."""
    if not configs:
        return []
    shared = set(configs[0]).intersection(*configs[1:])
    return [
        key
        for key in configs[0]
        if key in shared and matters(key) and len({as_text(config[key]) for config in configs}) > 1
    ]


def unequal(groups: Sequence[Group]) -> dict[str, list[str]]:
    """Return what differs between groups beside what varied: settings that a choice has brought along.

    Nothing where whole experiments are compared: they are meant to differ.

    Returns
    -------
    dict[str, list[str]]
        The values by the setting's key, in the order of the groups.
    """
    varied = [key for group in groups[:1] for key in group.settings]
    if "experiment" in varied:
        return {}
    settled = tuple(prefix for key in varied for prefix in SETTLES.get(key, (f"{key}.",)))
    configs = [next((run.config for run in group.records if run.summary), None) for group in groups]
    known = [config for config in configs if config is not None]
    keys = [key for key in differing(known) if key not in varied and not key.startswith(settled or "\n")]
    return {key: list(dict.fromkeys(as_text(config[key]) for config in known)) for key in keys}
