"""What TensorBoard gets of a run."""

import json
import re
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar.layout_pb2 import Layout
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from latentclust.runs.tensorboard import link_by_name, write_columns
from tests.conftest import Command


def test_tensorboard_gets_the_curves_and_the_final_metrics_with_the_settings(trained: Command) -> None:
    outcome = trained("experiment=tiny_vade")
    events = EventAccumulator(str(outcome.folder / "tensorboard")).Reload()  # type: ignore[operator]
    for name in ("train/reconstruction", "learning_rate/networks", "perf/samples_per_second"):
        assert [event.step for event in events.Scalars(name)] == [1, 2, 3]  # epochs, whatever a batch holds
    scores = [(event.step, event.value) for event in events.Scalars("cluster/acc")]
    metrics, rows = outcome.summary["metrics"], outcome.summary["results"]
    start = next(row for row in rows if "start" in row["method"])
    assert [step for step, _ in scores] == [0, 1, 2, 3, 3]  # the start; the last once more, of all images
    assert scores[0][1] == pytest.approx(start["pool"]["acc"])
    assert scores[-1][1] == pytest.approx(metrics["cluster/acc"])
    assert not [name for name in events.Tags()["scalars"] if name.startswith("final/")]
    content = events.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    session = HParamsPluginData.FromString(content).session_start_info
    assert dict(session.hparams.items()).keys() == {"model", "data", "experiment", "seed"}
    assert session.hparams["model"].string_value == "vade"
    common = EventAccumulator(str(outcome.folder.parents[1] / "tensorboard")).Reload()
    content = common.summary_metadata["_hparams_/experiment"].plugin_data.content
    shown = {info.name.tag for info in HParamsPluginData.FromString(content).experiment.metric_infos}
    assert shown == {"train/elbo", *(f"cluster/{score}" for score in ("acc", "nmi", "ari", "used"))}
    assert "python -m latentclust experiment=tiny_vade" in text_of(events, "1_command/text_summary")
    assert "latent_dim: 4" in text_of(events, "3_settings/text_summary")
    layout = Layout.FromString(events.Tensors("custom_scalars__config__")[0].tensor_proto.string_val[0])
    charts = {chart.title: list(chart.multiline.tag) for part in layout.category for chart in part.chart}
    assert charts["ACC, NMI, ARI"] == [f"^cluster/{score}$" for score in ("acc", "nmi", "ari")]
    curves = events.Tags()["scalars"]
    for title in ("ACC, NMI, ARI", "clusters in use", "the bound and its terms"):
        assert any(re.match(pattern, name) for pattern in charts[title] for name in curves), title
    # Its name says what was given.
    (link,) = (outcome.folder.parents[1] / "tensorboard").glob("*seed=0")
    assert link.name == "vade digits experiment=tiny_vade seed=0"
    assert list(link.glob("events.*"))


def text_of(events: EventAccumulator, name: str) -> str:
    return events.Tensors(name)[0].tensor_proto.string_val[0].decode()


def test_the_columns_are_what_differs_between_the_runs(tmp_path: Path) -> None:
    for number, rate in enumerate((0.1, 0.2)):
        run = tmp_path / str(number)
        link_by_name(tmp_path, f"run {number}", run / "tensorboard")
        config = {"model": {"name": "ae", "rate": rate}, "data": {"name": "digits"}, "seed": 0}
        command = f"python -m latentclust model=ae model.rate={rate}"
        metrics = {"cluster/acc": 0.5, "cluster/silhouette": 0.1, "train/loss": 3.0, "gmm/acc": 0.5}
        (run / "summary.json").write_text(
            json.dumps({"command": command, "config": config, "metrics": metrics})
        )
    for _ in range(2):  # the second time takes the place of the first
        write_columns(tmp_path)
    (file,) = (tmp_path / "tensorboard").glob("events.*")
    events = EventAccumulator(str(file)).Reload()
    content = events.summary_metadata["_hparams_/experiment"].plugin_data.content
    experiment = HParamsPluginData.FromString(content).experiment
    assert [info.name for info in experiment.hparam_infos] == ["model.rate"]
    assert {info.name.tag for info in experiment.metric_infos} == {"cluster/acc", "train/loss"}


def test_two_equal_runs_have_two_names_and_links_of_gone_runs_go(tmp_path: Path) -> None:
    first = link_by_name(tmp_path, "a", tmp_path / "x")
    second = link_by_name(tmp_path, "a", tmp_path / "y")
    assert (first, second) == (tmp_path / "tensorboard" / "a", tmp_path / "tensorboard" / "a (2)")
    (tmp_path / "x").rmdir()
    assert link_by_name(tmp_path, "b", tmp_path / "y") is not None
    assert sorted(path.name for path in (tmp_path / "tensorboard").iterdir()) == ["a (2)", "b"]
