"""What features of pictures look like: the pictures, whatever was chosen, joined or split in between."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from latentclust.data import Split
from latentclust.data.folder import load_folder
from latentclust.data.looks import Looks
from latentclust.data.splits import uniform_subset
from latentclust.gallery.pictures import Painter, pictures_of


def flat(n: int, height: int = 8, width: int = 8, first: int = 0) -> torch.Tensor:
    """Images of one shade each, which is their place."""
    return torch.arange(first, first + n, dtype=torch.uint8)[:, None, None, None].expand(n, 3, height, width)


def test_pictures_follow_their_inputs_through_subsets_and_joins() -> None:
    train, test = (
        Split(torch.arange(a, a + n).float()[:, None], None, looks=Looks.of_images(flat(n, first=a)))
        for a, n in ((0, 30), (30, 20))
    )
    chosen = uniform_subset(train + test, 17)[torch.tensor([5, 0, 16, 3])]
    assert chosen.looks is not None
    assert len(chosen.looks) == 4
    assert chosen.looks(torch.arange(4), 8)[:, 0, 0, 0].tolist() == chosen.inputs[:, 0].tolist()
    both = train + test
    assert both.looks is not None
    places = torch.tensor([40, 1, 31, 29, 40])
    assert both.looks(places, 8)[:, 2, 7, 7].tolist() == places.tolist()
    assert (train[torch.arange(30) > 27]).looks(torch.tensor([1]), 8)[0, 0, 0, 0] == 29
    assert (train + Split(test.inputs, None)).looks is None


@pytest.mark.parametrize(("shape", "shown"), [((8, 6), (8, 6)), ((40, 20), (16, 8)), ((300, 2), (16, 1))])
def test_pictures_are_made_small_in_their_shape_and_never_enlarged(
    shape: tuple[int, int], shown: tuple[int, int]
) -> None:
    small = Looks.of_images(flat(3, *shape))(torch.tensor([2, 1]), 16)
    assert small.shape == (2, 3, *shown)
    assert small[:, 0, 0, 0].tolist() == [2, 1]


class Mean:
    """Sees the mean shade of a picture."""

    side = 12

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        return images.float().mean(dim=(2, 3))

    def plain(self) -> dict[str, object]:
        return {"name": "mean"}

    def note(self, n_features: int) -> str:
        return str(n_features)


def test_photos_of_a_folder_are_read_when_they_are_shown_and_a_lost_one_is_white(tmp_path: Path) -> None:
    for place, shade in enumerate((200, 10, 90, 150)):
        folder = tmp_path / ("train" if place % 2 else "test")
        folder.mkdir(exist_ok=True)
        Image.fromarray(np.full((40, 60, 3), shade, np.uint8)).save(folder / f"{place}.png")
    source = load_folder(tmp_path, eyes=Mean())
    assert source.test is not None
    whole = source.train + source.test
    assert whole.looks is not None
    shown = whole.looks(torch.arange(4), 96)
    assert shown.shape == (4, 3, 12, 12)
    torch.testing.assert_close(shown[:, :, 0, 0].float(), whole.inputs)
    (tmp_path / "train" / "1.png").unlink()
    again = whole.looks(torch.arange(4), 6)
    assert again.shape == (4, 3, 6, 6)
    assert again[:, 0, 0, 0].tolist() == [255, *shown[1:, 0, 0, 0].tolist()]


def test_vectors_are_drawn_as_their_pictures_where_there_are_some() -> None:
    split = Split(torch.rand(5, 40), None)
    assert pictures_of(split, torch.arange(2), Painter(1.0)).shape[-1] == 1
    split = Split(split.inputs, None, looks=Looks.of_images(flat(5)))
    drawn = pictures_of(split, torch.tensor([4, 3]), Painter(1.0))
    np.testing.assert_allclose(
        drawn, np.broadcast_to(np.array([4, 3])[:, None, None, None] / 255, (2, 8, 8, 3))
    )
