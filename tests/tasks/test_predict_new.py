"""task=predict input=...: new inputs by nothing but a checkpoint."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
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
    trained("experiment=tiny_ae")
    np.save(tmp_path / "white.npy", np.full((3, 8, 8), 255, np.uint8))
    found = rows(latentclust("task=predict", "ckpt_path=last", "input=white.npy"))
    assert all(row["unlike"] == "true" and float(row["percentile"]) < 1 for row in found)
    fast = rows(latentclust("task=predict", "ckpt_path=last", "input=white.npy", "output.bound=false"))
    left_out = ("minus_error", "percentile", "unlike")
    assert fast == [{key: row[key] for key in row if key not in left_out} for row in found]


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


@pytest.mark.long
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
        "holes.npy": "holds images with NaN",
        "none.npy": "holds no inputs",
        "line.npy": "a row for each input",
        "objects.npy": "holds Python objects",
        "torn.npz": "has is_test, which tears its order apart",
        "cut.npy": "is no array that can be read",
        "text.png": "'text.png' cannot be read",
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


@pytest.mark.long
def test_new_vectors_are_preprocessed_as_those_of_the_run(latentclust: Command, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 6)) * [1, 10, 100, 1, 1, 1] + np.repeat(
        rng.normal(size=(3, 6)) * 300, 40, axis=0
    )
    x[::7, 2] = np.nan
    np.savez(tmp_path / "own.npz", x=x, feature_names=np.array(list("abcdef")))
    names = "abcdef"
    table = [",".join(["row", *reversed(names)])]
    table += [
        ",".join([f"r{n}", *("" if np.isnan(v) else repr(float(v)) for v in row[::-1])])
        for n, row in enumerate(x)
    ]
    (tmp_path / "own.csv").write_text("\n".join(table))
    fit = ["experiment=tiny_vade", "data.limit=null", "n_clusters=3", "data=files", "data.path=own.npz"]
    fitted = latentclust(*fit, "trainer.max_epochs=1", "model.latent_dim=2")
    expected = rows(fitted)
    np.save(tmp_path / "new.npy", x.astype(np.float64))
    found = rows(latentclust("task=predict", "ckpt_path=last", "input=new.npy"))
    same(found, expected)
    np.savez(tmp_path / "other.npz", x=x, feature_names=np.array(list("abcdeg")))
    np.save(tmp_path / "infinite.npy", np.full((3, 6), np.inf))
    np.save(tmp_path / "narrow.npy", np.zeros((3, 5)))
    (tmp_path / "photos").mkdir()
    for name, said in {
        "other.npz": "has other features than the model, or in another order, such as 'g'",
        "infinite.npy": "holds infinite values",
        "narrow.npy": "holds inputs of shape 5, and this model takes vectors of 6",
        "own.csv": "is a table, and this model was not trained on one",
        "photos": "holds pictures, and this model takes vectors of 6",
    }.items():
        outcome = latentclust("task=predict", "ckpt_path=last", f"input={name}")
        assert outcome.status == 2
        assert said in outcome.err, outcome.err
        assert len(outcome.err.strip().splitlines()) == 1
    for kind in ("onnx", "torch_export"):
        outcome = latentclust("task=export", "ckpt_path=last", f"format={kind}")
        assert outcome.status == 0, outcome.err
    assert outcome.folder is not None
    module = torch.export.load(outcome.folder / "model.pt2").module()
    clusters = module(torch.from_numpy(x).float())[0]
    assert clusters.tolist() == [int(row["cluster"]) for row in expected]


def test_new_rows_of_a_table_are_read_as_those_of_the_run(latentclust: Command, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lines = ["id,width,color,height"]
    for n in range(90):
        color, height = "red" if n % 3 else "blue", "" if n % 10 == 0 else f"{rng.normal() + 9 * (n % 3):.3f}"
        lines.append(f"row {n},{rng.normal() * 50:.3f},{color},{height}")
    (tmp_path / "own.csv").write_text("\n".join(lines))
    fit = ["experiment=tiny_vade", "data.limit=null", "n_clusters=3", "data=table", "data.path=own.csv"]
    fitted = latentclust(*fit, "data.id=id", "trainer.max_epochs=1", "model.latent_dim=2")
    expected = rows(fitted)
    assert expected[4]["id"] == "row 4"
    (tmp_path / "new.csv").write_text("\n".join([lines[0], *lines[:0:-1]]))
    found = rows(latentclust("task=predict", "ckpt_path=last", "input=new.csv"))
    assert [row["id"] for row in found] == [row["id"] for row in reversed(expected)]
    same(found, list(reversed(expected)))
    (tmp_path / "less.csv").write_text("id,width,color\nx,1,red\n")
    outcome = latentclust("task=predict", "ckpt_path=last", "input=less.csv")
    assert outcome.status == 2
    assert "height" in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1
    (tmp_path / "far.csv").write_text("\n".join([*lines[:4], "far,1e30,red,1e30"]))
    outcome = latentclust("task=predict", "ckpt_path=last", "input=far.csv")
    assert outcome.status == 2
    assert "input: row 3 is too far from what the model was fitted to" in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1
    assert outcome.folder is not None
    assert not (outcome.folder / "assignments.csv").exists()


def test_pictures_are_seen_by_the_backbone_of_the_run(latentclust: Command, tmp_path: Path) -> None:
    torch.manual_seed(0)
    torch.save(torchvision.models.squeezenet1_1(weights=None).state_dict(), tmp_path / "eyes.pt")
    rng = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    photos = rng.integers(0, 256, (12, 20, 20, 3), dtype=np.uint8)
    for number, photo in enumerate(photos):
        Image.fromarray(photo // (1 + 5 * (number % 2))).save(tmp_path / f"photos/{number:02d}.png")
    fit = ["experiment=tiny_vade", "data.limit=null", "n_clusters=2", "data=folder", "data.path=photos"]
    fit += ["data.backbone=squeezenet1_1", "data.backbone_weights=eyes.pt", "data.size=20"]
    fitted = latentclust(*fit, "trainer.max_epochs=1", "model.latent_dim=2", "output.folders=true")
    expected = rows(fitted)
    assert fitted.folder is not None
    assert len(list(fitted.folder.glob("clusters/*/*.png"))) == 12
    same(rows(latentclust("task=predict", "ckpt_path=last", "input=photos")), expected)
    found = rows(latentclust("task=predict", "ckpt_path=last", "input=photos/03.png"))
    same(found, expected[3:4])


def test_pictures_that_cannot_be_read_are_left_out_and_listed(
    trained: Command, latentclust: Command, tmp_path: Path
) -> None:
    trained("experiment=tiny_vade")
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, digit in zip("bdfh", digits(4)[:, 0], strict=True):
        Image.fromarray(digit).save(folder / f"{name}.png")
    good = latentclust("task=predict", "ckpt_path=last", "input=photos")
    for name in "aeg":
        (folder / f"{name}.png").write_text("no picture")
    some = latentclust("task=predict", "ckpt_path=last", "input=photos", "output.codes=true")
    assert rows(some) == rows(good)
    assert some.folder is not None
    assert np.load(some.folder / "codes.npy").shape == (4, 4)
    assert "3 of 7 pictures cannot be read and are left out:" in some.out
    assert "  g.png: " in some.out
    assert "4 inputs, in their order" in some.out
    for name in "bdfh":
        (folder / f"{name}.png").unlink()
    none = latentclust("task=predict", "ckpt_path=last", "input=photos")
    assert none.status == 2
    assert "no picture of 'photos' can be read: a.png: " in none.err
    assert none.folder is not None
    assert not (none.folder / "assignments.csv").exists()
