"""Images or vectors of the user's own, from a NumPy file."""

from pathlib import Path

import torch

from latentclust.data.arrays import Arrays, read_arrays
from latentclust.data.beside import checked_ids, checked_labels, checked_mask, checked_names
from latentclust.data.checks import checked_images, checked_vectors, cut, notes_on
from latentclust.data.mapped import Stored
from latentclust.data.memory import require_memory
from latentclust.data.splits import Source, Split, require_limit, uniform_choice
from latentclust.errors import LatentclustError


def load_files(path: str | Path, limit: int | None = None) -> Source:
    """Load the inputs of an ``.npz`` file, or of an ``.npy`` file that holds nothing else.

    Of an ``.npy`` file ``limit`` inputs are read, drawn as by `uniform_subset`, if that is given.

    The arrays of the ``.npz`` file are:

    - ``images``: ``(N, H, W)`` or ``(N, H, W, C)`` with C <= 4. uint8, and floats in [0, 1], which are
      rounded to 8 bits; other numbers of any range, which come as float32.
    - or ``x``: the same, or vectors ``(N, P)`` of any numbers, with NaN where a value is missing. The only
      array of a file may have any name.
    - ``labels`` (optional): whole numbers or text ``(N,)``. They are renumbered 0..K-1 in ascending order,
      and their original values become the class names.
    - ``is_test`` (optional): booleans ``(N,)``, True for what to put into the test split.
    - ``ids`` (optional): text or whole numbers ``(N,)``, all different.
    - ``feature_names`` (optional): text ``(P,)``.

    Or the file is a matrix of ``scipy.sparse.save_npz``, whose rows are the vectors.

    Raises
    ------
    LatentclustError
        If the file cannot be read or does not fit into the free memory, or an array is not as described.
    """
    path = Path(path).expanduser()
    try:
        arrays, limited = _some(path, limit), limit is not None
        if arrays is None:
            arrays, limited = read_arrays(path), False
        given, labels, mask, ids, names = (
            arrays.get(name) for name in ("images", "labels", "is_test", "ids", "feature_names")
        )
        feature_names: tuple[str, ...] = ()
        notes: tuple[str, ...] = ()
        if given is None and arrays["x"].ndim in (3, 4):
            given = arrays["x"]
        if given is not None:
            inputs = checked_images(given)
            if names is not None:
                raise LatentclustError("feature_names are for vectors x (N, P), and these are images")
        else:
            inputs = checked_vectors(arrays["x"])
            feature_names = checked_names(names, inputs.shape[1])
            notes = notes_on(cut(inputs), feature_names)
        codes, class_names = checked_labels(labels, len(inputs))
        is_test = checked_mask(mask, len(inputs))
        whole = Split(torch.from_numpy(inputs), codes, checked_ids(ids, len(inputs)))
    except LatentclustError as error:
        raise LatentclustError(f"{path}: {error}") from error
    test = whole[is_test] if is_test.any() else None
    train = whole if test is None else whole[~is_test]
    return Source(train, test, class_names, feature_names, notes, limited=limited)


def _some(path: Path, limit: int | None) -> Arrays | None:
    """Read as many rows as are wanted; None where everything must be read."""
    if limit is None or path.suffix.lower() != ".npy" or not path.is_file():
        return None
    try:
        stored = Stored.of(path)
    except LatentclustError:
        return None  # whoever reads everything says what is wrong
    if not stored.shape:
        return None
    require_limit(limit, len(stored))
    require_memory(limit * (stored.nbytes // max(1, len(stored))), "give a lower data.limit")
    return {"x": stored.read(uniform_choice(len(stored), limit).numpy())}
