"""Tables become vectors: numbers as they are, categories as 0 and 1, and the same for new rows."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypedDict, cast

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from latentclust.data.beside import checked_ids, checked_labels
from latentclust.data.checks import checked_vectors, cut, notes_on, require_columns
from latentclust.data.columns import Column, described, require_flat, values_of
from latentclust.data.memory import require_memory
from latentclust.data.no_features import constant, may_number, numbering
from latentclust.data.splits import Source, Split
from latentclust.data.table_files import ADVICE, read_frame
from latentclust.errors import LatentclustError

SHOWN = 5  # names in a message


class TableSchema(TypedDict):
    """How a table becomes vectors, in plain values that can be saved and applied to new rows."""

    reader: str
    """``table``."""
    columns: list[Column]
    """In the order of the vectors' numbers."""
    id: str | None
    """The column with the rows' names."""
    left_out: list[str]
    """Columns that the table had and the vectors have not."""


def load_table(
    path: str | Path,
    *,
    columns: Sequence[str | int] | None = None,
    drop: Sequence[str | int] = (),
    label: str | int | None = None,
    id: str | int | None = None,
    max_categories: int = 50,
    flags: bool = False,
) -> Source:
    """Load the rows of a table as vectors, with NaN where a value is missing.

    Parameters
    ----------
    path
        A ``.csv``, ``.tsv`` or ``.parquet`` file with names of its columns.
    columns
        Those to cluster; by default all but ``drop``, ``label`` and ``id``.
    drop
        Columns to leave out.
    label
        The column with the classes, for evaluation alone.
    id
        The column with the rows' names.
    max_categories
        A column of text may have this many values: each becomes a number that is 0 or 1, called
        ``column=value``. All are missing where the text is.
    flags
        Add a number that is 0 or 1 for each column with missing values, called ``column is missing``.

    Raises
    ------
    LatentclustError
        If the table cannot be read, or a column cannot become numbers.
    """
    path = Path(path).expanduser()
    try:
        frame = _named(read_frame(path))
        schema, notes = fit_schema(
            frame,
            columns=None if columns is None else [str(name) for name in columns],
            drop=[str(name) for name in drop],
            label=None if label is None else str(label),
            id=None if id is None else str(id),
            max_categories=max_categories,
            flags=flags,
        )
        vectors, names = apply_schema(frame, schema)
        labels, class_names = checked_labels(_labels(frame, label), len(frame))
        split = Split(torch.from_numpy(vectors), labels, _ids(frame, schema["id"]))
        notes += notes_on(cut(vectors), names)
    except LatentclustError as error:
        raise LatentclustError(f"{path}: {error}") from error
    return Source(split, None, class_names, names, notes, cast("Mapping[str, Any]", schema))


def read_table(path: str | Path, schema: Mapping[str, Any]) -> Source:
    """Read new rows as those of an earlier table: any order of columns, no labels, the same vectors.

    Parameters
    ----------
    path
        A ``.csv``, ``.tsv`` or ``.parquet`` file.
    schema
        ``Source.reading`` of the earlier table.

    Raises
    ------
    LatentclustError
        If a column is missing, or a value is none that the earlier table could have.
    """
    path = Path(path).expanduser()
    known = cast(TableSchema, schema)
    try:
        # A text that looks like a number stays a text where it was one.
        texts = [column["name"] for column in known["columns"] if column["kind"] == "category"]
        frame = _named(read_frame(path, texts))
        vectors, names = apply_schema(frame, known)
        ids = _ids(frame, known["id"]) if known["id"] in frame.columns else None
    except LatentclustError as error:
        raise LatentclustError(f"{path}: {error}") from error
    expected = {column["name"] for column in known["columns"]} | {*known["left_out"], known["id"]}
    new = [name for name in frame.columns if name not in expected]
    notes = (f"columns that the first table had not are left out: {_listed(new)}",) if new else ()
    return Source(Split(torch.from_numpy(vectors), None, ids), None, (), names, notes, schema)


def fit_schema(
    frame: pd.DataFrame,
    *,
    columns: Sequence[str] | None = None,
    drop: Sequence[str] = (),
    label: str | None = None,
    id: str | None = None,
    max_categories: int = 50,
    flags: bool = False,
) -> tuple[TableSchema, tuple[str, ...]]:
    """Decide how a table of N rows becomes vectors; see :func:`load_table`. Return notes on it too.

    Raises
    ------
    LatentclustError
        If a named column is not there, one cannot become numbers, or none is left.
    """
    named = [*(columns or ()), *drop, *([label] if label else []), *([id] if id else [])]
    _require_known(frame, named)
    if both := {*(columns or ())} & {label, id, *drop}:
        raise LatentclustError(
            f"the column '{min(map(str, both))}' is in data.columns, but is the label, the id or dropped too"
        )
    for name in filter(None, (label, id)):
        require_flat(frame[name])
    apart = {label, id, *drop}
    kept: list[Column] = []
    without: dict[str, list[str]] = {}
    for name in dict.fromkeys(frame.columns if columns is None else columns):
        if name in apart:
            continue
        column = described(frame[name], max_categories, flags=flags)
        why = constant(frame[name]) if column["kind"] == "constant" else None
        if why is None and columns is None:
            why = numbering(frame[name])
        if why is not None:
            without.setdefault(why, []).append(name)
        if why is None or column["flag"]:
            kept.append(column)
    if not kept:
        told = f" (they {', or '.join(without)})" if without else ""
        raise LatentclustError(
            f"no column is left to cluster{told}: it needs one of numbers, or of text with few values"
        )
    left_out = [name for name in frame.columns if name not in {column["name"] for column in kept}]
    schema: TableSchema = {"reader": "table", "columns": kept, "id": id, "left_out": left_out}
    ordered = [column["name"] for column in kept if columns is None and may_number(frame[column["name"]])]
    return schema, _notes(without, ordered, [column for column in kept if column["kind"] == "category"])


def _notes(
    without: Mapping[str, Sequence[str]], ordered: Sequence[str], categories: Sequence[Column]
) -> tuple[str, ...]:
    """Say what was left out and why, what may be left out, and which columns became categories."""
    notes = [f"left out, for they {why}: {_listed(names)}" for why, names in without.items()]
    if ordered:
        notes.append(f"growing from row to row: {_listed(ordered)}; data.drop leaves out what names the rows")
    if categories:
        sizes = [f"{column['name']} ({len(column['values'])})" for column in categories]
        notes.append(f"text, a number of 0 or 1 for each of its values: {_listed(sizes)}")
    return tuple(notes)


def apply_schema(frame: pd.DataFrame, schema: TableSchema) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Turn N rows into vectors ``(N, P)`` and name their P numbers.

    Raises
    ------
    LatentclustError
        If a column is missing or has another kind of value, or there are too many numbers.
    """
    _require_known(frame, [column["name"] for column in schema["columns"]])
    names = [name for column in schema["columns"] for name in names_of(column)]
    require_columns(len(names))
    if len(set(names)) < len(names):
        double = next(name for name in names if names.count(name) > 1)
        raise LatentclustError(f"two numbers would be called '{double}': rename a column")
    require_memory(4 * len(frame) * len(names), ADVICE)
    vectors = np.empty((len(frame), len(names)), np.float32)
    place = 0
    for column in schema["columns"]:
        values = values_of(frame[column["name"]], column)
        vectors[:, place : place + values.shape[1]] = values
        place += values.shape[1]
    return checked_vectors(vectors), tuple(names)


def names_of(column: Column) -> list[str]:
    """Return what a column's numbers are called."""
    name = column["name"]
    numbers = {"number": [name], "category": [f"{name}={value}" for value in column["values"]]}
    return numbers.get(column["kind"], []) + ([f"{name} is missing"] if column["flag"] else [])


def _named(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.set_axis([str(name) for name in frame.columns], axis="columns")


def _require_known(frame: pd.DataFrame, names: Sequence[str]) -> None:
    if lacking := [name for name in names if name not in frame.columns]:
        known = {name.casefold(): name for name in frame.columns}
        close = get_close_matches(lacking[0].casefold(), known, n=1)
        guess = f" (did you mean '{known[close[0]]}'?)" if close else ""
        raise LatentclustError(
            f"has no column {_listed(lacking)}{guess}: it has {_listed(list(known.values()))}"
        )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(f"'{name}'" for name in names[:SHOWN]) + more


def _labels(frame: pd.DataFrame, label: str | int | None) -> NDArray[Any] | None:
    if label is None:
        return None
    column = frame[str(label)]
    if holes := int(column.isna().sum()):
        raise LatentclustError(
            f"{holes:,} of {len(column):,} labels are missing (data.label='{label}'): give every row one, or "
            "leave data.label out"
        )
    if column.dtype.kind in "biuf":
        return np.asarray(column)
    return np.array([str(value) for value in column])


def _ids(frame: pd.DataFrame, id: str | None) -> tuple[str, ...] | None:
    if id is None:
        return None
    column = frame[id]
    if holes := int(column.isna().sum()):
        raise LatentclustError(
            f"{holes:,} of {len(column):,} ids are missing (data.id='{id}'): give every row one"
        )
    return checked_ids(np.array([str(value) for value in column]), len(column))
