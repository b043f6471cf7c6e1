"""Tests of texts on a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargen.text.display import shortened, text_width, visible_character


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (0, ""),
        (1, "\u2026"),
        (2, "p\u2026"),
        (7, "poe\u2026g-3"),
        (16, "poems-of\u2026pring-3"),
        (17, "poems-of-spring-3"),
    ],
)
def test_a_name_is_shortened_in_the_middle(width: int, expected: str) -> None:
    """The beginning and the end stay."""
    assert shortened("poems-of-spring-3", width) == expected


@given(st.text(max_size=30), st.integers(0, 20))
def test_a_shortened_text_fits(text: str, width: int) -> None:
    """Wide and combining characters are counted as columns, and a text that fits is unchanged."""
    short = shortened(text, width)
    assert text_width(short) <= width
    assert short == text or text_width(text) > width


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("\u0e19\u0e49\u0e33", 2),  # a Thai letter with a tone mark, and a vowel
        ("\u092e\u093e\u0901", 2),  # a Devanagari syllable with two marks
        ("\u2764\ufe0f", 2),
        ("\U0001f44d\U0001f3fd", 2),
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467", 2),
        ("\U0001f1ee\U0001f1f3", 2),
        ("\u4f60", 2),
    ],
)
def test_a_letter_with_marks_and_an_emoji_are_one_character(text: str, columns: int) -> None:
    """Their columns are those of the whole, not the sum of the parts."""
    assert text_width(text) == columns


def test_a_shortened_text_has_whole_emoji() -> None:
    """An emoji of several code points is kept or left out."""
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    assert shortened(family * 5, 7) == f"{family * 2}\u2026{family}"


def test_a_mark_is_readable_on_its_own() -> None:
    """A visible mark is shown on a dotted circle, an invisible one as its code point."""
    shown = [visible_character(each) for each in "\u0e49\u093e\ufe0f\u200d"]
    assert shown == ["\u25cc\u0e49", "\u25cc\u093e", "<FE0F>", "<200D>"]
