"""Tests of what training prints about its progress."""

from chargen.cli.progress import wrapped_sample
from chargen.text.display import text_width


def test_a_sample_without_spaces_fills_its_lines() -> None:
    """Lines are as wide as their columns allow, and no letter is separated from its marks."""
    syllable = "\u0e19\u0e49\u0e33"  # two columns, three code points
    lines = wrapped_sample(syllable * 100).split("\n")
    assert [text_width(line) for line in lines] == [88, 88, 48]
    assert all(line.startswith("      | \u0e19") for line in lines)
