"""Tests of what a text is: how files are split, and where the state is reset."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargen.errors import OptionConflictError, OptionError
from chargen.text.kind import LINE, STREAM, TextKind, TextOptions

RULED = TextKind("document", separator="---")
PARAGRAPHS = TextKind("document", separator="blank-line")
CELLS = TextKind("cell", column="text")
KINDS = [STREAM, LINE, RULED, PARAGRAPHS, CELLS]


@pytest.mark.parametrize(
    ("text", "documents"),
    [
        ("a\nb\n---\nc\n", ["a\nb", "c"]),
        ("---\n\n a\n\n--- \t\n\n---\nb", [" a", "b"]),  # trailing blanks; empty documents
        ("a ---\n --- \n----\nb", ["a ---\n --- \n----\nb"]),  # other lines
        ("a\x1eb\n---\nc", ["a", "b", "c"]),  # the boundary also separates
        ("a\n\nb\n---\n\n", ["a\n\nb"]),
        ("---\n", []),
    ],
)
def test_a_separator_is_a_whole_line(text: str, documents: list[str]) -> None:
    """Documents lose blank lines at both ends, and empty ones are dropped."""
    assert RULED.split(text) == documents


@pytest.mark.parametrize(
    ("text", "documents"),
    [
        ("a\nb\n\nc\n", ["a\nb", "c"]),
        ("\n \na\n\n\t\n\nb\n\n", ["a", "b"]),
        ("a\nb", ["a\nb"]),
    ],
)
def test_blank_lines_separate_documents(text: str, documents: list[str]) -> None:
    """One or more blank lines are one separator; a line of spaces is blank."""
    assert PARAGRAPHS.split(text) == documents


@given(st.text(st.sampled_from("ab\n-\x1e "), max_size=30), st.sampled_from(KINDS[1:]))
def test_no_text_contains_its_boundary(text: str, kind: TextKind) -> None:
    """Texts that are joined and read again are the same texts."""
    texts = kind.split(text)
    assert all(each and kind.boundary not in each for each in texts)
    joined = kind.joined(texts)
    assert list(kind.parts(joined)) == [each + kind.boundary for each in texts]


@given(st.text(st.sampled_from("ab\n\x1e"), max_size=20), st.sampled_from(KINDS))
def test_parts_are_the_whole_text(text: str, kind: TextKind) -> None:
    """A stream is one part; a part of a separate text ends with the first boundary."""
    parts = list(kind.parts(text))
    assert "".join(parts) == text
    assert all(kind.boundary not in part[:-1] for part in parts if kind.separate)


def test_a_saved_text_is_split_into_the_same_documents() -> None:
    """The boundary becomes the separator of the training text."""
    for kind in (RULED, PARAGRAPHS):
        assert kind.split(kind.saved(kind.joined(["a\nb", "c"]))) == ["a\nb", "c"]
    assert LINE.saved("a\nb") == "a\nb"


def test_options_lead_to_a_kind_and_back() -> None:
    """At most one option is given; each kind has one, and a stream has none."""
    for kind in KINDS:
        options = TextOptions.of(kind)
        assert options.kind == kind
        assert not kind.option or getattr(options, kind.option)
    assert TextOptions(separator="%% \t").kind.separator == "%%"
    with pytest.raises(OptionConflictError, match="lines and column are mutually exclusive"):
        TextOptions(lines=True, column="text")


@pytest.mark.parametrize("separator", ["", " \t", "a\nb"])
def test_a_separator_is_one_line_of_text(separator: str) -> None:
    """A blank line has a name, since it cannot be seen on a command line."""
    with pytest.raises(OptionError, match="separator must be the text of one line"):
        TextOptions(separator=separator)


@pytest.mark.parametrize("fields", [("poem",), ("line", "---"), ("document",), ("cell", None, 3)])
def test_a_stored_kind_is_checked(fields: tuple[object, ...]) -> None:
    """A kind with missing, unknown or contradictory fields is refused."""
    with pytest.raises(ValueError, match="TextKind"):
        TextKind(*fields)  # type: ignore[arg-type]
