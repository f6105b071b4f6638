"""What a run writes of each input: ``assignments.csv``, and on request Parquet, codes and folders."""

import csv
import io
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from latentclust.atomic import cannot_write, whole_file
from latentclust.errors import LatentclustError
from latentclust.evaluation.assignments import Assignments, as_text, chunks
from latentclust.settings.output import Output

ROWS = 65_536  # whose text is in memory at once
Row = tuple[Assignments, NDArray[np.floating] | None]
"""Some rows of the table, and their codes ``(M, D)`` where there are any."""


class Sink(Protocol):
    """Takes a table part by part."""

    def add(self, columns: dict[str, Any]) -> None:
        """Write some rows."""

    def close(self) -> None:
        """Write what is left."""


class CsvSink:
    """Writes rows as UTF-8 text with a header: comma-separated, true and false, an empty cell for unknown."""

    def __init__(self, file: IO[bytes]) -> None:
        # Names of files may hold bytes that are no text; they come out as they are.
        self.text = io.TextIOWrapper(file, encoding="utf-8", errors="surrogateescape", newline="")
        self.writer = csv.writer(self.text, lineterminator="\n")
        self.names: list[str] = []

    def add(self, columns: dict[str, Any]) -> None:
        """Write some rows; the first ones say which columns there are."""
        if not self.names:
            self.names = list(columns)
            self.writer.writerow(self.names)
        n = len(columns["cluster"])
        cells = [as_text(name, columns.get(name, [None] * n)) for name in self.names]
        self.writer.writerows(zip(*cells, strict=True))

    def close(self) -> None:
        """Leave the file open for whoever has opened it."""
        self.text.flush()
        self.text.detach()


class ParquetSink:
    """Writes rows as a Parquet file, typed."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.writer: Any = None

    def add(self, columns: dict[str, Any]) -> None:
        """Write some rows as a row group."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        typed = {
            name: column if isinstance(column, np.ndarray) else as_names(column)
            for name, column in columns.items()
        }
        table = pa.table(typed)
        if self.writer is None:
            self.writer = pq.ParquetWriter(self.file, table.schema)
        n, schema = len(table), self.writer.schema
        missing = {name: pa.nulls(n, schema.field(name).type) for name in schema.names if name not in typed}
        self.writer.write_table(pa.table({**typed, **missing}).select(schema.names).cast(schema))

    def close(self) -> None:
        """Write the footer."""
        if self.writer is not None:
            self.writer.close()


def as_names(column: Iterable[Any]) -> list[str | None]:
    """Make text of names; bytes of a file's name that are no text become question marks."""
    return [None if value is None else str(value).encode("utf-8", "replace").decode() for value in column]


def require_parquet(output: Output) -> None:
    """Check that Parquet can be written if it is wanted, before hours are spent.

    Raises
    ------
    LatentclustError
        If pyarrow is not installed.
    """
    if output.parquet and find_spec("pyarrow") is None:
        raise LatentclustError(
            "output.parquet=true needs pyarrow: pip install 'latentclust[parquet]', or leave it out"
        )


def write_assignments(
    folder: Path, output: Output, rows: Iterable[Row], files: Path | None = None
) -> list[Path]:
    """Write a table, whole or not at all, and what ``output`` asks for beside it.

    Parameters
    ----------
    folder
        The run's.
    output
        What is wanted.
    rows
        The table in parts, with the same columns in each; they are not kept.
    files
        Where names of files begin, if they are not whole paths; None for the folder of the command.

    Returns
    -------
    list[Path]
        What was written, ``assignments.csv`` first.

    Raises
    ------
    LatentclustError
        If it cannot be written, or pyarrow is missing.
    """
    require_parquet(output)
    kinds: dict[str, Any] = {"csv": CsvSink} | ({"parquet": ParquetSink} if output.parquet else {})
    paths = [folder / f"assignments.{kind}" for kind in kinds]
    placed: list[tuple[str, int]] = []
    with ExitStack() as stack:
        sinks: list[Sink] = []
        for kind, path in zip(kinds.values(), paths, strict=True):
            sinks.append(kind(stack.enter_context(whole_file(path))))
            stack.callback(sinks[-1].close)  # before the file is, after an error too
        codes = Codes(stack, folder / "codes.npy") if output.codes else None
        for part in each(rows, codes):
            for sink in sinks:
                sink.add(part.columns())
            if output.folders and part.ids is not None:
                placed += zip(part.ids, part.clusters.tolist(), strict=True)
    if codes is not None and codes.begun:
        paths.append(codes.path)
    if output.folders:
        paths += link_files(folder / "clusters", placed, files)
    return paths


def keep_account(folder: Path, account: Mapping[str, Any]) -> None:
    """Write ``clusters.json``: the pool's clusters in a few numbers, for the report."""
    with whole_file(folder / "clusters.json") as file:
        file.write((json.dumps(account, indent=1) + "\n").encode())


def each(rows: Iterable[Row], codes: "Codes | None") -> Iterator[Assignments]:
    """Yield the table's parts, small ones, and write the codes."""
    for table, vectors in rows:
        if codes is not None and vectors is not None:
            codes.add(vectors)
        yield from chunks(table, ROWS)


class Codes:
    """Writes vectors ``(n, D)``, float32, part by part into an ``.npy`` file, whose n is known at its end."""

    def __init__(self, stack: ExitStack, path: Path) -> None:
        self.stack, self.path = stack, path
        self.n = self.dims = 0
        self.file: IO[bytes] | None = None

    @property
    def begun(self) -> bool:
        """Whether there was anything to write."""
        return self.file is not None

    def add(self, vectors: NDArray[np.floating]) -> None:
        """Write some rows."""
        if self.file is None:
            self.file = self.stack.enter_context(whole_file(self.path))
            self.dims = vectors.shape[1]
            self._write_header(self.file)
            self.stack.callback(self.close)  # before the file is
        self.n += len(vectors)
        self.file.write(np.ascontiguousarray(vectors, dtype="<f4").tobytes())

    def _write_header(self, file: IO[bytes]) -> None:
        """NumPy leaves room for any number of rows, so that the header can be written again."""
        header = {"descr": "<f4", "fortran_order": False, "shape": (self.n, self.dims)}
        np.lib.format.write_array_header_1_0(file, header)

    def close(self) -> None:
        """Write how many there are."""
        if self.file is not None:
            self.file.seek(0)
            self._write_header(self.file)


def link_files(folder: Path, placed: Iterable[tuple[str, int]], files: Path | None) -> list[Path]:
    """Link each file into the folder of its cluster, such as ``clusters/3``; copy where links are impossible.

    Files of one name from several folders get their folders' names too, joined by ``__``.

    Returns
    -------
    list[Path]
        The folder; none if no name is that of a file.

    Raises
    ------
    LatentclustError
        If the folder cannot be written.
    """
    taken: set[Path] = set()
    for name, cluster in placed:
        source = (Path(name) if files is None else files / name).absolute()
        if not source.is_file():
            continue
        target = free_place(folder / str(cluster), source, taken)
        taken.add(target)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                target.unlink()
            try:
                target.symlink_to(source)
            except (OSError, NotImplementedError):  # such as on Windows without the right to
                shutil.copy2(source, target)
        except OSError as error:
            raise LatentclustError(cannot_write(target, error)) from error
    return [folder] if taken else []


def free_place(folder: Path, source: Path, taken: set[Path]) -> Path:
    """Return where a file goes: by its name, with as many of its folders' names as it takes to be alone."""
    parts = list(source.parts[1:])
    for n in range(1, len(parts) + 1):
        place = folder / "__".join(parts[-n:])
        if place not in taken:
            return place
    return folder / "__".join(parts)
