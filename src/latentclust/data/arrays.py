"""Arrays of NumPy's and SciPy's files, read without running what a file may hold."""

from math import prod
from pathlib import Path
from textwrap import shorten
from typing import IO, Any
from zipfile import ZipFile, is_zipfile

import numpy as np
import scipy.sparse
from numpy.lib import format as npy
from numpy.typing import NDArray

from latentclust.data.checks import require_columns
from latentclust.data.mapped import require_plain
from latentclust.data.memory import require_memory
from latentclust.data.table_files import SEPARATORS
from latentclust.errors import LatentclustError

Arrays = dict[str, NDArray[Any]]

INPUTS = ("images", "x")
OTHERS = ("labels", "is_test", "ids", "feature_names")
SAVE_ALONE = "save the inputs alone with numpy.save('x.npy', x), which is read in blocks"
LEAVE_THERE = "give data.in_memory=false, which reads it in blocks, or fewer inputs"
SPARSE = {"format", "shape", "data"}  # what scipy.sparse.save_npz always writes


def read_arrays(path: Path) -> Arrays:
    """Read an ``.npy`` or ``.npz`` file; the inputs are called ``images`` or ``x``.

    The declared sizes are looked at before anything is read: a header may claim, and an archive may inflate
    to, any number of bytes. Arrays of Python objects are refused, for unpickling them could run code.

    Raises
    ------
    LatentclustError
        If the file cannot be read, does not fit into the free memory, or has other arrays.
    """
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for without end
            folder = ", or data=folder for a folder of pictures" if path.is_dir() else ""
            raise LatentclustError(f"is not a regular file: give the path of an .npz or .npy file{folder}")
        if path.exists() and path.suffix.lower() in SEPARATORS:
            raise LatentclustError("is a table, not an .npz or .npy file: give data=table, not data=files")
        with path.open("rb") as file:
            if is_zipfile(file):
                return _read_archive(file)
            return {"x": _read_array(file, path.stat().st_size, LEAVE_THERE)}
    except LatentclustError:
        raise
    except MemoryError as error:
        raise LatentclustError("does not fit into the memory that is free: give fewer images") from error
    except OSError as error:
        raise LatentclustError(
            f"cannot be read ({error.strerror or error}): give the path of an .npz or .npy file"
        ) from error
    except Exception as error:  # a damaged header or archive fails in ways that no list foresees
        raise LatentclustError(
            "not a whole .npz or .npy file of plain numbers: write it with numpy.savez or numpy.save"
        ) from error


def _read_archive(file: IO[bytes]) -> Arrays:
    with ZipFile(file) as archive:
        members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
        sparse = set(members) >= SPARSE
        names = {name: name for name in members} if sparse else _names(set(members))
        require_memory(sum(member.file_size for member in members.values()), SAVE_ALONE)
        arrays = {}
        for name, member in members.items():
            with archive.open(member) as content:
                what = f"the array {names[name]} "
                arrays[names[name]] = _read_array(content, member.file_size, SAVE_ALONE, what)
    if not sparse:
        return arrays
    file.seek(0)
    return {"x": _dense(file, arrays)}


def _names(members: set[str]) -> dict[str, str]:
    """Say what each array of an archive is: the only one beside labels and the like holds the inputs."""
    inputs = sorted(members & set(INPUTS))
    unknown = sorted(members - set(INPUTS) - set(OTHERS))
    if len(inputs) > 1:
        raise LatentclustError("there are both images and x: keep the one that is to be clustered")
    if not inputs and len(unknown) == 1:
        return {name: name for name in members} | {unknown[0]: "x"}
    if unknown:
        told = shorten(", ".join(n if n.isprintable() else ascii(n) for n in unknown), 200)
        raise LatentclustError(f"unknown arrays {told}: known are {', '.join((*INPUTS, *OTHERS))}")
    if not inputs:
        raise LatentclustError(
            "there is no array called images or x: add images (N, H, W), or vectors x (N, P)"
        )
    return {name: name for name in members}


def _read_array(file: IO[bytes], size: int, advice: str, what: str = "") -> NDArray[Any]:
    """Read an array in NumPy's format from a file of this size in bytes; ``what`` says which, in messages."""
    file.seek(0)
    version = npy.read_magic(file)
    shape, _, dtype = (npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0)(file)
    declared = prod(shape) * dtype.itemsize
    require_plain(dtype, what)
    if min(shape, default=0) < 0 or file.tell() + declared > size:
        raise ValueError(f"{dtype} of shape {shape} in {size} bytes")
    require_memory(declared, advice)
    file.seek(0)
    array: NDArray[Any] = npy.read_array(file, allow_pickle=False)
    return array


def _dense(file: IO[bytes], arrays: Arrays) -> NDArray[Any]:
    """Return the matrix of ``scipy.sparse.save_npz`` in full; its arrays have been read once without harm."""
    n_rows, n_columns = (int(side) for side in arrays["shape"])
    require_columns(n_columns)
    require_memory(4 * n_rows * n_columns, "it is a sparse matrix that is clustered in full, so give fewer")
    matrix = scipy.sparse.load_npz(file)
    if matrix.dtype.kind not in "biuf":
        raise ValueError(f"a sparse matrix of {matrix.dtype}")
    if hasattr(matrix, "check_format"):  # an index out of range would write anywhere
        matrix.check_format(full_check=True)
    with np.errstate(over="ignore"):  # what overflows is told as infinite
        dense: NDArray[Any] = matrix.astype(np.float32).toarray()
    return dense
