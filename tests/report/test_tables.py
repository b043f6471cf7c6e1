"""The summary fits any terminal and loses nothing."""

import re
from collections.abc import Callable

import pytest

from chargen.records import Comparison
from chargen.report.tables import summary, table


@pytest.mark.parametrize("width", [24, 40, 60, 80, 120, 200])
def test_no_line_is_longer_than_the_terminal(comparison: Comparison, width: int) -> None:
    """Tables are split and sentences wrapped."""
    assert max(map(len, summary(comparison, width).splitlines())) <= width


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_every_number_is_there_at_every_width(comparison: Comparison, width: int) -> None:
    """A column that does not fit follows below."""
    text = summary(comparison, width)
    for cell in comparison.cells.values():
        assert f"{cell.validation_bpc:.3f}" in text
        assert f"{cell.parameters:,}" in text
    assert "3,200 or more" in text
    for check in comparison.checks:
        assert check.name in " ".join(text.split())


def test_failed_checks_come_first(comparison: Comparison) -> None:
    """They are not to be missed."""
    text = summary(comparison, 80)
    assert text.index("FAILED") < text.index("passed ")


def test_the_terminal_gets_no_control_characters(comparison: Comparison) -> None:
    """A corpus cannot be named so that it moves the cursor."""
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", summary(comparison, 80))


def test_what_is_missing_is_left_out(build: Callable[..., Comparison]) -> None:
    """Only tasks, only a text, or nothing but checks."""
    assert "bits/char" not in summary(build(cells=()), 80)
    assert "Memory span" not in summary(build(tasks=()), 80)
    assert summary(build((), ()), 80).startswith("Checks\n")


def test_columns_are_aligned() -> None:
    """Names to the left, numbers to the right, as wide as they must be."""
    assert table(["a", "long"], [["bcd", "1"], ["e", "23"]], 20) == (
        "a    long\nbcd     1\ne      23"
    )


def test_a_table_too_wide_is_split() -> None:
    """The second part has the names again."""
    assert (
        table(["a", "bbbb", "cccc"], [["x", "1", "2"]], 10)
        == "a  bbbb\nx     1\n\na  cccc\nx     2"
    )
