"""Columns of a table that are no features: they say nothing, or number or name its rows."""

import re
from typing import Any

import pandas as pd

FEWEST = 3  # rows, below which any numbers may happen to be in order
NAME_OF_ID = re.compile(r"(?:^|[\W_])[iI][dD]$|(?<=[a-z])I[dD]$")  # id, customer_id, Customer ID, customerId


def constant(column: "pd.Series[Any]") -> str:
    """Say why a column with at most one value is left out."""
    return "have no value at all" if bool(column.isna().all()) else "have one value only"


def numbering(column: "pd.Series[Any]") -> str | None:
    """Say why a column of N rows is left out for numbering or naming them; None if it does not."""
    if not _is_whole(column):
        return None
    if bool((column.diff().iloc[1:] == 1).all()):  # 0, 1, 2, ..., as programs put into a first column
        return "only number the rows"
    if NAME_OF_ID.search(str(column.name)) and column.is_unique:
        return "name the rows (data.id takes one of them)"
    return None


def may_number(column: "pd.Series[Any]") -> bool:
    """Whether a column grows from row to row in whole numbers, as features seldom do."""
    return _is_whole(column) and bool((column.diff().iloc[1:] > 0).all())


def _is_whole(column: "pd.Series[Any]") -> bool:
    return column.dtype.kind in "iu" and len(column) >= FEWEST
