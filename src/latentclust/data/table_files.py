"""Tables of the user's own, from CSV, TSV or Parquet files."""

import csv
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.api.types import is_string_dtype

from latentclust.data.checks import require_columns
from latentclust.data.columns import NUMERIC_SHARE
from latentclust.data.memory import require_memory
from latentclust.errors import LatentclustError

SEPARATORS = {".csv": ",", ".tsv": "\t", ".parquet": "", ".pq": ""}
LONGEST_LINE = 2**26  # bytes: 100,000 columns have far shorter ones
ADVICE = "give a table of fewer rows or columns"
# With a comma as the decimal point, and without any.
DECIMAL, WHOLE = r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?", r"[+-]?\d+"
PANDAS_INDEX = "__index_level_"  # how pandas names an index without a name in Parquet


def read_frame(path: Path, texts: Sequence[str] = ()) -> pd.DataFrame:
    """Read a table, its columns as pandas finds them.

    Parameters
    ----------
    path
        Of the file.
    texts
        Columns that are text even where it reads as numbers.

    Raises
    ------
    LatentclustError
        If there is no such file, or it is damaged or too large.
    """
    suffix = path.suffix.lower()
    if suffix not in SEPARATORS:
        other = ", or data=files for arrays" if suffix in (".npy", ".npz") else ""
        raise LatentclustError(f"is no table that can be read: give a .csv, .tsv or .parquet file{other}")
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for without end
            raise LatentclustError("is not a regular file: give a .csv, .tsv or .parquet file")
        frame = _read_text(path, SEPARATORS[suffix], texts) if SEPARATORS[suffix] else _read_parquet(path)
    except LatentclustError:
        raise
    except MemoryError as error:
        raise LatentclustError(f"does not fit into the memory that is free: {ADVICE}") from error
    except UnicodeDecodeError as error:
        raise LatentclustError("is not text in UTF-8: save it as 'CSV UTF-8'") from error
    except OSError as error:
        raise LatentclustError(f"cannot be read ({error.strerror or error}): give a table's path") from error
    except Exception as error:  # a damaged file fails in ways that no list foresees
        reason = " ".join(str(error).split())[:200].removeprefix("Error tokenizing data. C error: ")
        raise LatentclustError(f"is no whole table ({reason}): mend it, or write it again") from error
    if frame.empty:
        raise LatentclustError("has no rows: give a line of names, and a line for each input")
    return frame


def _read_text(path: Path, separator: str, texts: Sequence[str]) -> pd.DataFrame:
    with path.open("rb") as file:
        lines = [file.readline(LONGEST_LINE).decode("utf-8-sig") for _ in range(2)]
    if separator == ",":
        # Semicolons are used where the comma is the decimal point, and tabs by many programs.
        separator = max(",;\t", key=lines[0].count)
    names = next(csv.reader([lines[0]], delimiter=separator), [])
    _check_names(names)
    require_memory(path.stat().st_size, ADVICE)
    frame = _parsed(path, separator, ".", texts, len(names))
    text = [frame[name] for name in frame.columns if name not in texts and is_string_dtype(frame[name])]
    if separator == ";" and any(_has_decimal_commas(column) for column in text):
        return _parsed(path, separator, ",", texts, len(names))
    return frame


def _parsed(path: Path, separator: str, decimal: str, texts: Sequence[str], n_names: int) -> pd.DataFrame:
    options: dict[str, Any] = {"sep": separator, "decimal": decimal, "encoding": "utf-8-sig"}
    options["dtype"] = dict.fromkeys(texts, str)
    # A column of whole numbers and a few words must not become pieces of two types.
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)  # values without a name would be dropped
        try:
            # A comma at the end of each row makes no column.
            frame: pd.DataFrame = pd.read_csv(
                path, **options, na_values=["?"], low_memory=False, index_col=False
            )
        except pd.errors.ParserWarning as error:
            raise LatentclustError(
                f"has rows of more values than the {n_names} names in its first line: mend that line"
            ) from error
    return frame


def _has_decimal_commas(column: "pd.Series[Any]") -> bool:
    """Whether most of a column of text is numbers, some of them with a comma as the decimal point."""
    values = column.dropna().str.strip()
    commas = values.str.fullmatch(DECIMAL)
    return bool(commas.any()) and float((commas | values.str.fullmatch(WHOLE)).mean()) > NUMERIC_SHARE


def _check_names(names: Sequence[str]) -> None:
    require_columns(len(names))
    if doubles := [name for name, count in Counter(names).items() if count > 1 and name]:
        raise LatentclustError(
            f"has {len(doubles)} names of columns more than once, such as '{doubles[0]}': rename them"
        )
    # 0, 1, 2, ... are names that programs give.
    if names and all(_is_number(name) for name in names) and not all(name.isdecimal() for name in names):
        raise LatentclustError(
            f"begins with numbers ({', '.join(names[:3])}, ...), not with the names of the columns: put a "
            "line of names first"
        )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        import pyarrow.parquet as pq
    except ImportError as error:
        raise LatentclustError(
            "needs the package pyarrow: pip install 'latentclust[parquet]', or save it as .csv"
        ) from error
    file = pq.ParquetFile(path)
    schema, metadata = file.schema_arrow, file.metadata
    _check_names(schema.names)
    sizes = (metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
    require_memory(max(sum(sizes), 8 * metadata.num_rows * metadata.num_columns), ADVICE)
    # An index that pandas has put there is no column; a column that it has made an index of is one.
    kept = [name for name in schema.names if not name.startswith(PANDAS_INDEX)]
    frame: pd.DataFrame = file.read(columns=kept).to_pandas(ignore_metadata=True, timestamp_as_object=False)
    return frame
