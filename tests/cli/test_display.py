"""Text on a terminal: no control characters, and a fixed width for each character."""

import io
import json
import math
import re
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chargen.cli.display import coloured, colours_wanted, digits, fitted, json_text, legend
from chargen.text.display import (
    bar,
    list_characters,
    one_line,
    text_width,
    visible,
    visible_character,
)

# Escape, delete, the C1 controls (0x9B starts a sequence like ESC [), and changes of direction.
CONTROLS = "".join(map(chr, [*range(9), *range(11, 32), *range(0x7F, 0xA0), 0x202E, 0x2066]))

texts = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(CONTROLS))


@given(texts)
@example("\x1b]0;title\x07")
@example("\x9b31m")
def test_visible_text_has_no_control_characters(text: str) -> None:
    """Only newlines and tabs remain, and no mark that changes the direction."""
    assert not set(visible(text)) & set(CONTROLS)


@given(st.text(st.characters(exclude_categories=["Cc", "Cf", "Cs"]) | st.sampled_from("\n\t")))
def test_printable_text_is_unchanged(text: str) -> None:
    """Letters of any script, newlines and tabs stay."""
    assert visible(text) == text


def test_each_control_character_has_a_symbol() -> None:
    """Different characters have different symbols."""
    assert len({visible(c) for c in CONTROLS}) == len(CONTROLS)
    assert visible("a\x00\x1b\x7f\x85") == "a\u2400\u241b\u2421<0085>"


@given(texts)
@example("a\tb\nc")
@example("e\u0301e\u20dd")
@example("\u4f60\u597d\U0001f600")
@example("\u200d\u00ad\ufeff")
def test_digits_are_below_their_characters(text: str) -> None:
    """A digit starts where its character starts, for wide characters, too."""
    columns = [visible_character(c, space=" ") for c in text]
    below = digits(columns, [math.log(2) * (k % 9) for k in range(len(text))])
    at = 0
    for k, shown in enumerate(columns):
        assert text_width(shown) >= 1
        assert not set(shown) & {*CONTROLS, "\t", "\n"}
        assert below[at] == (str(k % 9) if k % 9 else "\u00b7")
        at += text_width(shown)
    assert len(below) == at


@pytest.mark.parametrize(
    ("bits", "digit"),
    [(0, "\u00b7"), (0.49, "\u00b7"), (0.51, "1"), (1, "1"), (8.4, "8"), (9, "9"), (70, "9")],
)
def test_a_digit_is_the_surprisal_in_bits(bits: float, digit: str) -> None:
    """The surprisal is rounded; a dot is 0, and 9 is 9 or more."""
    assert digits(["x"], [bits * math.log(2)]) == digit


def test_the_colour_depends_on_the_probability() -> None:
    """There are five colours, which the legend explains, and each is reset."""
    colours = [coloured("x", p) for p in (1.0, 0.9, 0.89, 0.5, 0.3, 0.1, 0.01, 0.0)]
    assert all(re.fullmatch("\x1b\\[38;5;[0-9]+mx\x1b\\[0m", each) for each in colours)
    groups = [colours.index(each) for each in colours]
    assert groups == [0, 0, 2, 2, 4, 5, 6, 6]
    for each in set(colours):
        assert each.partition("x")[0] in legend()


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_message_ends_its_lines_at_words_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe gets the message on one line, for programs that read it."""
    monkeypatch.setenv("COLUMNS", "24")
    message = "chargen: error: no such text\nfolder    checkpoints"
    assert fitted(message, io.StringIO()) == message
    assert fitted(message, Terminal()).split("\n") == [
        "chargen: error: no such",
        "  text",
        "folder    checkpoints",
    ]


def test_colours_are_only_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe, a non-empty NO_COLOR, and TERM=dumb turn colours off."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert colours_wanted(Terminal())
    assert not colours_wanted(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "")
    assert colours_wanted(Terminal())
    monkeypatch.setenv("NO_COLOR", "0")
    assert not colours_wanted(Terminal())
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not colours_wanted(Terminal())


@pytest.mark.parametrize(("variables", "colours"), [({}, False), ({"WT_SESSION": "1"}, True)])
def test_the_old_console_of_windows_has_no_colours(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], colours: bool
) -> None:
    """Colours need an environment variable that only newer Windows terminals set."""
    monkeypatch.setattr("chargen.cli.display.os", SimpleNamespace(name="nt", environ=variables))
    assert colours_wanted(Terminal()) == colours


def test_a_single_character_is_readable() -> None:
    """Spaces, combining marks and invisible characters have a printable form."""
    shown = [visible_character(c) for c in "a \n\t\u0301\u200d\x1b\udce9"]
    expected = ["a", "\u2423", "\u23ce", "\u21e5", "\u25cc\u0301", "<200D>", "\u241b"]
    assert shown == [*expected, "\\udce9"]
    assert one_line("a b\n\tc\x1b") == "a b\u23ce\u21e5c\u241b"


def test_a_long_list_of_characters_is_cut() -> None:
    """The other characters are counted."""
    assert list_characters("ab\t ,\n") == "a, b, tab, space, comma, newline"
    assert list_characters("\u200d\u0301\x92\ud800") == (
        "U+200D ZERO WIDTH JOINER, U+0301 COMBINING ACUTE ACCENT, U+0092 control character,"
        " U+D800 lone surrogate"
    )
    assert list_characters("abcde", limit=3) == "a, b, c and 2 more"


@given(st.floats(0, 1), st.integers(1, 40))
def test_the_length_of_a_bar_is_its_share(share: float, columns: int) -> None:
    """The length is exact to an eighth of a column."""
    shown = bar(share, columns)
    eighths = {"\u2588": 8, **{chr(0x2590 - k): k for k in range(1, 8)}}
    assert sum(eighths[c] for c in shown) == round(share * columns * 8)
    assert len(shown) <= columns


@given(st.dictionaries(texts, texts | st.floats(allow_nan=False) | st.none(), max_size=4))
def test_json_is_one_printable_line(value: dict[str, Any]) -> None:
    """The line has no control characters, and parses to the same value."""
    line = json_text(value)
    assert json.loads(line) == value
    assert not set(line) & {*CONTROLS, "\n", "\t", "\u2028", "\u2029"}
