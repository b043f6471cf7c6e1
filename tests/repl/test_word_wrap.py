"""Tests of printed text that is wrapped at words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargen.repl.word_wrap import WordWrap
from chargen.text.display import text_width

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"  # one emoji of five code points


def wrapped(width: int, *pieces: str) -> str:
    """The text that is printed for pieces, each in another style."""
    wrap = WordWrap(lambda: width)
    fragments = [each for k, piece in enumerate(pieces) for each in wrap.add(piece, f"style{k}")]
    return "".join(each[1] for each in [*fragments, *wrap.end()])


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (["the cat"], "the cat"),
        (["the cat sat on the mat"], "the cat\n  sat on\n  the mat"),
        (["the cat s", "at", " on"], "the cat\n  sat on"),
        (["a\n\n b\n"], "a\n\n b\n"),
        (["the cat  \nsat"], "the cat  \nsat"),
        (["incomprehensible"], "incompr\n  ehensib\n  le"),
        (["\u660e\u660e\u660e\u660e\u660e"], "\u660e\u660e\u660e\u660e\n  \u660e"),
        (["a\tb"], "a       b"),
        ([FAMILY * 5], f"{FAMILY * 4}\n  {FAMILY}"),
        (["aaaaaa\u2764\ufe0f"], "aaaaaa\u2764\ufe0f"),
        (["aaaaaaaa\u2764\ufe0f"], "aaaaaaaa\n  \u2764\ufe0f"),
        (["\u0e19\u0e49" * 10], "\u0e19\u0e49" * 7 + "\n  " + "\u0e19\u0e49" * 3),
    ],
)
def test_lines_break_at_spaces(pieces: list[str], expected: str) -> None:
    """At ten columns, the last of which stays empty."""
    assert wrapped(10, *pieces).expandtabs() == expected


def test_a_word_is_held_back_until_its_end() -> None:
    """Its style is kept, also if it consists of several pieces."""
    wrap = WordWrap(lambda: 10)
    assert wrap.at_line_start
    assert wrap.add("neu", "typed") == []
    assert not wrap.at_line_start
    assert [*wrap.add("ron "), *wrap.end()] == [
        *(("typed", character) for character in "neu"),
        *(("", character) for character in "ron "),
    ]
    assert wrap.add("\n") == [("", "\n")]
    assert wrap.at_line_start


@given(st.lists(st.text("ab \n\u660e", max_size=30), max_size=5), st.integers(6, 20))
def test_no_line_is_too_long_and_nothing_is_lost(pieces: list[str], width: int) -> None:
    """Only spaces at the ends of lines and indentation differ."""
    printed = wrapped(width, *pieces)
    assert all(text_width(line) < width for line in printed.split("\n"))
    assert printed.split() == [] or "".join(printed.split()) == "".join("".join(pieces).split())
