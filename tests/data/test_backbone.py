"""Features of images by networks with random weights, from files: what counts is which numbers they are."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional
from torchvision import models

from latentclust.data import backbone as module
from latentclust.data import build_datamodule
from latentclust.data.backbone import Backbone, backbone_of
from latentclust.data.incoming import open_inputs
from latentclust.errors import LatentclustError

IMAGES = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (5, 3, 20, 20), dtype=np.uint8))
MEAN = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
STD = torch.tensor([0.229, 0.224, 0.225])[:, None, None]


def weights_of(name: str, folder: Path, **options) -> tuple[torch.nn.Module, Path]:
    torch.manual_seed(0)
    model = models.get_model(name, weights=None, **options).eval()
    torch.save(model.state_dict(), folder / f"{name}, random.pth")
    return model, folder / f"{name}, random.pth"


@pytest.fixture(scope="module")
def squeezenet(tmp_path_factory) -> tuple[torch.nn.Module, Path]:
    return weights_of("squeezenet1_1", tmp_path_factory.mktemp("weights"))


def expected(network: torch.nn.Module, images: torch.Tensor) -> torch.Tensor:
    """The mean of a network's feature map, typed anew."""
    x = functional.interpolate(images.float(), size=(224, 224), mode="bilinear", antialias=True)
    with torch.no_grad():
        return network(((x.round() / 255) - MEAN) / STD).mean(dim=(2, 3))


def test_features_are_the_mean_of_the_last_feature_map(squeezenet):
    model, path = squeezenet
    vectors = Backbone("squeezenet1_1", str(path), "cpu")(IMAGES)
    assert vectors.shape == (5, 512)
    assert vectors.dtype == torch.float32
    true = expected(model.features, IMAGES)
    assert true.std() > 0.01
    torch.testing.assert_close(vectors, true, rtol=1e-3, atol=1e-4)


def test_the_last_layer_of_a_residual_network_is_left_out(tmp_path):
    model, path = weights_of("resnet18", tmp_path, num_classes=7)  # of another number of classes
    vectors = Backbone("resnet18", str(path), "cpu")(IMAGES[:2])
    body = torch.nn.Sequential(*list(model.children())[:-2])
    torch.testing.assert_close(vectors, expected(body, IMAGES[:2]), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("name", "n"), [("mobilenet_v3_small", 576), ("shufflenet_v2_x0_5", 1024)])
def test_other_families_give_one_vector_for_each_image(tmp_path, name, n):
    _, path = weights_of(name, tmp_path)
    assert Backbone(name, str(path), "cpu")(IMAGES[:2]).shape == (2, n)


def test_gray_images_have_three_equal_channels(squeezenet):
    backbone = Backbone("squeezenet1_1", str(squeezenet[1]), "cpu")
    gray = IMAGES[:2, :1]
    assert torch.equal(backbone(gray), backbone(gray.repeat(1, 3, 1, 1)))


def test_nothing_is_learned_and_training_mode_is_off(squeezenet):
    backbone = Backbone("squeezenet1_1", str(squeezenet[1]), "cpu")
    vectors = backbone(IMAGES[:2])
    assert not vectors.requires_grad
    assert not vectors.is_inference()
    assert not backbone.network.training
    torch.testing.assert_close(backbone(IMAGES)[:2], vectors)


@pytest.fixture
def images(tmp_path) -> Path:
    np.savez(tmp_path / "own.npz", images=IMAGES.permute(0, 2, 3, 1).numpy(), is_test=np.arange(5) > 3)
    return tmp_path / "own.npz"


def test_files_become_vectors_once(squeezenet, images, tmp_path, monkeypatch):
    options = {"backbone": "squeezenet1_1", "backbone_weights": str(squeezenet[1]), "backbone_device": "cpu"}
    options["cache_dir"] = str(tmp_path / "cache")
    data = build_datamodule("files", path=str(images), pool="train", **options)
    data.setup()
    assert data.kind == "vector"
    assert data.input_shape == (512,)
    assert data.held_out is not None
    assert len(data.held_out) == 1
    assert data.notes[0] == "backbone=squeezenet1_1: each image is 512 numbers by the weights of a file"
    assert backbone_of(data.description.reading["backbone"]).name == "squeezenet1_1"
    monkeypatch.setattr(Backbone, "__call__", lambda *_: pytest.fail("computed again"))
    again = build_datamodule("files", path=str(images), pool="train", **options)
    again.setup()
    assert again.fingerprint == data.fingerprint


def test_folders_become_vectors_piece_by_piece(squeezenet, tmp_path, monkeypatch):
    monkeypatch.setattr("latentclust.data.pictures.CHUNK", 2)
    for number, (side, image) in enumerate(zip((224, 300, 250, 224, 240), IMAGES, strict=True)):
        picture = Image.fromarray(image.permute(1, 2, 0).numpy()).resize(
            (side, side), Image.Resampling.NEAREST
        )
        (tmp_path / "photos").mkdir(exist_ok=True)
        picture.save(tmp_path / "photos" / f"{number}.png")
    (tmp_path / "photos" / "bad.png").write_text("text")
    options = {"backbone": "squeezenet1_1", "backbone_weights": str(squeezenet[1]), "backbone_device": "cpu"}
    data = build_datamodule(
        "folder", path=str(tmp_path / "photos"), cache_dir=str(tmp_path / "cache"), **options
    )
    source = data.load()
    assert source.train.ids == tuple(f"{number}.png" for number in range(5))
    assert source.train.inputs.shape == (5, 512)
    assert source.reading["size"] == [224, 224]
    first = Image.open(tmp_path / "photos" / "0.png")
    own = torch.from_numpy(np.array(first)).permute(2, 0, 1)[None]
    torch.testing.assert_close(source.train.inputs[:1], data.backbone(own), rtol=1e-3, atol=1e-3)
    monkeypatch.setattr(Backbone, "__call__", lambda *_: pytest.fail("computed again"))
    assert torch.equal(data.load().train.inputs, source.train.inputs)


def test_new_images_are_seen_as_those_of_the_training_were(squeezenet, images, tmp_path):
    options = {"backbone": "squeezenet1_1", "backbone_weights": str(squeezenet[1]), "backbone_device": "cpu"}
    data = build_datamodule("files", path=str(images), **options)
    data.setup()
    takes = data.description
    np.save(tmp_path / "new.npy", IMAGES.permute(0, 2, 3, 1).numpy())
    found = open_inputs(tmp_path / "new.npy", takes)
    torch.testing.assert_close(found.read(slice(1, 3)), data.raw_pool[1:3])
    picture = Image.fromarray(IMAGES[2].permute(1, 2, 0).numpy()).resize((224, 224), Image.Resampling.NEAREST)
    picture.save(tmp_path / "new.png")
    own = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None]
    seen = open_inputs(tmp_path / "new.png", takes).read(slice(0, 1))
    torch.testing.assert_close(seen, Backbone("squeezenet1_1", str(squeezenet[1]), "cpu")(own))


def test_unknown_models_and_files_are_explained(squeezenet, tmp_path, images):
    with pytest.raises(LatentclustError, match=r"data\.backbone=resnet19 is none of torchvision's models"):
        Backbone("resnet19")
    with pytest.raises(LatentclustError, match=r"nowhere\.pth is no file: give one, or DEFAULT"):
        Backbone("resnet18", str(tmp_path / "nowhere.pth"))
    with pytest.raises(LatentclustError, match="is no file of weights: write it with"):
        Backbone("resnet18", str(images), "cpu")(IMAGES)
    with pytest.raises(LatentclustError, match=r"does not fit data\.backbone=resnet18") as caught:
        Backbone("resnet18", str(squeezenet[1]), "cpu")(IMAGES)
    assert "\n" not in str(caught.value)
    with pytest.raises(LatentclustError, match=r"one or three channels.*not \(3, 20, 20\) of float32"):
        Backbone("squeezenet1_1", str(squeezenet[1]), "cpu")(IMAGES.float())
    np.save(tmp_path / "x.npy", np.eye(4))
    options = {"backbone": "squeezenet1_1", "backbone_weights": str(squeezenet[1])}
    with pytest.raises(LatentclustError, match="is for images, and these are vectors"):
        build_datamodule("files", path=str(tmp_path / "x.npy"), **options).setup()


def test_weights_that_have_changed_are_told(squeezenet, tmp_path):
    plain = Backbone("squeezenet1_1", str(squeezenet[1])).plain()
    with pytest.raises(LatentclustError, match="are no more those of the training"):
        backbone_of({**plain, "digest": "0"})


def test_default_weights_out_of_reach_are_one_line(monkeypatch):
    def refuse(*_args, **_options):
        raise OSError("<urlopen error unreachable>")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", refuse)
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", refuse)
    backbone = Backbone("resnet18", device="cpu")
    assert backbone.side == 256
    assert backbone.plain()["digest"] == "ResNet18_Weights.IMAGENET1K_V1"  # known without a download
    with pytest.raises(LatentclustError, match=r"weights of data\.backbone=resnet18 cannot be .*=FILE"):
        backbone(IMAGES)


def test_dead_entries_of_a_saved_checkpoint_are_taken_off(squeezenet, tmp_path):
    model, path = squeezenet
    torch.save({"state_dict": {f"module.{k}": v for k, v in model.state_dict().items()}}, tmp_path / "a.pth")
    saved = Backbone("squeezenet1_1", str(tmp_path / "a.pth"), "cpu")(IMAGES[:1])
    assert torch.equal(saved, Backbone("squeezenet1_1", str(path), "cpu")(IMAGES[:1]))
    assert module.SIDE == 224
