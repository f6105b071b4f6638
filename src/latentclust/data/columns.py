"""What a column of a table holds, and its numbers."""

import re
from typing import Any, NoReturn, TypedDict

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from latentclust.errors import LatentclustError

# A date as people and programs write it: 2024-05-31, 31.5.24, 5/31/2024; perhaps with a time.
DATE = re.compile(r"\d{1,4}([-./])\d{1,2}\1\d{1,4}([ T]\d{1,2}:\d{2}.*)?|\d{1,2}:\d{2}(:\d{2}.*)?")
NUMERIC_SHARE = 0.5  # of a column's text that can be read as numbers, beyond which the rest may be a mistake
FEW = 0.1  # of its rows, or of its values: words so rare among numbers are a mistake
LEAVE_OUT = "leave it out with data.drop"
NESTED = (list, tuple, dict, np.ndarray)


class Column(TypedDict):
    """How a column becomes numbers, in plain values."""

    name: str
    kind: str
    """``number``; ``category``, one number for each of its values; ``constant``, none."""
    values: list[str]
    """Of a category, in order."""
    flag: bool
    """Whether one more number says where it is missing."""


def described(column: "pd.Series[Any]", max_categories: int, *, flags: bool) -> Column:
    """Say how a column of N rows becomes numbers.

    Raises
    ------
    LatentclustError
        If it cannot: it holds dates, other things than numbers and text, or too many different texts.
    """
    require_flat(column)
    name, known = str(column.name), column.dropna()
    flag = flags and 0 < len(known) < len(column)
    if len(known) == 0 or bool((known == known.iloc[0]).all()):
        return {"name": name, "kind": "constant", "values": [], "flag": flag}
    if _is_numeric(known):
        return {"name": name, "kind": "number", "values": [], "flag": flag}
    values = sorted(set(_texts(known)))
    if all(DATE.fullmatch(value.strip()) for value in values[:100]):
        _refuse_dates(name, values[0])
    many = len(values) > min(max_categories, max(2, len(known) / 2))
    _require_words(name, known.astype(object).map(str), values, many=many)
    if many:
        _refuse_many(name, values, len(known), max_categories)
    return {"name": name, "kind": "category", "values": values, "flag": flag}


def require_flat(column: "pd.Series[Any]") -> None:
    """Require that a column has values, not lists or records as Parquet may have.

    Raises
    ------
    LatentclustError
        If it has.
    """
    if column.dtype == object and any(isinstance(value, NESTED) for value in column):
        raise LatentclustError(
            f"the column '{column.name}' has lists or records: {LEAVE_OUT}, give each number a column of its "
            "own, or save vectors with numpy.save for data=files"
        )


def values_of(column: "pd.Series[Any]", like: Column) -> NDArray[np.float32]:
    """Return a column's numbers ``(N, n)``, NaN where they are missing.

    Raises
    ------
    LatentclustError
        If it holds a value that the described column had not.
    """
    missing, parts = column.isna(), []
    if like["kind"] == "number":
        parts.append(_numbers(column, missing)[:, np.newaxis])
    elif like["kind"] == "category":
        parts.append(_one_hot(column, missing, like))
    if like["flag"]:
        parts.append(missing.to_numpy(np.float32)[:, np.newaxis])
    return np.concatenate(parts, axis=1)


def _is_numeric(known: "pd.Series[Any]") -> bool:
    if pd.api.types.is_numeric_dtype(known):  # true and false too
        return str(known.dtype.kind) != "c"
    if known.dtype != object:
        return False
    kinds = {type(value) for value in known}
    # Booleans and decimal numbers with holes.
    return all(kind.__name__ in ("bool", "bool_", "int", "float", "Decimal") for kind in kinds)


def _texts(known: "pd.Series[Any]") -> list[str]:
    name, kind = str(known.name), known.dtype.kind
    if kind in "mM":
        _refuse_dates(name, str(known.iloc[0]))
    values = known.unique().tolist() if isinstance(known.dtype, pd.CategoricalDtype) else known.tolist()
    odd = next((value for value in values if not isinstance(value, str | int | float)), None)
    if odd is None:
        return [str(value) for value in values]
    if type(odd).__module__ == "datetime":
        _refuse_dates(name, str(odd))
    raise LatentclustError(
        f"the column '{name}' holds values of the kind {type(odd).__name__}, not numbers or text: {LEAVE_OUT}"
    )


def _refuse_dates(name: str, example: str) -> NoReturn:
    raise LatentclustError(
        f"the column '{name}' holds dates or times, such as '{example}': {LEAVE_OUT}, or write what matters "
        "of them as a number, such as a day or an hour"
    )


def _require_words(name: str, texts: "pd.Series[Any]", values: list[str], *, many: bool) -> None:
    """Refuse a column of numbers among which are some words: as categories it would lose their order."""
    numbers = pd.to_numeric(texts, errors="coerce")
    words = texts[numbers.isna().to_numpy()]
    if many and not len(words):
        raise LatentclustError(
            f"the column '{name}' is text that reads as numbers, such as '{values[0]}': save it as numbers, "
            f"all with a decimal comma if others have one, or {LEAVE_OUT}"
        )
    different = words.unique()
    share = len(words) / len(texts)
    few = many or min(share, len(different) / len(values)) <= FEW
    if len(words) and share < 1 - NUMERIC_SHARE and few:
        told = ", ".join(f"'{word[:40]}'" for word in different[:3]) + ", ..." * (len(different) > 3)
        row = words.index[0]
        where = f"row {row}" if len(words) == 1 else f"{len(words):,} rows, the first of them {row}"
        raise LatentclustError(
            f"the column '{name}' holds numbers, but {told} in {where}: mend "
            f"{'it' if len(words) == 1 else 'them'}, or leave such values empty, or {LEAVE_OUT}"
        )


def _refuse_many(name: str, values: list[str], n_known: int, most: int) -> NoReturn:
    raise LatentclustError(
        f"the column '{name}' is text with {len(values):,} values in {n_known:,} rows, such as "
        f"'{values[0][:40]}': {LEAVE_OUT}, or name it as data.id or data.label"
        + (f", or raise data.max_categories={most}" if len(values) <= n_known / 2 else "")
    )


def _numbers(column: "pd.Series[Any]", missing: "pd.Series[bool]") -> NDArray[np.float32]:
    name = column.name
    numbers = pd.to_numeric(column, errors="coerce")
    if numbers.dtype.kind not in "biuf":  # an extension's own type
        numbers = numbers.astype("float64")
    if column.dtype.kind in "mM" or bool((numbers.isna() & ~missing).any()):
        odd = column[(numbers.isna() & ~missing)] if column.dtype.kind not in "mM" else column[~missing]
        raise LatentclustError(
            f"the column '{name}' holds '{odd.iloc[0]}' in row {odd.index[0]}, and it is one of numbers"
        )
    with np.errstate(over="ignore"):
        floats: NDArray[np.float32] = numbers.to_numpy(np.float64, na_value=np.nan).astype(np.float32)
    if len(infinite := np.flatnonzero(np.isinf(floats))):
        raise LatentclustError(
            f"the column '{name}' holds {column.iloc[infinite[0]]} in row {infinite[0]}, which is infinite "
            "or too large for 32 bits: leave it empty where the value is not known"
        )
    return floats


def _one_hot(column: "pd.Series[Any]", missing: "pd.Series[bool]", like: Column) -> NDArray[np.float32]:
    texts = column.astype(object).map(str).to_numpy()
    absent = missing.to_numpy(bool)
    places = pd.Index(like["values"]).get_indexer(pd.Index(texts, dtype=object))
    if len(unknown := np.flatnonzero((places < 0) & ~absent)):
        known = ", ".join(f"'{value}'" for value in like["values"][:5])
        more = ", ..." if len(like["values"]) > 5 else ""
        raise LatentclustError(
            f"the column '{like['name']}' holds '{texts[unknown[0]]}' in row {unknown[0]}, which is none of "
            f"its known values ({known}{more}): leave it empty, or leave out the row"
        )
    encoded = np.zeros((len(column), len(like["values"])), np.float32)
    rows = np.flatnonzero(~absent)
    encoded[rows, places[rows]] = 1
    encoded[absent] = np.nan
    return encoded
