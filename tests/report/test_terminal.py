"""Tests of the terminal summary: it fits any width and is complete."""

import re

import pytest

from chargen.comparison.result import Comparison
from chargen.report.terminal import format_table, summary
from tests.example_comparison import make_comparison


@pytest.mark.parametrize("width", [24, 40, 60, 80, 120])
def test_summary_fits_and_is_complete(comparison: Comparison, width: int) -> None:
    """Lines are wrapped, and columns that do not fit follow below."""
    text = summary(comparison, width)
    assert max(map(len, text.splitlines())) <= width
    assert comparison.text is not None
    for cell in comparison.text.cells.values():
        assert f"{cell.validation_bits:.3f}" in text
        assert f"{cell.network.parameters:,}" in text
    assert "3,200" in text
    assert text.index("FAILED") < text.index("passed ")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)


def test_absent_parts_are_omitted() -> None:
    """A result can have only tasks, only a text, or only checks."""
    assert "Bits per" not in summary(make_comparison(text=False), 80)
    assert "Recall span" not in summary(make_comparison(tasks=()), 80)
    assert summary(make_comparison((), ()), 80).startswith("No network was evaluated.\n")


@pytest.mark.parametrize(
    ("table", "width", "expected"),
    [
        ({"a": ["bcd"], "long": ["1"]}, 20, "a    long\nbcd     1"),
        ({"a": ["x"], "bbbb": ["1"], "cccc": ["2"]}, 10, "a  bbbb\nx     1\n\na  cccc\nx     2"),
    ],
)
def test_table(table: dict[str, list[str]], width: int, expected: str) -> None:
    """Names are on the left and numbers on the right; a wide table is split."""
    assert format_table(table, width) == expected
