import json
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from latentclust.data import build_datamodule
from latentclust.data.table import load_table, read_table
from latentclust.errors import LatentclustError

pq = pytest.importorskip("pyarrow.parquet")

FLOWERS = """name,length,color,bright,width,kind,fixed
a,1.5,red,true,,oak,9
b,2.5,blue,false,4,elm,9
c,,red,true,5,oak,9
d,4.5,,true,?,elm,9
"""


@pytest.fixture
def write(tmp_path):
    def put(text: str, name: str = "own.csv") -> Path:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return put


def rows(source) -> np.ndarray:
    return source.train.inputs.numpy()


def test_numbers_stay_and_categories_become_zeros_and_ones(write):
    source = load_table(write(FLOWERS), label="kind", id="name")
    nan = np.nan
    assert source.feature_names == ("length", "color=blue", "color=red", "bright", "width")
    np.testing.assert_array_equal(
        rows(source), [[1.5, 0, 1, 1, nan], [2.5, 1, 0, 0, 4], [nan, 0, 1, 1, 5], [4.5, nan, nan, 1, nan]]
    )
    assert source.train.inputs.dtype == torch.float32
    assert source.train.ids == ("a", "b", "c", "d")
    assert source.train.labels is not None
    assert source.train.labels.tolist() == [1, 0, 1, 0]
    assert source.class_names == ("elm", "oak")
    assert source.notes[0] == "left out, for they have one value only: 'fixed'"
    assert source.notes[1] == "text, a number of 0 or 1 for each of its values: 'color (2)'"
    assert source.notes[2].startswith("5 of 20 values are missing, in 3 rows")


def test_flags_say_where_a_column_is_missing(write):
    source = load_table(write(FLOWERS), columns=["width", "color", "bright"], flags=True)
    assert source.feature_names == (
        "width",
        "width is missing",
        "color=blue",
        "color=red",
        "color is missing",
        "bright",
    )
    np.testing.assert_array_equal(rows(source)[:, [1, 4]], [[1, 0], [0, 0], [0, 0], [1, 1]])


def test_schema_reads_new_rows_in_any_order(write):
    first = load_table(write(FLOWERS), label="kind", id="name", flags=True)
    schema = json.loads(json.dumps(first.reading))
    assert schema["reader"] == "table"
    frame = pd.read_csv(write(FLOWERS)).iloc[::-1, ::-1].drop(columns="kind")
    frame["extra"] = 3
    frame.to_csv(write("", "new.csv"), index=False)
    new = read_table(write(FLOWERS).parent / "new.csv", schema)
    np.testing.assert_array_equal(rows(new), rows(first)[::-1])
    assert new.feature_names == first.feature_names
    assert new.train.ids == ("d", "c", "b", "a")
    assert new.train.labels is None
    assert new.notes == ("columns that the first table had not are left out: 'extra'",)
    one = read_table(write(FLOWERS.splitlines()[0] + "\nz,1,blue,true,3,oak,9\n", "one.csv"), schema)
    assert one.feature_names == (
        "length", "length is missing", "color=blue", "color=red", "color is missing", "bright", "width",
        "width is missing",
    )  # fmt: skip
    assert rows(one).tolist() == [[1, 0, 1, 0, 0, 1, 3, 0]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            FLOWERS.replace("length", "Length"),
            r"new.csv: has no column 'length' \(did you mean 'Length'\?\): it has 'name', ",
        ),
        (FLOWERS.replace("blue", "green"), r"'color' holds 'green' in row 1.*known values \('blue', 'red'\)"),
        (FLOWERS.replace("2.5", "long"), "'length' holds 'long' in row 1, and it is one of numbers"),
        (FLOWERS.replace("2.5", "2024-01-02"), "'length' holds '2024-01-02' in row 1"),
    ],
)
def test_new_rows_that_do_not_fit_are_explained(write, text, message):
    schema = load_table(write(FLOWERS), label="kind", id="name").reading
    assert schema is not None
    with pytest.raises(LatentclustError, match=message):
        read_table(write(text, "new.csv"), schema)


def test_text_of_digits_stays_text_where_it_was_text(write):
    first = load_table(write("size,n\n07,1\nXL,2\n07,3\nXL,5\n"))
    assert first.reading is not None
    new = read_table(write("size,n\n07,1\n", "new.csv"), first.reading)
    assert rows(new).tolist() == [[1, 0, 1]]


def test_parquet_tables_are_read_as_csv_is(tmp_path, write):
    frame = pd.read_csv(write(FLOWERS), na_values="?")
    frame["bright"] = pd.Series([True, False, None, True], dtype=object)
    frame["color"] = frame["color"].astype("category")
    frame["price"] = [Decimal("1.5"), Decimal(2), None, Decimal(3)]
    frame.to_parquet(tmp_path / "own.parquet")
    source = load_table(tmp_path / "own.parquet", label="kind", id="name")
    expected = rows(load_table(write(FLOWERS), label="kind", id="name"))
    expected[2, 3] = np.nan
    np.testing.assert_array_equal(rows(source)[:, :5], expected)
    np.testing.assert_array_equal(rows(source)[:, 5], [1.5, 2, np.nan, 3])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("own.tsv", "a\tb\n1.5\t2\n3\t4\n"),
        ("own.csv", "a;b\n1,5;2\n3;4\n"),
        ("own.csv", "a\tb\n1.5\t2\n3\t4\n"),
        ("own.csv", "\ufeffa,b\n1.5,2\n3,4\n"),
        ("own.CSV", "a,b\r\n1.5,2\r\n3,4\r\n"),
        ("a, b (ü) 'c'.csv", '"a",b\n"1.5",2\n3,4\n'),
    ],
)
def test_the_ways_in_which_programs_write_tables(write, name, text):
    source = load_table(write(text, name))
    assert source.feature_names == ("a", "b")
    assert rows(source).tolist() == [[1.5, 2], [3, 4]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a;b\n6;5\n5,5;3\n-,5;4\n", [[6, 5], [5.5, 3], [-0.5, 4]]),  # the first row has whole numbers
        ("a;b\n6;5\n;3\n1,5e2;\n", [[6, 5], [np.nan, 3], [150, np.nan]]),
        ("a;b;c\n6.5;5;see 3,4\n5.5;3;x\n1.5;2;x\n", [[6.5, 5, 1, 0], [5.5, 3, 0, 1], [1.5, 2, 0, 1]]),
    ],
)
def test_the_decimal_point_is_that_of_the_whole_table(write, text, expected):
    np.testing.assert_array_equal(rows(load_table(write(text))), expected)


def test_new_rows_have_a_decimal_point_of_their_own(write):
    first = load_table(write("a;size\n1,5;1,5\n2,5;3\n4;XL\n2;1,5\n9;XL\n7;3\n"))
    assert first.feature_names == ("a", "size=1,5", "size=3", "size=XL")
    for text in ("a;size\n2,5;1,5\n", 'a,size\n2.5,"1,5"\n'):
        assert rows(read_table(write(text, "new.csv"), first.reading)).tolist() == [[2.5, 1, 0, 0]]


@pytest.mark.parametrize(
    ("ages", "message"),
    [
        ([*range(20, 40)] * 9 + ["unknown"], "'age' holds numbers, but 'unknown' in row 180: mend it, or"),
        ([*range(20, 40)] * 9 + ["-", "n/k", "-"], "but '-', 'n/k' in 3 rows, the first of them 180: mend"),
        ([*range(20, 40)] * 2 + ["-"] * 15, "but '-' in 15 rows"),
    ],
)
def test_a_few_words_do_not_make_categories_of_numbers(write, ages, message):
    with pytest.raises(LatentclustError, match=message):
        load_table(write("age,b\n" + "".join(f"{age},{i % 7}\n" for i, age in enumerate(ages))))


def test_words_among_few_numbers_are_categories(write):
    sizes = [36, 38, "S", "M", 36, 38, 36, "S"] * 3
    source = load_table(write("size,b\n" + "".join(f"{size},{i % 7}\n" for i, size in enumerate(sizes))))
    assert source.feature_names == ("size=36", "size=38", "size=M", "size=S", "b")
    assert source.notes == ("text, a number of 0 or 1 for each of its values: 'size (4)'",)


@pytest.mark.parametrize("names", ["a,b,c", "a,b,c,"])
def test_a_comma_at_the_end_of_each_row_makes_no_column(write, names):
    source = load_table(write(f"{names}\n1,2,3,\n4,5,6,\n"))
    assert source.feature_names == ("a", "b", "c")
    assert rows(source).tolist() == [[1, 2, 3], [4, 5, 6]]


def test_values_without_a_name_are_not_dropped(write):
    with pytest.raises(LatentclustError, match="rows of more values than the 3 names in its first line"):
        load_table(write("a,b,c\n1,2,3,9\n4,5,6,9\n"))


def test_the_number_of_the_row_is_no_feature(write, tmp_path):
    pd.DataFrame({"a": [3, 1, 2, 2], "b": [0, 1, 5, 1]}).to_csv(tmp_path / "own.csv")
    source = load_table(tmp_path / "own.csv")
    assert source.feature_names == ("a", "b")
    assert source.notes == ("left out, for they only number the rows: 'Unnamed: 0'",)
    chosen = load_table(tmp_path / "own.csv", columns=["Unnamed: 0", "a"])
    assert chosen.train.inputs[:, 0].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("name", ["id", "ID", "customer_id", "Customer ID", "customerId"])
def test_names_of_the_rows_are_no_feature(write, name):
    text = f"{name},a\n70,3\n12,1\n90,2\n13,2\n"
    source = load_table(write(text))
    assert source.feature_names == ("a",)
    assert source.notes == (f"left out, for they name the rows (data.id takes one of them): '{name}'",)
    assert load_table(write(text), columns=[name, "a"]).feature_names == (name, "a")
    assert load_table(write(text.replace("13,", "12,"))).feature_names == (name, "a")
    for other in ("paid", "grid", "idle"):
        assert load_table(write(text.replace(name, other))).feature_names == (other, "a")


def test_whole_numbers_that_grow_are_told(write):
    source = load_table(write("n,a\n3,3\n12,1\n13,2\n20,2\n"))
    assert source.feature_names == ("n", "a")
    assert source.notes == ("growing from row to row: 'n'; data.drop leaves out what names the rows",)


def test_columns_without_a_value_are_told_apart_from_constant_ones(write):
    source = load_table(write("a,b,c\n3,,4\n1,,4\n5,,4\n"))
    assert source.notes == (
        "left out, for they have no value at all: 'b'",
        "left out, for they have one value only: 'c'",
    )


def test_columns_may_be_called_by_numbers(write):
    source = load_table(write("0,1,2\n1,5,3\n3,5.5,4\n8,1,4\n"), columns=[1, 0], label=2)
    assert source.feature_names == ("1", "0")
    assert source.class_names == ("3", "4")


NAMELESS = "\n".join(line.partition(",")[2] for line in FLOWERS.splitlines())
TEXTS = "\n".join(["id,text,n", *(f"{i},remark {i},{i * i}" for i in range(200))])
DATES = "when,n\n2024-05-31,1\n2024-06-01,5\n2024-06-02,4\n"


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", {}, "is no whole table"),
        ("a,b\n", {}, "has no rows"),
        ("a,b\n1,2\n1,2,3\n", {}, r"is no whole table \(Expected 2 fields in line 3, saw 3\)"),
        ("a,a\n1,2\n", {}, "names of columns more than once, such as 'a'"),
        ("1.5,2\n3,4\n", {}, r"begins with numbers \(1.5, 2, ...\)"),
        (TEXTS, {}, "'text' is text with 200 values in 200 rows, such as 'remark 0': leave it out"),
        (DATES, {}, "'when' holds dates or times, such as '2024-05-31': leave it out with data.drop"),
        (DATES.replace("-", "/"), {}, "holds dates"),
        ("a,b\n12:30,1\n14:00,2\n", {}, "holds dates or times"),
        ("a,b\n1,2\nx,3\n4,1\n5,1\n6,1\n", {}, "'a' holds numbers, but 'x' in row 1"),
        ("a;b\n1.5;2,5\n2.5;3,5\n3.5;4,5\n", {}, "'a' is text that reads as numbers, such as '1.5'"),
        ("a,b\n1,2\ninf,3\n", {}, "'a' holds inf in row 1, which is infinite or too large for 32 bits"),
        ("a,b\n1,2\n1e200,3\n", {}, "too large for 32 bits"),
        ("a,b\n1,2\n1,2\n", {}, "no column is left to cluster"),
        ("a,b\n,\n,\n", {}, "no column is left to cluster"),
        (NAMELESS, {"label": "color"}, r"1 of 4 labels are missing \(data.label='color'\)"),
        (NAMELESS, {"label": "length"}, r"labels are missing"),
        ("a,b\n1.5,2\n2.5,3\n", {"label": "a"}, "labels hold fractions"),
        (NAMELESS, {"id": "bright"}, r"id(s are| is) there more than once, such as 'True'"),
        (NAMELESS, {"id": "color"}, r"1 of 4 ids are missing \(data.id='color'\)"),
        (
            FLOWERS,
            {"columns": ["lenght"]},
            r"'lenght' \(did you mean 'length'\?\): it has 'name', 'length', 'color', ",
        ),
        (FLOWERS, {"drop": ["x"]}, "has no column 'x': it has 'name'"),
        (FLOWERS, {"label": "KIND"}, r"has no column 'KIND' \(did you mean 'kind'\?\): it has 'name', "),
        (FLOWERS, {"label": "species"}, "has no column 'species'"),
        (
            FLOWERS,
            {"columns": ["width", "kind"], "label": "kind"},
            "'kind' is in data.columns, but is the label",
        ),
        ("a,a=x\nx,1\ny,2\nx,3\ny,5\n", {}, "two numbers would be called 'a=x'"),
        (",".join(f"c{i}" for i in range(300_000)) + "\n1\n", {}, "has 300,000 columns"),
    ],
)
def test_wrong_tables_are_explained(write, text, options, message):
    path = write(text)
    with pytest.raises(LatentclustError, match=message) as caught:
        load_table(path, **options)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


def test_parquet_that_is_no_table_of_numbers_is_explained(tmp_path):
    path = tmp_path / "own.parquet"
    pd.DataFrame({"v": [[1.0, 2.0], [3.0, 4.0]], "n": [2, 7]}).to_parquet(path)
    for apart in ({}, {"label": "v"}, {"id": "v"}):
        with pytest.raises(LatentclustError, match="the column 'v' has lists or records"):
            load_table(path, **apart)
    left = load_table(path, drop=["v"])
    assert left.train.inputs.tolist() == [[2.0], [7.0]]
    pd.DataFrame({"when": pd.to_datetime(["2024-01-01", "2024-01-02"]), "n": [1, 2]}).to_parquet(path)
    with pytest.raises(LatentclustError, match="'when' holds dates"):
        load_table(path)
    pd.DataFrame({"raw": [b"1", b"2"], "n": [1, 2]}).to_parquet(path)
    with pytest.raises(LatentclustError, match="'raw' holds values of the kind bytes"):
        load_table(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(LatentclustError, match="is no whole table"):
        load_table(path)


def test_parquet_needs_a_package_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    (tmp_path / "own.parquet").write_bytes(b"")
    with pytest.raises(LatentclustError, match=r"pip install 'latentclust\[parquet\]'"):
        load_table(tmp_path / "own.parquet")


def test_files_that_are_no_tables_are_explained(tmp_path):
    with pytest.raises(LatentclustError, match=r"nowhere.csv: cannot be read \(No such file or directory\)"):
        load_table(tmp_path / "nowhere.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(LatentclustError, match="is not a regular file"):
        load_table(tmp_path / "folder.csv")
    with pytest.raises(LatentclustError, match=r"give a .csv, .tsv or .parquet file"):
        load_table(tmp_path / "own.xlsx")
    (tmp_path / "own.csv").write_bytes("größe,b\n1,2\n".encode("latin-1"))
    with pytest.raises(LatentclustError, match="is not text in UTF-8"):
        load_table(tmp_path / "own.csv")


def test_table_datamodule(write):
    options = {"label": "kind", "id": "name", "drop": ("fixed",), "columns": None, "max_categories": 50}
    data = build_datamodule("table", path=str(write(FLOWERS)), flags=False, **options)
    source = data.load()
    assert source.train.inputs.shape == (4, 5)
    with pytest.raises(LatentclustError, match=r"no column is left to cluster \(they have one value only\)"):
        build_datamodule("table", path=str(write("a,b\nx,1\nx,1\nx,1\n")), columns=("a", "b")).load()
