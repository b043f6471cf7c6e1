"""Closers are found by a stack, and their probabilities stand in the bins of their distances."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargen.evaluation.closers import closers, openers
from chargen.records import Interval


def spelled(text: str) -> list[str]:
    """Each opener of a text with what stands between it and its closer, or with nothing."""
    return [text[a] if b is None else text[a : b + 1] for a, b in openers(text)]


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
def test_quotes_and_brackets_are_matched(text: str, expected: list[str]) -> None:
    """Each closes the last of its kind; what is left open inside, or closes nothing, counts not."""
    assert spelled(text) == expected


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
def test_what_is_nested_well_is_closed_to_the_last(text: str) -> None:
    """In a text of matched pairs each opener has a closer, and each mark stands in one pair."""
    places = [place for pair in openers(text) for place in pair]
    assert sorted(place for place in places if place is not None) == list(range(len(text)))


def test_a_bin_is_the_mean_of_its_closers() -> None:
    """Distances double: 1-2, 3-4, 5-8, 9-16; the probability is the one at the closer's place."""
    random = np.random.default_rng(1)
    text = ""
    chances: list[float] = []
    expected: dict[tuple[int, int], list[float]] = {}
    for distance, place in [(1, (1, 2)), (2, (1, 2)), (3, (3, 4)), (4, (3, 4)), (5, (5, 8)),
                            (8, (5, 8)), (9, (9, 16)), (16, (9, 16)), (17, (17, 32))]:  # fmt: skip
        for _ in range(20):
            part = "(" + "x" * (distance - 1) + ")\n"
            here = random.random(len(part))
            text, chances = text + part, [*chances, *here]
            expected.setdefault(place, []).append(here[distance])
    found = closers(text, chances)
    assert list(found) == sorted(expected)
    for place, interval in found.items():
        assert interval.count == len(expected[place])
        assert interval.value == pytest.approx(np.mean(expected[place]), rel=1e-12)
        assert interval.low < interval.value < interval.high


def test_a_bin_of_few_closers_is_left_out() -> None:
    """Nineteen closers are too few, twenty are enough."""
    assert closers("()" * 19, [0.5] * 38) == {}
    assert closers("()" * 20, [0.5] * 40) == {(1, 2): Interval(0.5, 0.5, 0.5, 20)}
    assert closers("", []) == {}


@pytest.mark.parametrize("border", ["\n\n", "\n  \t\n", "\n\n\n\n"])
def test_the_stack_is_empty_after_a_paragraph(border: str) -> None:
    """A quote that is never closed turns over the quotes of its own paragraph and no others."""
    text = '"left open' + border + ('"ab"\n' * 20) + border + "(" + border + ")"
    found = closers(text, np.arange(len(text)))
    places = [k for k in range(text.index('"ab"'), len(text)) if text[k] == '"'][1::2]
    assert list(found) == [(3, 4)]
    assert found[3, 4].value == pytest.approx(np.mean(places), rel=1e-12)


def test_a_paragraph_goes_over_its_lines() -> None:
    """Where empty lines divide paragraphs, a quote may go on in the next line."""
    assert list(closers('"a\nb"\n\n' * 20, [0.5] * 140)) == [(3, 4)]


def test_without_empty_lines_every_line_is_a_paragraph() -> None:
    """In a text of lines nothing is matched across their ends."""
    assert closers('"a\nb"\n' * 20, [0.5] * 120) == {}
    assert list(closers('"ab"\n(c\n' * 20, [0.5] * 160)) == [(3, 4)]
