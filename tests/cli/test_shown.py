"""What is shown steers no terminal, and every character of it has a place of its own."""

import io
import json
import math
import re
import unicodedata
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chargen.cli.shown import coloured, colours_wanted, column, digits, json_line, legend
from chargen.text.shown import bar, visible

# Escape, delete, the C1 controls (0x9B begins a sequence like ESC [), and what turns text around.
STEERING = "".join(map(chr, [*range(9), *range(11, 32), *range(0x7F, 0xA0), 0x202E, 0x2066]))

texts = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(STEERING))


@given(texts)
@example("\x1b]0;title\x07")
@example("\x9b31m")
def test_what_is_visible_steers_nothing(text: str) -> None:
    """No control character is left but newlines and tabs, and no mark that turns text around."""
    assert not set(visible(text)) & set(STEERING)


@given(st.text(st.characters(exclude_categories=["Cc", "Cf", "Cs"]) | st.sampled_from("\n\t")))
def test_what_steers_nothing_is_as_it_was(text: str) -> None:
    """Letters of any script, newlines and tabs are themselves."""
    assert visible(text) == text


def test_each_control_character_has_its_picture() -> None:
    """Of different ones the pictures are different."""
    assert len({visible(c) for c in STEERING}) == len(STEERING)
    assert visible("a\x00\x1b\x7f\x85") == "a\u2400\u241b\u2421<0085>"


def width(text: str) -> int:
    """The columns of a terminal: two for what is wide, none for what sits on another character."""
    return sum(
        0
        if unicodedata.category(c) in ("Mn", "Me")
        else 1 + (unicodedata.east_asian_width(c) in "WF")
        for c in text
    )


@given(texts)
@example("a\tb\nc")
@example("e\u0301e\u20dd")
@example("\u4f60\u597d\U0001f600")
@example("\u200d\u00ad\ufeff")
def test_digits_stand_below_their_characters(text: str) -> None:
    """However wide a character is, the next digit begins where the next character begins."""
    columns = [column(c) for c in text]
    below = digits(columns, [math.log(2) * (k % 9) for k in range(len(text))])
    at = 0
    for k, shown in enumerate(columns):
        assert width(shown) >= 1
        assert not set(shown) & {*STEERING, "\t", "\n"}
        assert below[at] == (str(k % 9) if k % 9 else "\u00b7")
        at += width(shown)
    assert len(below) == at


@pytest.mark.parametrize(
    ("bits", "digit"),
    [(0, "\u00b7"), (0.49, "\u00b7"), (0.51, "1"), (1, "1"), (8.4, "8"), (9, "9"), (70, "9")],
)
def test_a_digit_is_the_surprise_in_bits(bits: float, digit: str) -> None:
    """It is rounded, a dot is nothing, and 9 is 9 or more."""
    assert digits(["x"], [bits * math.log(2)]) == digit


def test_colours_go_by_probability() -> None:
    """Five of them, from what was sure to what came as a surprise; each ends where it began."""
    colours = [coloured("x", p) for p in (1.0, 0.9, 0.89, 0.5, 0.3, 0.1, 0.01, 0.0)]
    assert all(re.fullmatch("\x1b\\[38;5;[0-9]+mx\x1b\\[0m", each) for each in colours)
    groups = [colours.index(each) for each in colours]
    assert groups == [0, 0, 2, 2, 4, 5, 6, 6]
    for each in set(colours):
        assert each.partition("x")[0] in legend()


class Terminal(io.StringIO):
    """An output that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_colours_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for a pipe, not where NO_COLOR has any value but none, not where TERM is dumb."""
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


@given(st.floats(0, 1), st.integers(1, 40))
def test_a_bar_is_as_long_as_its_share(share: float, columns: int) -> None:
    """To an eighth of a column, and never longer than it may be."""
    shown = bar(share, columns)
    eighths = {"\u2588": 8, **{chr(0x2590 - k): k for k in range(1, 8)}}
    assert sum(eighths[c] for c in shown) == round(share * columns * 8)
    assert len(shown) <= columns


@given(st.dictionaries(texts, texts | st.floats(allow_nan=False) | st.none(), max_size=4))
def test_json_comes_back_as_it_was(value: dict[str, Any]) -> None:
    """It is one line that holds nothing that steers, whatever stands in it."""
    line = json_line(value)
    assert json.loads(line) == value
    assert not set(line) & {*STEERING, "\n", "\t", "\u2028", "\u2029"}
