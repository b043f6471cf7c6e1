"""Tests of texts on a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargen.text.display import shortened, text_width


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
