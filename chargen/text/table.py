"""Tables in text files: CSV, TSV, JSON Lines, and a JSON list of objects.

A table is recognised by the extension of its file, or else by its content.
"""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from chargen.errors import CorpusError

# The tables that are read in a folder. Files that end in .json rarely are tables.
TABLE_PATTERNS = ("**/*.csv", "**/*.tsv", "**/*.jsonl", "**/*.ndjson")

_DELIMITERS = {".csv": ",;\t|", ".tsv": "\t", ".tab": "\t"}
_JSON = (".json", ".jsonl", ".ndjson")
# The limit of the csv module is 131,072 characters; this one fits a C long on every platform.
_MAX_FIELD = (1 << 31) - 1
_HEAD = 1 << 16  # characters that are enough to recognise a table
_ROWS = 20  # rows that show which delimiter separates the cells
_MAX_NAMES = 20  # in a message
_NO_ITEM = re.compile(r"[\s,]*")  # between two items of a JSON list
_SURROGATE = re.compile("[\ud800-\udfff]")

_Row = Sequence[Any]


@dataclass(frozen=True)
class Table:
    """A table. names: of its columns, from its first row or the keys of its objects.

    shown: the file as messages name it. rows: are read from the file each time they are iterated
    over; one can be shorter than the names.
    """

    shown: str
    names: tuple[str, ...]
    rows: Iterable[_Row]

    def cells(self, column: str) -> Iterator[str | None]:
        """Yield the cells of a column as text; None for one that is missing, null or blank.

        column: a name, or a number from 1. Raises CorpusError if there is no such column, or
        more than one.
        """
        choices = [*self.names, *(str(k + 1) for k in range(len(self.names)))]
        if column not in choices:
            listed = listed_names(self.names)
            raise CorpusError(f"{self.shown} has no column {column:.40} (it has {listed})")
        if (count := self.names.count(column)) > 1:
            first = self.names.index(column) + 1
            raise CorpusError(
                f"{self.shown} has {count} columns {column:.40} (pass the number of one of them,"
                f" such as {first})"
            )
        at = choices.index(column) % len(self.names)
        for row in self.rows:
            yield _as_text(row[at]) if at < len(row) else None


@dataclass(frozen=True)
class _Rows(Iterable[_Row]):
    """The rows that a function yields, each time they are iterated over."""

    read: Callable[[], Iterator[_Row]]

    def __iter__(self) -> Iterator[_Row]:
        return self.read()


def read_table(
    pieces: Iterable[str], path: str, shown: str, *, complete: bool = True
) -> Table | None:
    """Return the table in the normalised text of a file; None if it is not a table.

    pieces: of the text; they are read several times. complete: whether they are the whole file;
    the last row can otherwise be cut.
    Raises CorpusError, with the line, if it is invalid. Only a JSON list is held in memory.
    """
    extension = Path(path).suffix.lower()
    head = next(iter(pieces), "")
    start = head.lstrip()[:1]
    if extension in _JSON or (extension not in _DELIMITERS and start in ("{", "[")):
        if start == "[" and extension not in (".jsonl", ".ndjson"):
            values = _json_list("".join(pieces), shown)
            return _objects(lambda: iter(values), shown)
        return _objects(lambda: _json_lines(pieces, shown), shown)
    with _large_fields():
        delimiter = _delimiter(head, _DELIMITERS.get(extension, ",\t;|"))
        if delimiter is None and extension in _DELIMITERS:
            delimiter = _DELIMITERS[extension][0]  # a single column
        return None if delimiter is None else _delimited(pieces, delimiter, shown, complete)


def looks_like_table(pieces: Iterable[str], path: str) -> tuple[str, tuple[str, ...]] | None:
    """Return the column with the longest cells and all names, if a file is a table by its name.

    Only the start of the text is read, except for a JSON list.
    """
    extension = os.path.splitext(path)[1].lower()  # pathlib would be slow for many files
    if extension not in (*_DELIMITERS, *_JSON):
        return None
    text = next(iter(pieces), "")
    if extension == ".json":
        if not text.lstrip().startswith(("[", "{")):
            return None
        text = _complete_items(text)
    elif len(text) > _HEAD:
        text = text[: text.rfind("\n", 0, _HEAD) + 1]
    try:
        table = read_table([text], path, path, complete=False)
    except CorpusError:
        return None
    if table is None or not table.names:
        return None
    sizes = {name: sum(len(cell or "") for cell in table.cells(name)) for name in table.names}
    if not any(True for _ in table.rows):
        return None
    return max(table.names, key=sizes.__getitem__), table.names


def _complete_items(text: str) -> str:
    """Return a JSON list without what follows the last complete item of the text's first ones."""
    if not text.lstrip().startswith("["):
        return text
    decoder, at, stop = json.JSONDecoder(), text.index("[") + 1, 0
    while at < _HEAD:
        try:
            _, stop = decoder.raw_decode(text, _NO_ITEM.match(text, at).end())  # type: ignore[union-attr]
        except (ValueError, RecursionError):
            break
        at = stop
    return f"{text[:stop]}]" if stop else text


def listed_names(names: Sequence[str]) -> str:
    """Return the names of columns as a list for a message."""
    more = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
    return ", ".join(names[:_MAX_NAMES]) + more


def _as_text(value: Any) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    # JSON can escape half of a character; csv cannot, since its text was decoded.
    return _SURROGATE.sub("\ufffd", text) if text.strip() else None


def _delimiter(text: str, delimiters: str) -> str | None:
    """Return the delimiter that makes the most columns, the same number in most of the rows."""
    columns = {}
    for delimiter in delimiters:
        sizes = [len(row) for row in islice(_rows([text[:_HEAD]], delimiter), _ROWS) if row]
        if len(sizes) > 1 and sizes[0] > 1 and sizes.count(sizes[0]) >= 0.8 * len(sizes):
            columns[delimiter] = sizes[0]
    return max(columns, key=columns.__getitem__, default=None)


def _delimited(pieces: Iterable[str], delimiter: str, shown: str, complete: bool) -> Table:
    quoting = csv.QUOTE_MINIMAL
    if complete and (reason := _error(pieces, delimiter)) is not None:
        if delimiter != "\t":
            raise CorpusError(f"{shown}, {reason}")
        quoting = csv.QUOTE_NONE  # many programs write TSV without quoting, so a mark is text
    first = next(filter(None, _rows(pieces, delimiter, quoting)), [])
    names = tuple(name.strip() for name in first)

    def read() -> Iterator[list[str]]:
        with _large_fields():
            yield from islice(filter(None, _rows(pieces, delimiter, quoting)), 1, None)

    return Table(shown, names, _Rows(read))


def _error(pieces: Iterable[str], delimiter: str) -> str | None:
    """Return where and why a table is invalid, or None if it is not."""
    reader = csv.reader(_lines(pieces), delimiter=delimiter, strict=True)
    start = 1
    try:
        for _ in reader:
            start = reader.line_num + 1
    except csv.Error as error:
        if "unexpected end" in str(error):
            return f"line {start}: a quoted cell has no closing quotation mark (add it)"
        return (
            f"line {reader.line_num}: {error} (inside a quoted cell, a quotation mark is doubled)"
        )
    return None


def _rows(
    pieces: Iterable[str], delimiter: str, quoting: Any = csv.QUOTE_MINIMAL
) -> Iterator[list[str]]:
    yield from csv.reader(_lines(pieces), delimiter=delimiter, quoting=quoting)


def _lines(pieces: Iterable[str]) -> Iterator[str]:
    """Yield the lines of a text with their newlines."""
    rest = ""
    for piece in pieces:
        *lines, rest = (rest + piece).split("\n")
        for line in lines:
            yield line + "\n"
    if rest:
        yield rest


@contextmanager
def _large_fields() -> Iterator[None]:
    """Allow cells of any length; the limit is a setting of the module csv."""
    before = csv.field_size_limit(_MAX_FIELD)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _json_lines(pieces: Iterable[str], shown: str) -> Iterator[Any]:
    for number, line in enumerate(_lines(pieces), start=1):  # JSON can contain U+2028
        if line.strip():
            yield _parsed(line.removesuffix("\n"), shown, number)


def _json_list(text: str, shown: str) -> list[Any]:
    values = _parsed(text, shown, 1)
    return values if isinstance(values, list) else [values]


def _parsed(text: str, shown: str, first_line: int) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        line = first_line + error.lineno - 1
        reason = f"{error.msg} at column {error.colno}"
    except (ValueError, RecursionError) as error:  # a huge number, a deep nesting
        line, reason = first_line, str(error)
    raise CorpusError(f"{shown}, line {line}: invalid JSON: {reason} (correct or remove it)")


def _objects(read: Callable[[], Iterator[Any]], shown: str) -> Table:
    names: dict[str, None] = {}
    for number, value in enumerate(read(), start=1):
        if not isinstance(value, dict):
            raise CorpusError(
                f"{shown}: record {number:,} is not a JSON object, such as"
                ' {"text": "..."} (a table has an object for each row)'
            )
        names |= dict.fromkeys(value)
    rows = _Rows(lambda: ([value.get(name) for name in names] for value in read()))
    return Table(shown, tuple(names), rows)
