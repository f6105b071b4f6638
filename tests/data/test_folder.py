"""Folders of pictures, each written here by Pillow."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from latentclust.data import build_datamodule, pictures
from latentclust.data.description import Description
from latentclust.data.folder import load_folder
from latentclust.data.incoming import open_inputs
from latentclust.data.pictures import read_images, whites_of
from latentclust.data.preprocess import Preprocess
from latentclust.data.splits import InputSpec
from latentclust.errors import LatentclustError

RNG = np.random.default_rng(0)


def pixels(height: int = 6, width: int = 8) -> np.ndarray:
    return RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)


def save(path: Path, array: np.ndarray, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)
    return path


@pytest.fixture
def photos(tmp_path: Path) -> dict[str, np.ndarray]:
    """Six pictures in two classes, in formats that lose nothing."""
    names = [
        "cats/b.png",
        "cats/a.bmp",
        "cats/deep/c, (ü) 'd'.tif",
        "dogs/a.PNG",
        "dogs/z.png",
        "dogs/y.tiff",
    ]
    arrays = {name: pixels() for name in sorted(names)}
    for name, array in arrays.items():
        save(tmp_path / "photos" / name, array)
    return arrays


def test_pictures_come_sorted_with_names_and_classes(photos, tmp_path):
    source = load_folder(tmp_path / "photos")
    assert source.train.inputs.dtype == torch.uint8
    np.testing.assert_array_equal(
        source.train.inputs.permute(0, 2, 3, 1).numpy(), np.stack([*photos.values()])
    )
    assert source.train.ids == tuple(photos)
    assert source.class_names == ("cats", "dogs")
    assert source.train.labels is not None
    assert source.train.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert source.test is None
    assert source.notes == ("the 2 sub-folders are the classes, for evaluation alone",)
    assert source.reading == {"reader": "folder", "size": [6, 8], "color": "rgb", "on_error": "skip"}


def test_train_and_test_are_a_split(tmp_path):
    for name in ["train/cat/1.png", "train/dog/1.png", "test/cat/1.png", "test/dog/1.png", "test/dog/2.png"]:
        save(tmp_path / name, pixels())
    source = load_folder(tmp_path)
    assert source.test is not None
    assert source.test.ids == ("test/cat/1.png", "test/dog/1.png", "test/dog/2.png")
    assert source.class_names == ("cat", "dog")
    assert source.test.labels is not None
    assert source.test.labels.tolist() == [0, 1, 1]


@pytest.mark.parametrize("names", [["a.png", "b.png"], ["images/a.png", "images/b.png"]])
def test_one_place_is_no_class(tmp_path, names):
    for name in names:
        save(tmp_path / name, pixels())
    source = load_folder(tmp_path)
    assert source.train.labels is None
    assert source.class_names == ()


def test_pictures_beside_the_classes_take_the_labels_away(photos, tmp_path):
    save(tmp_path / "photos" / "stray.png", pixels())
    source = load_folder(tmp_path / "photos")
    assert source.train.labels is None
    assert source.notes == ("1 pictures lie beside the sub-folders, which are thus no classes",)


def test_hidden_files_and_others_are_left_out(photos, tmp_path):
    for name in [".cache/x.png", "__MACOSX/._a.png", "cats/.b.png"]:
        save(tmp_path / "photos" / name, pixels())
    (tmp_path / "photos" / "notes.txt").write_text("mine")
    source = load_folder(tmp_path / "photos")
    assert source.train.ids == tuple(photos)
    assert source.notes[0] == "notes.txt is no picture: left out"


def test_links_in_a_circle_are_followed_once(photos, tmp_path):
    (tmp_path / "photos" / "cats" / "again").symlink_to(tmp_path / "photos")
    (tmp_path / "more").mkdir()
    for name in ("cats", "dogs"):
        (tmp_path / "more" / name).symlink_to(tmp_path / "photos" / name)
    assert load_folder(tmp_path / "photos").train.ids == tuple(photos)
    (tmp_path / "photos" / "cats" / "again").unlink()
    assert load_folder(tmp_path / "more").class_names == ("cats", "dogs")


def test_the_middle_is_cut_out_and_resized(tmp_path):
    array = np.zeros((40, 80, 3), np.uint8)
    array[:, 20:60] = [0, 200, 0]  # the middle square is green
    for name in ("a.png", "b.png"):
        save(tmp_path / name, array)
    save(tmp_path / "c.png", pixels(90, 30))
    images = load_folder(tmp_path, size=10).train.inputs
    assert images.shape == (3, 3, 10, 10)
    assert (images[0, :, :, 2:-2] == torch.tensor([0, 200, 0])[:, None, None]).all()
    assert load_folder(tmp_path, size=[5, 10]).train.inputs.shape == (3, 3, 5, 10)
    assert load_folder(tmp_path, size=10, color="gray").train.inputs.shape == (3, 1, 10, 10)


def test_gray_is_the_luma_of_the_colors(photos, tmp_path):
    images = load_folder(tmp_path / "photos", color="gray").train.inputs[:, 0].numpy()
    luma = np.stack([*photos.values()]) @ [0.299, 0.587, 0.114]
    assert np.abs(images - luma).max() <= 1


def test_several_sizes_without_a_wish_are_explained(tmp_path):
    for number, side in enumerate([20, 30, 30]):
        save(tmp_path / f"{number}.png", pixels(side, 25))
    with pytest.raises(LatentclustError, match=r"2 sizes, such as 25 x 20 and 25 x 30: give data.size=20 "):
        load_folder(tmp_path)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_in_exif_is_honored(tmp_path, orientation):
    upright = np.zeros((40, 60, 3), np.uint8)
    upright[:20, :30], upright[20:, 30:] = [250, 0, 0], [0, 0, 250]
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's transpositions that lead there
    stored = Image.fromarray(upright)
    if orientation > 1:
        stored = stored.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    for name in ("a.jpg", "b.jpg"):
        stored.save(tmp_path / name, exif=exif, quality=100, subsampling=0)
    save(tmp_path / "c.png", upright)
    images = load_folder(tmp_path).train.inputs  # all have one size, as they are shown
    assert images.shape == (3, 3, 40, 60)
    assert (images[0].int() - images[2].int()).abs().float().mean() < 5


@pytest.mark.parametrize("suffix", ["jpg", "webp"])
def test_pictures_that_lose_something_are_near(tmp_path, suffix):
    array = np.full((16, 16, 3), [200, 100, 50], np.uint8)
    images = read_images([save(tmp_path / f"a.{suffix}", array)], 16).inputs
    assert (images[0].int() - torch.tensor([200, 100, 50])[:, None, None]).abs().max() < 12


def test_what_is_transparent_is_white(tmp_path):
    array = np.zeros((4, 4, 4), np.uint8)
    array[:2] = [10, 20, 30, 255]
    Image.fromarray(array).save(tmp_path / "a.png")
    image = read_images([tmp_path / "a.png"], 4).inputs[0]
    assert image[:, 0, 0].tolist() == [10, 20, 30]
    assert image[:, 3, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize(
    ("array", "whites", "expected"),
    [
        (np.array([[0, 65535], [257, 32896]], np.uint16), {"I": 65535}, [[0, 255], [1, 128]]),
        (np.array([[0, 4095], [16, 2056]], np.uint16), {"I": 4095}, [[0, 255], [1, 128]]),
        (np.array([[0, 1], [0.5, 0.2]], np.float32), {"F": 1}, [[0, 255], [128, 51]]),
        (np.array([[0, 255], [100, 7]], np.int32), {"I": 255}, [[0, 255], [100, 7]]),
        (np.array([[True, False], [False, True]]), {}, [[255, 0], [0, 255]]),
    ],
)
def test_shades_of_more_or_fewer_bits(tmp_path, array, whites, expected):
    path = save(tmp_path / "a.tif", array)
    assert whites_of([path]) == whites
    assert read_images([path], 2, "gray", whites=whites).inputs[0, 0].tolist() == expected


@pytest.mark.parametrize(
    ("dtype", "levels", "white"), [(np.uint16, [300, 60, 4000], 4095), (np.float32, [0.5, 0.1, 1.0], 1)]
)
def test_one_number_is_white_in_all_pictures(tmp_path, dtype, levels, white):
    for name, level in zip("abc", levels, strict=True):
        save(tmp_path / "own" / f"{name}.tif", np.array([[0, level], [level, 0]], dtype))
    expected = [round(255 * level / white) for level in levels]
    for _ in range(2):  # the second time from the cache
        source = load_folder(tmp_path / "own", color="gray", cache_dir=tmp_path / "cache")
        assert source.train.inputs.amax(dim=(1, 2, 3)).tolist() == expected
    assert any(f"white is {white:,} in" in note for note in source.notes)
    takes = Description(
        InputSpec.of(source.train.inputs),
        Preprocess.fit(["unit"], source.train.inputs),
        reading=source.reading,
    )
    for name, shade in zip("abc", expected, strict=True):  # one alone, too
        assert open_inputs(tmp_path / "own" / f"{name}.tif", takes).read(slice(0, 1)).max() == shade
    lighter = save(tmp_path / "lighter.tif", np.array([[0, 5000], [1, 1]], dtype))
    with pytest.raises(LatentclustError, match=f"its numbers reach 5000, and {white} is white"):
        open_inputs(lighter, takes).read(slice(0, 1))


def test_shades_of_16_bits_go_up_to_65535_where_no_folder_says_it(tmp_path):
    save(tmp_path / "a.png", np.array([[0, 257]], np.uint16))
    assert read_images([tmp_path / "a.png"], (1, 2), "gray").inputs.flatten().tolist() == [0, 1]


def spoil(folder: Path) -> None:
    (folder / "text.png").write_text("I am no picture")
    (folder / "empty.jpg").touch()
    whole = save(folder / "cut.png", pixels(60, 80)).read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "lost.png").symlink_to(folder / "nowhere.png")
    os.mkfifo(folder / "pipe.png")


def test_what_cannot_be_read_is_listed_and_left_out(photos, tmp_path):
    spoil(tmp_path / "photos" / "dogs")
    for _ in range(2):  # the second time from the cache
        source = load_folder(tmp_path / "photos", size=6, cache_dir=tmp_path / "cache")
        assert source.train.ids == tuple(photos)
        assert source.notes[0] == "5 of 11 pictures cannot be read and are left out:"
        reasons = "\n".join(source.notes[1:6])
        for reason in (
            "dogs/empty.jpg: an empty file",
            "dogs/text.png: no picture, whatever its name says",
            "dogs/lost.png: no file, or a link to none",
            "dogs/pipe.png: no file",
            "dogs/cut.png: ",
        ):
            assert reason in reasons
    with pytest.raises(LatentclustError, match=r"dogs/cut.png cannot be read \(.*, like 4 others"):
        load_folder(tmp_path / "photos", size=6, on_error="stop")
    for bad in ("empty.jpg", "text.png", "lost.png", "pipe.png"):
        (tmp_path / "photos" / "dogs" / bad).unlink()
    with pytest.raises(LatentclustError, match=r"dogs/cut.png cannot be read \([^)]*\): mend or remove it"):
        load_folder(tmp_path / "photos", size=6, on_error="stop")


@pytest.mark.long
def test_pictures_of_a_hundred_megapixels_are_read(tmp_path):
    Image.new("L", (10_000, 10_000), 77).save(tmp_path / "large.png")
    assert read_images([tmp_path / "large.png"], 8).inputs.unique().tolist() == [77]


def test_larger_ones_are_left_out_with_a_reason(photos, tmp_path, monkeypatch):
    Image.new("1", (14_000, 14_000)).save(tmp_path / "photos" / "huge.png")
    source = load_folder(tmp_path / "photos", size=6)
    assert source.notes[1] == "  huge.png: larger than 179 megapixels: make it smaller"
    assert len(source.train) == len(photos)


def test_images_that_do_not_fit_into_memory_are_refused_before(photos, tmp_path, monkeypatch):
    monkeypatch.setattr("latentclust.data.memory.free_memory", lambda: 2 * 6 * 3 * 64 * 64 - 1)
    with pytest.raises(LatentclustError, match=r"give a smaller data\.size"):
        load_folder(tmp_path / "photos", size=64)
    load_folder(tmp_path / "photos", size=63)


def test_arrays_are_kept_until_a_file_or_an_option_changes(photos, tmp_path, monkeypatch):
    folder, cache = tmp_path / "photos", tmp_path / "cache"
    first = load_folder(folder, cache_dir=cache)
    with monkeypatch.context() as patch:
        patch.setattr(pictures, "_decoded", lambda *_: pytest.fail("read again"))
        again = load_folder(folder, cache_dir=cache)
    assert torch.equal(first.train.inputs, again.train.inputs)
    assert (first.train.ids, first.class_names) == (again.train.ids, again.class_names)
    assert load_folder(folder, cache_dir=cache, color="gray").train.inputs.shape[1] == 1
    assert len(list(cache.iterdir())) == 2
    new = pixels()
    save(folder / "dogs" / "z.png", new)
    os.utime(folder / "dogs" / "z.png", (1, 1))
    changed = load_folder(folder, cache_dir=cache).train.inputs[-1]
    np.testing.assert_array_equal(changed.permute(1, 2, 0).numpy(), new)


def test_damaged_cache_is_read_again(photos, tmp_path):
    cache = tmp_path / "cache"
    load_folder(tmp_path / "photos", cache_dir=cache)
    (kept,) = cache.iterdir()
    kept.write_bytes(kept.read_bytes()[:300])
    assert len(load_folder(tmp_path / "photos", cache_dir=cache).train) == 6


def test_place_that_cannot_keep_anything_costs_no_run(photos, tmp_path, caplog):
    (tmp_path / "cache").write_text("a file")
    assert len(load_folder(tmp_path / "photos", cache_dir=tmp_path / "cache").train) == 6
    assert "The inputs are not kept for later runs: cannot write" in caplog.text


def test_folders_without_anything_to_cluster_are_explained(tmp_path):
    with pytest.raises(LatentclustError, match="there is no such folder: mind"):
        load_folder(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(LatentclustError, match=r"empty: has no pictures: files in .png, .jpg, .* are read$"):
        load_folder(tmp_path / "empty")
    (tmp_path / "empty" / "a.gif").touch()
    with pytest.raises(LatentclustError, match=r"others there: 1, such as a.gif"):
        load_folder(tmp_path / "empty")
    with pytest.raises(LatentclustError, match="is no folder: arrays are data=files"):
        load_folder(tmp_path / "empty" / "a.gif")
    save(tmp_path / "one" / "a.png", pixels())
    with pytest.raises(LatentclustError, match="1 of 1 pictures can be read, which are too few to cluster"):
        load_folder(tmp_path / "one")
    (tmp_path / "one" / "b.png").write_text("text")
    with pytest.raises(LatentclustError, match=r"1 of 2 pictures .* \(no picture, whatever its name says\)"):
        load_folder(tmp_path / "one", size=4)
    same = pixels()
    for name in ("a.png", "b.png", "c.png"):
        save(tmp_path / "same" / name, same)
    with pytest.raises(LatentclustError, match="all 3 pictures are equal"):
        load_folder(tmp_path / "same")


def test_folder_datamodule(photos, tmp_path):
    data = build_datamodule("folder", path=str(tmp_path / "photos"), size=(4, 5), batch_size=4)
    data.setup()
    assert data.input_shape == (3, 4, 5)
    assert data.description.reading["size"] == [4, 5]


def test_a_limit_reads_no_more_than_it_keeps(photos, tmp_path, monkeypatch):
    folder = str(tmp_path / "photos")
    whole = build_datamodule("folder", path=folder)
    whole.setup()
    read: list[str] = []
    monkeypatch.setattr(pictures, "_decoded", lambda path, *_: read.append(path.name) or np.ones((6, 8, 3)))
    with pytest.raises(LatentclustError, match="all 4 pictures are equal"):
        build_datamodule("folder", path=folder, limit=4).setup()
    assert len(read) == 4
    monkeypatch.undo()
    some = build_datamodule("folder", path=folder, limit=4)
    some.setup()
    kept = [whole.pool.ids.index(name) for name in some.pool.ids]
    assert torch.equal(some.pool.inputs, whole.pool.inputs[kept])
    assert torch.equal(some.pool.labels, whole.pool.labels[kept])
    assert some.class_names == ("cats", "dogs")
    with pytest.raises(LatentclustError, match="limit=7 is larger than the pool: give at most 6"):
        build_datamodule("folder", path=folder, limit=7).setup()


def test_prediction_reads_pictures_as_training_did(photos, tmp_path):
    source = load_folder(tmp_path / "photos", size=5)
    paths = [tmp_path / "photos" / name for name in list(photos)[::-1]]
    read = read_images(paths, source.reading["size"], source.reading["color"])
    assert torch.equal(read.inputs, source.train.inputs.flip(0))
    assert read.kept == [0, 1, 2, 3, 4, 5]
