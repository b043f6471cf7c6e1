"""Tests of tables: CSV, TSV and JSON files and their cells."""

import csv

import pytest

from chargen.errors import CorpusError
from chargen.text.table import Table, looks_like_table, read_table

CSV = 'id,text\n1,"She said ""hi"",\nthen left"\n2,\n3,plain\n4\n'
JSON_LINES = '{"id": 1, "text": "a\\ud83d\\ude00"}\n\n{"text": null}\n{"id": 2.5}\n{"text": true}\n'


def table(text: str, name: str) -> Table:
    found = read_table([text], name, name)
    assert found is not None
    return found


def test_cells_of_csv() -> None:
    """Quoted cells contain quotation marks, delimiters and newlines; blank ones have no text."""
    found = table(CSV, "m.csv")
    assert found.names == ("id", "text")
    assert list(found.cells("text")) == ['She said "hi",\nthen left', None, "plain", None]
    assert list(found.cells("2")) == list(found.cells("text"))


@pytest.mark.parametrize(
    ("name", "delimiter"),
    [("a.csv", ";"), ("a.csv", "|"), ("a.tsv", "\t"), ("a", "\t"), ("a", ",")],
)
def test_the_delimiter_is_found(name: str, delimiter: str) -> None:
    """By the extension, or by the number of columns that it makes."""
    other = ";" if delimiter == "," else ","
    text = "\n".join(delimiter.join((f"a{k}", f"b{other} {k}", "c")) for k in range(5))
    if name == "a":  # of two that make as many columns, the comma comes first
        text = text.replace(other, "")
    assert list(table(text, name).cells("3")) == ["c"] * 4


def test_a_quotation_mark_in_tsv_can_be_text() -> None:
    """Many programs write TSV without quoting."""
    assert list(table('name\tn\n"Al" Smith\t1\nx\t2\n', "a.tsv").cells("name")) == [
        '"Al" Smith',
        "x",
    ]
    assert list(table('name\tn\n"a\nb"\t1\n', "a.tab").cells("name")) == ["a\nb"]


def test_a_long_cell_is_read() -> None:
    """The limit of the csv module is raised, and then is what it was before."""
    limit = csv.field_size_limit()
    assert list(table(f"a,b\n{'x' * 200_000},1\n", "a.csv").cells("a")) == ["x" * 200_000]
    assert csv.field_size_limit() == limit


def test_cells_of_json_lines() -> None:
    """Escaped pairs are one character; numbers become text; null and missing cells have none."""
    found = table(JSON_LINES, "m.jsonl")
    assert found.names == ("id", "text")
    assert list(found.cells("text")) == ["a\U0001f600", None, None, "true"]
    assert list(found.cells("id")) == ["1", None, "2.5", None]
    assert list(table('[{"a": "x"}, {"a": "\\ud83d"}]', "m.json").cells("a")) == ["x", "\ufffd"]


def test_a_table_is_recognised_by_its_content() -> None:
    """Without an extension that says what it is; prose is no table."""
    assert table(JSON_LINES, "-").names == ("id", "text")
    assert table(CSV, "data.txt").names == ("id", "text")
    assert read_table(["First, we went.\nThen rain, snow, hail.\nNothing.\n"], "a.txt", "a") is None


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", 'a,b\n1,2\n3,"x\ny\n', "a.csv, line 3: a quoted cell has no closing quotation"),
        ("a.csv", 'a,b\n1,"x"y\n', "a.csv, line 2: "),
        ("a.jsonl", '{"a": 1}\n\n{"a" 2}\n', "a.jsonl, line 3: invalid JSON: .* at column 6"),
        ("a.json", '[{"a": 1},\n{"a": }]', "a.json, line 2: invalid JSON"),
        ("a.jsonl", "[1]\n", "a.jsonl: record 1 is not a JSON object"),
        ("a.jsonl", "[" * 200_000, "a.jsonl, line 1: invalid JSON"),
    ],
)
def test_an_invalid_table_is_refused(name: str, text: str, message: str) -> None:
    """The error names the file and the line."""
    with pytest.raises(CorpusError, match=message):
        read_table([text], name, name)


@pytest.mark.parametrize("column", ["txt", "0", "3", "", "9" * 5_000])
def test_an_unknown_column_is_refused(column: str) -> None:
    """The error lists the names of the columns."""
    with pytest.raises(CorpusError, match=r"has no column .*\(it has id, text\)"):
        next(table(CSV, "m.csv").cells(column))


def test_a_name_of_two_columns_is_refused() -> None:
    """Their numbers select one of them."""
    text = "id,text,text\n1,a,b\n"
    with pytest.raises(CorpusError, match=r"has 2 columns text \(pass the number .* such as 2\)"):
        next(table(text, "m.csv").cells("text"))
    assert [*table(text, "m.csv").cells("3")] == ["b"]


def test_a_table_that_is_read_as_text_is_noticed() -> None:
    """The column with the most text is suggested; only the extension says that it is a table."""
    assert looks_like_table([CSV], "m.csv") == ("text", ("id", "text"))
    assert looks_like_table([JSON_LINES], "m.ndjson") == ("text", ("id", "text"))
    for count in range(9_000, 9_020):  # the part that is looked at can end inside of a cell
        long = f'id,text\n1,"{"x" * count}"\n' + CSV * 9_000
        assert looks_like_table([long], "m.csv") == ("text", ("id", "text"))
    for name, text in (("m.txt", CSV), ("m.jsonl", "{"), ("m.json", "plain"), ("m.csv", "")):
        assert looks_like_table([text], name) is None
