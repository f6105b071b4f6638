"""Turn six public sets, none of which had a say in any setting, into files that latentclust reads.

    python benchmarks/test_sets.py FOLDER       # writes FOLDER/<set>.npz from the files it finds there

- `kmnist`, `notmnist`: 10,000 test images each, hiragana (Clanuwat et al. 2018) and letters of many fonts
  (Bulatov 2011, as davidflanagan/notMNIST-to-MNIST has them), in folders of these names, as
  `t10k-images-idx3-ubyte.gz` and `t10k-labels-idx1-ubyte.gz`;
- `usps` (11,000 digits, 16 x 16), `alphadigits` (1,404 drawn characters, 20 x 16): `usps_all.mat` and
  `binaryalphadigs.mat` of Sam Roweis's page;
- `letter` (20,000 rows of 16 measures of printed letters), `landsat` (2,000 rows of 36 values, the test
  part): UCI's, as `letter.arff` and `landsat.mat`.

The last four are in the public repository milaan9/Clustering-Datasets. Of three sets there is also a version
whose classes are of unequal size (`usps_unequal`, `notmnist_unequal`, `letter_unequal`): the largest is ten
times the smallest. Then:
`python benchmarks/everywhere.py FOLDER/*.npz --seeds 0 1 2 3 4`.
"""

import argparse
import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.io import loadmat

Set = tuple[np.ndarray, np.ndarray]


def idx(folder: Path) -> Set:
    """Read the files of a set in MNIST's format."""
    with gzip.open(folder / "t10k-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28)
    with gzip.open(folder / "t10k-labels-idx1-ubyte.gz") as file:
        return images, np.frombuffer(file.read(), np.uint8, offset=8)


def usps(path: Path) -> Set:
    """Read ``(256, 1100, 10)``: pixels column by column, images, classes from 1 to 9 and then 0."""
    pixels = loadmat(path)["data"]
    images = pixels.transpose(2, 1, 0).reshape(-1, 16, 16).transpose(0, 2, 1)
    return images, np.repeat((np.arange(10) + 1) % 10, pixels.shape[1])


def alphadigits(path: Path) -> Set:
    """Read 36 classes of 39 drawings each, of zeros and ones."""
    drawings = loadmat(path)["dat"]
    images = np.stack([image for row in drawings for image in row]) * np.uint8(255)
    return images, np.repeat(np.arange(len(drawings)), drawings.shape[1])


def letter(path: Path) -> Set:
    """Read rows of 16 numbers and a letter."""
    rows = [line.split(",") for line in path.read_text().splitlines() if line and line[0] not in "%@"]
    letters = np.unique([row[-1] for row in rows], return_inverse=True)[1]
    return np.array([row[:-1] for row in rows], np.float32), letters


def landsat(path: Path) -> Set:
    """Read a matrix and its labels."""
    file = loadmat(path)
    return file["data"].astype(np.float32), file["label"].ravel()


SETS: dict[str, tuple[str, Callable[[Path], Set]]] = {
    "kmnist": ("kmnist", idx),
    "notmnist": ("notmnist", idx),
    "usps": ("usps_all.mat", usps),
    "alphadigits": ("binaryalphadigs.mat", alphadigits),
    "letter": ("letter.arff", letter),
    "landsat": ("landsat.mat", landsat),
}
# Those that are thinned too, and how many times as large as the smallest class the largest then is.
UNEQUAL, RATIO = ("usps", "notmnist", "letter"), 10.0
# How pages call them.
TITLES = {
    "usps": "USPS, 11,000 digits",
    "alphadigits": "binary alphadigits, 36 characters",
    "notmnist": "notMNIST, 10,000 letters of many fonts",
    "kmnist": "KMNIST, 10,000 hiragana",
    "letter": "UCI's letters, 20,000 rows of 16 numbers",
    "landsat": "UCI's Landsat, 2,000 rows of 36 numbers",
    "usps_unequal": "USPS, classes from 100 to 10 %",
    "notmnist_unequal": "notMNIST, classes from 100 to 10 %",
    "letter_unequal": "UCI's letters, classes from 100 to 10 %",
}


def thinned(labels: np.ndarray, ratio: float, seed: int = 0) -> np.ndarray:
    """Draw inputs so that the sizes of the classes, in a random order, fall geometrically.

    Parameters
    ----------
    labels
        ``(N,)``.
    ratio
        How many times as large as the smallest class the largest is to be, at least 1.
    seed
        Of the order of the classes, and of what is drawn.

    Returns
    -------
    np.ndarray
        The drawn ones, in ascending order; of the largest class as many as the set has of its smallest.
    """
    random = np.random.default_rng(seed)
    classes, sizes = np.unique(labels, return_counts=True)
    shares = ratio ** -np.linspace(0, 1, len(classes))
    drawn = [
        random.permutation(np.flatnonzero(labels == one))[: round(sizes.min() * share)]
        for one, share in zip(random.permutation(classes), shares, strict=True)
    ]
    return np.sort(np.concatenate(drawn))


def is_test(name: str) -> bool:
    """Return whether a set is one of these."""
    return name.removesuffix("_unequal") in SETS


def main() -> None:
    """Convert what is there."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    for name, (source, read) in SETS.items():
        if not (folder / source).exists():
            print(f"{name}: there is no {folder / source}")
            continue
        x, labels = read(folder / source)
        np.savez_compressed(folder / f"{name}.npz", x=x, labels=labels)
        print(f"{name}: {x.shape}, {len(np.unique(labels))} classes")
        if name in UNEQUAL:
            some = thinned(labels, RATIO)
            np.savez_compressed(folder / f"{name}_unequal.npz", x=x[some], labels=labels[some])


if __name__ == "__main__":
    main()
