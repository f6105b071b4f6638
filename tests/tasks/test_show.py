"""What a run leaves to look at."""

import json
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.conftest import DRAWN, Command, Outcome, first_of, same_weights

EVERY = {
    "latent",
    "reconstructions",
    "plane",
    "curves",
    "confusion",
    "wrong",
    "unlike",
    "tsne_latent_space",
    "tsne_raw_pixels",
}
OF = {
    "ae": {"latent_clusters"},
    "vae": {"latent_clusters", "samples"},
    "vade": {
        "latent_clusters",
        "latent_confidence",
        "samples",
        "prototypes",
        "interpolation",
        "reliability",
    },
}


@pytest.mark.parametrize("model", first_of("vade", "ae", "vae"))
def test_a_run_draws_everything_into_files_tensorboard_and_the_report(trained: Command, model: str) -> None:
    outcome = trained(f"experiment=tiny_{model}", *DRAWN)
    assert outcome.folder is not None
    figures = outcome.folder / "figures"
    assert {path.stem for path in figures.glob("*.png")} == EVERY | OF[model]
    captions = json.loads((figures / "captions.json").read_text())
    assert {Path(name).stem for name in captions.values()} == EVERY | OF[model]
    page = (outcome.folder / "report.html").read_text()
    assert all(caption in page for caption in captions)
    events = EventAccumulator(str(outcome.folder / "tensorboard"), size_guidance={"images": 0}).Reload()
    assert set(events.Tags()["images"]) >= EVERY | OF[model]
    assert [image.step for image in events.Images("latent")] == [
        0,
        2,
        3,
    ]  # start, middle, end
    (metadata,) = (outcome.folder / "tensorboard").glob("**/metadata.tsv")
    assert len(metadata.read_text().splitlines()) == 60 + 1


@pytest.mark.long
def test_figures_draws_a_trained_model_again(trained: Command, latentclust: Command) -> None:
    fitted = trained("experiment=tiny_vade", *DRAWN)
    again = latentclust("task=figures", "ckpt_path=last", "figures.svg=true")
    assert again.status == 0, again.err
    assert fitted.folder is not None
    assert again.folder is not None
    for path in (fitted.folder / "figures").glob("*.png"):
        assert (again.folder / "figures" / path.name).read_bytes() == path.read_bytes(), path.name
        # The words of its title: data, model and epoch.
        assert "VaDE on digits, epoch 3" in (again.folder / "figures" / f"{path.stem}.svg").read_text()


def test_report_is_made_again_from_the_runs_folder(trained: Command, latentclust: Command) -> None:
    fitted = trained("experiment=tiny_vade", *DRAWN)
    assert fitted.folder is not None
    page = fitted.folder / "report.html"
    before = page.read_bytes()
    page.unlink()
    outcome = latentclust("task=report", f"run='{fitted.folder}'")
    assert outcome.status == 0, outcome.err
    assert page.read_bytes() == before
    missing = latentclust("task=report", "run=nowhere")
    assert missing.status == 2
    assert "there is no folder 'nowhere': give that of a run that has ended" in missing.err


@pytest.mark.long
def test_figures_during_training_change_nothing(latentclust: Command) -> None:
    plain = latentclust("experiment=tiny_vade", "figures.every_n_epochs=0")
    drawn = latentclust("experiment=tiny_vade", "figures.every_n_epochs=1")
    assert images_in_tensorboard(plain) == {}
    # The last epoch's are drawn at the end of the run, which tiny_vade leaves out.
    assert images_in_tensorboard(drawn) == {
        name: [0, 1, 2] for name in ("latent", "samples", "reconstructions")
    }
    assert same_weights(plain.weights(), drawn.weights())


def images_in_tensorboard(outcome: Outcome) -> dict[str, list[int]]:
    """The epochs at which each figure was drawn."""
    assert outcome.folder is not None
    events = EventAccumulator(str(outcome.folder / "tensorboard"), size_guidance={"images": 0}).Reload()
    return {name: [image.step for image in events.Images(name)] for name in events.Tags()["images"]}
