"""Tests of matching brackets and of the probabilities of closing marks."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargen.evaluation.bracket_matching import bracket_matching, match_brackets
from chargen.evaluation.records import Interval


def bins_of(text: str, probabilities: npt.ArrayLike) -> dict[tuple[int, int], Interval]:
    bins = bracket_matching(text, probabilities)
    return {(one.nearest, one.farthest): one.probability for one in bins}


def matched(text: str) -> list[str]:
    """Each pair of marks with the text between them, or an opening mark alone."""
    return [text[a] if b is None else text[a : b + 1] for a, b in match_brackets(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("none at all", []),
        ("(a)", ["(a)"]),
        ("()[]{}<>", ["()", "[]", "{}", "<>"]),
        ("(a [b {c <d>}])", ["(a [b {c <d>}])", "[b {c <d>}]", "{c <d>}", "<d>"]),
        ('"a" and "b"', ['"a"', '"b"']),
        ('"a ("b") c"', ['"a ("', "(", '") c"']),  # straight quotes alternate
        ("“a „b“ c”", ["“a „b“ c”", "„b“"]),
        ("„a“ und „b”", ["„a“", "„b”"]),
        ("« a » puis « b »", ["« a »", "« b »"]),
        ("»a« und »b«", ["»a«", "»b«"]),
        ("「a『b』」《c》", ["「a『b』」", "『b』", "《c》"]),
        ("don't \u2018say\u2019 'it'", []),
        (")a] b> ” c", []),
        ("1) (2) 3)", ["(2)"]),
        ("(a [b) c]", ["(a [b)", "["]),
        ("a < b (c)", ["<", "(c)"]),
        ("((a)", ["(", "(a)"]),
        ('"a', ['"']),
    ],
)
def test_match_brackets(text: str, expected: list[str]) -> None:
    """A mark closes the last open one of its kind; marks without a partner stay alone."""
    assert matched(text) == expected


def test_marks_of_two_documents_do_not_match() -> None:
    """A document of several lines is one paragraph; the boundary U+001E ends it."""
    text = "(a\nb) (c\x1e" * 20 + "d)\x1e"
    assert {span: found.count for span, found in bins_of(text, np.ones(len(text))).items()} == {
        (3, 4): 20
    }


@given(
    st.recursive(
        st.just(""),
        lambda inner: st.builds(
            "{0[0]}{1}{0[1]}{2}".format,
            st.sampled_from(["()", "[]", "{}", "<>", "“”", "「」"]),
            inner,
            inner,
        ),
        max_leaves=30,
    )
)
def test_well_nested_brackets_are_all_matched(text: str) -> None:
    """In well-nested text every mark belongs to exactly one pair."""
    places = [place for pair in match_brackets(text) for place in pair]
    assert sorted(place for place in places if place is not None) == list(range(len(text)))


def test_bin_is_mean_probability() -> None:
    """Bins are 1-2, 3-4, 5-8, 9-16; the probability is that of the closing mark."""
    random = np.random.default_rng(1)
    text = ""
    probabilities: list[float] = []
    expected: dict[tuple[int, int], list[float]] = {}
    for distance, place in [(1, (1, 2)), (2, (1, 2)), (3, (3, 4)), (4, (3, 4)), (5, (5, 8)),
                            (8, (5, 8)), (9, (9, 16)), (16, (9, 16)), (17, (17, 32))]:  # fmt: skip
        for _ in range(20):
            part = "(" + "x" * (distance - 1) + ")\n"
            here = random.random(len(part))
            text, probabilities = text + part, [*probabilities, *here]
            expected.setdefault(place, []).append(here[distance])
    found = bins_of(text, probabilities)
    assert list(found) == sorted(expected)
    for place, interval in found.items():
        assert interval.count == len(expected[place])
        assert interval.value == pytest.approx(np.mean(expected[place]), rel=1e-12)
        assert interval.low < interval.value < interval.high


def test_bin_with_few_pairs_is_omitted() -> None:
    """A bin has at least 20 pairs."""
    assert bins_of("()" * 19, [0.5] * 38) == {}
    assert bins_of("()" * 20, [0.5] * 40) == {(1, 2): Interval(0.5, 0.5, 0.5, 20)}
    assert bins_of("", []) == {}


@pytest.mark.parametrize("border", ["\n\n", "\n  \t\n", "\n\n\n\n"])
def test_paragraphs_are_independent(border: str) -> None:
    """An unclosed quotation mark changes only the pairs of the same paragraph."""
    text = '"left open' + border + ('"ab"\n' * 20) + border + "(" + border + ")"
    found = bins_of(text, np.arange(len(text)))
    places = [k for k in range(text.index('"ab"'), len(text)) if text[k] == '"'][1::2]
    assert list(found) == [(3, 4)]
    assert found[3, 4].value == pytest.approx(np.mean(places), rel=1e-12)


def test_pair_can_span_lines_of_paragraph() -> None:
    """In a text with empty lines, a pair can span several lines."""
    assert list(bins_of('"a\nb"\n\n' * 20, [0.5] * 140)) == [(3, 4)]


def test_lines_are_paragraphs_without_empty_lines() -> None:
    """In a text without empty lines, a pair must be within one line."""
    assert bins_of('"a\nb"\n' * 20, [0.5] * 120) == {}
    assert list(bins_of('"ab"\n(c\n' * 20, [0.5] * 160)) == [(3, 4)]
