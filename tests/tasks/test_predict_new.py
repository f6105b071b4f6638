"""task=predict input=...: new inputs by nothing but a checkpoint."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from latentclust.data import build_datamodule
from latentclust.runs import describing
from tests.conftest import Command, Outcome


def digits(n: int = 60) -> np.ndarray:
    data = build_datamodule("digits", limit=400)
    data.setup()
    return data.pool.inputs[:n].numpy()


def rows(outcome: Outcome) -> list[dict[str, str]]:
    assert outcome.status == 0, outcome.err
    assert outcome.folder is not None
    with (outcome.folder / "assignments.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def same(found: list[dict[str, str]], expected: list[dict[str, str]]) -> None:
    """Compare but for the digits that another chunk, or another id, changes."""
    assert [row["cluster"] for row in found] == [row["cluster"] for row in expected]
    assert [row["unlike"] for row in found] == [row["unlike"] for row in expected]
    for name in ("confidence", "elbo_at_mean", "percentile"):
        got, wanted = ([float(row[name]) for row in each] for each in (found, expected))
        np.testing.assert_allclose(got, wanted, rtol=1e-3, atol=0.03)


def test_arrays_of_any_form_and_pictures_get_the_clusters_of_the_run(
    trained: Command, latentclust: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted = trained("experiment=tiny_vade")
    expected = rows(fitted)[:60]
    images = digits()
    # The data of the run is not needed, and neither is the run: the checkpoint has gone elsewhere.
    assert fitted.folder is not None
    shutil.copy(fitted.folder / "checkpoints/last.ckpt", tmp_path / "model.ckpt")
    shutil.rmtree(tmp_path / "outputs")
    monkeypatch.setattr(describing, "CHUNK_OF_NEW", 7)  # 60 rows in nine parts
    forms = {
        "whole": images,
        "gray": images[:, 0],
        "last": images.transpose(0, 2, 3, 1),
        "flat": images.reshape(60, 64),
        "floats": images / 255,
    }
    for name, array in forms.items():
        np.save(tmp_path / f"{name}.npy", array)
    np.savez(tmp_path / "named.npz", images=images[:, 0], ids=np.array([f"digit {i}" for i in range(60)]))
    (tmp_path / "photos, été/b").mkdir(parents=True)
    names = [f"{'b/' if i % 2 else ''}{i:02d}.png" for i in range(60)]
    for name, image in zip(names, images, strict=True):
        Image.fromarray(image[0]).save(tmp_path / "photos, été" / name)
    predict = ["task=predict", "ckpt_path=model.ckpt"]
    for name in forms:
        found = rows(latentclust(*predict, f"input={name}.npy"))
        assert [row["id"] for row in found] == [str(place) for place in range(60)]
        assert {row["split"] for row in found} == {"new"}
        same(found, expected)
    found = rows(latentclust(*predict, "input=named.npz"))
    assert [row["id"] for row in found] == [f"digit {i}" for i in range(60)]
    same(found, expected)
    outcome = latentclust(*predict, "input='photos, été'", "output.folders=true", "output.codes=true")
    found = rows(outcome)
    assert [row["id"] for row in found] == sorted(names)
    by_name = dict(zip(names, expected, strict=True))
    same(found, [by_name[row["id"]] for row in found])
    assert outcome.folder is not None
    assert np.load(outcome.folder / "codes.npy").shape == (60, 4)
    links = {link.relative_to(outcome.folder / "clusters") for link in outcome.folder.glob("clusters/*/*")}
    assert links == {Path(row["cluster"]) / Path(row["id"]).name for row in found}
    assert not (outcome.folder / "predictions.npz").exists()
    found = rows(latentclust(*predict, "input='photos, été/00.png'"))
    assert [row["id"] for row in found] == ["00.png"]
    same(found, expected[:1])


def test_what_is_like_nothing_seen_is_marked(trained: Command, latentclust: Command, tmp_path: Path) -> None:
    trained("experiment=tiny_vade")
    # White where the digits are dark on the whole, and black where they are not.
    mean = digits(400).mean(axis=0)
    np.save(tmp_path / "negative.npy", 255 * (mean < np.median(mean))[None].astype(np.uint8))
    found = rows(latentclust("task=predict", "ckpt_path=last", "input=negative.npy"))
    assert all(row["unlike"] == "true" and float(row["percentile"]) < 1 for row in found)


def test_an_autoencoder_predicts_by_the_mixture_of_its_checkpoint(
    trained: Command, latentclust: Command, tmp_path: Path
) -> None:
    fitted = trained("experiment=tiny_ae")
    assert fitted.folder is not None
    data = build_datamodule("digits", limit=400, pool="train")
    data.setup()
    np.save(tmp_path / "few.npy", data.pool.inputs[:9].numpy())
    found = rows(latentclust("task=predict", "ckpt_path=last", "input=few.npy"))
    assert [row["cluster"] for row in found] == [row["cluster"] for row in rows(fitted)[:9]]
    path = fitted.folder / "checkpoints/last.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    weights = checkpoint["state_dict"]
    kept = {name: weight for name, weight in weights.items() if "pool_bounds" not in name}
    torch.save(checkpoint | {"state_dict": kept}, path)
    outcome = latentclust("task=predict", "ckpt_path=last", "input=few.npy")
    assert "percentile and unlike are left out" in outcome.out
    assert not {"percentile", "unlike"} & set(rows(outcome)[0])
    kept = {name: weight for name, weight in kept.items() if "code_mixture" not in name}
    torch.save(checkpoint | {"state_dict": kept}, path)
    outcome = latentclust("task=predict", "ckpt_path=last", "input=few.npy")
    assert outcome.status == 2
    assert "has no clusters yet" in outcome.err


def test_bad_inputs_are_one_line_each(trained: Command, latentclust: Command, tmp_path: Path) -> None:
    trained("experiment=tiny_vade")
    np.save(tmp_path / "wide.npy", np.zeros((5, 9, 8), np.uint8))
    np.save(tmp_path / "color.npy", np.zeros((5, 8, 8, 3), np.uint8))
    np.save(tmp_path / "vectors.npy", np.zeros((5, 16)))
    np.save(tmp_path / "large.npy", np.full((5, 8, 8), 3.5))
    np.save(tmp_path / "holes.npy", np.full((5, 8, 8), np.nan))
    np.save(tmp_path / "none.npy", np.zeros((0, 8, 8), np.uint8))
    np.save(tmp_path / "line.npy", np.zeros(5))
    np.save(tmp_path / "objects.npy", np.array([[None]]), allow_pickle=True)
    np.savez(tmp_path / "torn.npz", images=np.zeros((5, 8, 8), np.uint8), is_test=np.arange(5) > 2)
    (tmp_path / "cut.npy").write_bytes((tmp_path / "wide.npy").read_bytes()[:200])
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "empty").mkdir()
    for name, said in {
        "wide.npy": "holds inputs of shape 1 x 9 x 8, and this model takes images of 1 x 8 x 8",
        "color.npy": "holds inputs of shape 3 x 8 x 8",
        "vectors.npy": "holds inputs of shape 16",
        "large.npy": "floats outside [0, 1]",
        "holes.npy": "NaN",
        "none.npy": "holds no inputs",
        "line.npy": "a row for each input",
        "objects.npy": "is no array that can be read",
        "torn.npz": "has is_test, which tears its order apart",
        "cut.npy": "is no array that can be read",
        "text.png": "'text.png' is no picture that can be read",
        "notes.txt": "is of no kind that is known",
        "empty": "has no pictures",
        "nowhere.npy": "there is no file or folder 'nowhere.npy'",
    }.items():
        outcome = latentclust("task=predict", "ckpt_path=last", f"input={name}")
        assert outcome.status == 2, (name, outcome.out)
        assert said in outcome.err, (name, outcome.err)
        assert len(outcome.err.strip().splitlines()) == 1, outcome.err
        assert outcome.folder is not None
        assert not (outcome.folder / "assignments.csv").exists()
    outcome = latentclust("ckpt_path=last", "input=wide.npy")
    assert "task=predict has" in outcome.err
