"""What a text of a model is: a stream of characters, a line, a document or a cell of a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from chargen.errors import OptionConflictError, OptionError
from chargen.options import check_options, option, options_of

BLANK_LINE = "blank-line"

# The control character RECORD SEPARATOR. Texts of several lines cannot be bounded by a newline.
_RECORD_SEPARATOR = "\x1e"
_NAMES = ("stream", "line", "document", "cell")


@dataclass(frozen=True)
class TextKind:
    """What a text is, as stored in config.json.

    name: stream: the rest of a file, which has no end; line; document: the lines between two
    separators; cell: a cell of a column of tables.
    separator: of documents, a line or `BLANK_LINE`. column: of cells, a name or a number from 1.
    Raises ValueError if they do not go together.
    """

    name: str = "stream"
    separator: str | None = None
    column: str | None = None

    def __post_init__(self) -> None:
        if (
            self.name not in _NAMES
            or isinstance(self.separator, str) != (self.name == "document")
            or isinstance(self.column, str) != (self.name == "cell")
        ):
            raise ValueError(self)

    @property
    def boundary(self) -> str:
        """The first input of every text, and the last character of a separate one."""
        return _RECORD_SEPARATOR if self.name in ("document", "cell") else "\n"

    @property
    def separate(self) -> bool:
        """Whether a text has an end. Its boundary is learned, and resets the state."""
        return self.name != "stream"

    @property
    def noun(self) -> str:
        """The word for one text."""
        return self.name if self.separate else "text"

    @property
    def option(self) -> str:
        """The option that leads to this kind; empty for streams, the default."""
        return {"line": "lines", "document": "separator", "cell": "column"}.get(self.name, "")

    @property
    def description(self) -> str:
        """A phrase that says what a text is."""
        if self.separator is not None:
            between = "blank lines" if self.separator == BLANK_LINE else f"lines {self.separator!r}"
            return f"each document between {between} is a separate text"
        if self.column is not None:
            return f"each cell of column {self.column!r} is a separate text"
        return "each line is a separate text" if self.separate else "one stream of characters"

    def split(self, text: str) -> list[str]:
        """Return the separate texts of a normalised text, without empty ones.

        A cell is passed as a whole. No text contains its own boundary.
        """
        if not self.separate:
            return [text] if text else []
        parts = text.split(self.boundary)
        if self.name == "document":
            parts = [document for part in parts for document in self._documents(part)]
        elif self.name == "cell":
            parts = [part.strip("\n") for part in parts]
        return [part for part in parts if part]

    def sections(self, pieces: Iterable[str]) -> Iterator[str]:
        """Yield the pieces of a text again, cut between two of its separate texts.

        Each section can be split on its own. Every section of documents except the last contains a
        separator.
        """
        rest: list[str] = []
        for piece in pieces:
            text = piece
            if self.name == "document" and rest:  # its last line can continue in the piece
                text = rest.pop() + piece
            cut = self._last_end(text, follows=any(part.strip("\n") for part in rest))
            if cut:
                yield "".join(rest) + text[:cut]
                rest.clear()
            rest.append(text[cut:])
            if self.name == "document":
                line = rest[-1].rfind("\n") + 1
                rest[-1:] = [rest[-1][:line], rest[-1][line:]]
        if text := "".join(rest):
            yield text

    def has_separator(self, text: str) -> bool:
        """Return whether a line of a text separates documents."""
        return any(map(self._separates, text.strip("\n").split("\n")))

    def parts(self, text: str) -> Iterator[str]:
        """Yield the parts of a text that are read from an empty state, each with its boundary."""
        start = 0
        while self.separate and (stop := text.find(self.boundary, start) + 1):
            yield text[start:stop]
            start = stop
        if start < len(text):
            yield text[start:]

    def joined(self, texts: Iterable[str]) -> str:
        """Return separate texts as a model of this kind reads them, each with its boundary."""
        return "".join(text + self.boundary for text in texts)

    def saved(self, text: str) -> str:
        """Return a text that a model reads as the content of a text file."""
        separator = self.separator if self.separator not in (None, BLANK_LINE) else ""
        return text if self.boundary == "\n" else text.replace(self.boundary, f"\n{separator}\n")

    def _last_end(self, text: str, *, follows: bool) -> int:
        """Return the position after the last line or separator; 0 if there is none.

        A separator has text that is not blank before and after it. follows: whether there is such
        text before `text`.
        """
        if self.name != "document":
            return text.rfind(self.boundary) + 1
        stop = text.rfind("\n") + 1
        is_before_text = bool(text[stop:])
        while stop:
            start = text.rfind("\n", 0, stop - 1) + 1
            line = text[start : stop - 1]
            if is_before_text and self._separates(line):
                return stop if follows or text[:start].strip("\n") else 0
            is_before_text |= line != ""
            stop = start
        return 0

    def _documents(self, text: str) -> Iterator[str]:
        lines: list[str] = []
        for line in text.split("\n"):
            if self._separates(line):
                yield "\n".join(_without_blank_ends(lines))
                lines = []
            else:
                lines.append(line)
        yield "\n".join(_without_blank_ends(lines))

    def _separates(self, line: str) -> bool:
        shown = line.rstrip()
        return not shown if self.separator == BLANK_LINE else shown == self.separator


STREAM = TextKind()
LINE = TextKind("line")


@dataclass(frozen=True)
class TextOptions:
    """The options that say what a text is; without any, it is a stream.

    Raises OptionError if a value is not allowed, OptionConflictError if there are two.
    """

    lines: bool = option(False, "Treat each line as a separate text")
    separator: str | None = option(
        None,
        "Treat the documents between lines that equal TEXT as separate texts; blank-line: between"
        " blank lines",
        metavar="TEXT",
    )
    column: str | None = option(
        None,
        "Treat each cell of a column as a separate text; a name, or a number from 1, in CSV, TSV"
        " and JSON Lines files",
        metavar="NAME",
    )

    def __post_init__(self) -> None:
        check_options(self)
        chosen = [name for name in options_of(self) if getattr(self, name)]
        if len(chosen) > 1:
            names = " and ".join(f"{{{name}}}" for name in chosen)
            raise OptionConflictError(f"{names} are mutually exclusive", *chosen)
        if self.separator is not None:
            line = self.separator.rstrip()
            if not line or "\n" in line:
                allowed = "the text of one line that is not blank, or blank-line"
                raise OptionError("separator", self.separator, allowed, "such as --- or %")
            object.__setattr__(self, "separator", line)
        if self.column == "":
            raise OptionError("column", "", "the name or the number of a column")

    @classmethod
    def of(cls, kind: TextKind) -> TextOptions:
        """Return the options that lead to a kind."""
        return cls(kind.name == "line", kind.separator, kind.column)

    @property
    def kind(self) -> TextKind:
        """What a text is."""
        if self.separator is not None:
            return TextKind("document", separator=self.separator)
        if self.column is not None:
            return TextKind("cell", column=self.column)
        return LINE if self.lines else STREAM


def _without_blank_ends(lines: list[str]) -> list[str]:
    kept = [k for k, line in enumerate(lines) if line.strip()]
    return lines[kept[0] : kept[-1] + 1] if kept else []
