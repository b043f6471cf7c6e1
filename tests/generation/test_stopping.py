"""A text ends before the first stop text, and nothing of it is written."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chargen.errors import OptionError
from chargen.generation.stopping import Held, Stopping
from chargen.records import Drawn

texts = st.text(alphabet="ab\n", max_size=30)
stops = st.lists(st.text(alphabet="ab\n", min_size=1, max_size=4), max_size=4)


def plainly(text: str, stops: list[str]) -> tuple[str, str | None]:
    """The definition: what stands before the first stop text that is complete, and which it is."""
    for end in range(len(text) + 1):
        met = [stop for stop in stops if text[:end].endswith(stop)]
        if met:
            stop = max(met, key=len)
            return text[: end - len(stop)], stop
    return text, None


def begun(text: str, stops: list[str]) -> int:
    """How many of the last characters of a text may be the beginning of a stop text."""
    lengths = range(len(text), 0, -1)
    return next(
        (n for n in lengths if any(s.startswith(text[-n:]) and len(s) > n for s in stops)), 0
    )


@given(texts, stops)
@example("aab", ["ab"])
@example("aaab", ["aab"])
@example("abab\n", ["ab\n"])
@example("xab", ["b", "ab"])
@example("xab", ["ab", "b"])
@example("aaa", [])
def test_a_text_ends_before_the_first_stop_text(text: str, stops: list[str]) -> None:
    """What comes out is what the definition leaves, each character as soon as it is sure."""
    held = Held(tuple(stops))
    expected, stop = plainly(text, stops)
    out = ""
    for k, character in enumerate(text):
        sure, met = held.push(Drawn(0, character, -float(k)))
        for drawn in sure:
            assert drawn.log_probability == -len(out)  # each once, in order, with what it carries
            out += drawn.character
        if met is not None:
            assert (out, met) == (expected, stop)
            return
        seen = text[: k + 1]
        assert out == seen[: len(seen) - begun(seen, stops)]
    assert stop is None
    assert out + "".join(drawn.character for drawn in held.rest()) == text


def test_all_stop_texts_count_and_the_newline_where_it_was_asked_for() -> None:
    """`until_newline` is one more stop text."""
    assert Stopping(stop=("ab", "c")).texts == ("ab", "c")
    assert Stopping(stop=("ab",), until_newline=True).texts == ("ab", "\n")
    assert Stopping().texts == ()


def test_a_stop_text_may_be_longer_than_any_text() -> None:
    """It is never met, and what might begin it comes at the end."""
    held = Held(("a" * 5_000,))
    for k in range(100):
        assert held.push(Drawn(0, "a", None)) == ([], None)
        assert len(held.rest()) == k + 1
    sure, met = held.push(Drawn(0, "b", None))
    assert len(sure) == 101
    assert met is None


@pytest.mark.parametrize("length", [-1, -(10**400), 1.5, math.nan, math.inf, "3"])
def test_a_length_that_is_none_is_refused(length: int) -> None:
    """Whole numbers from 0, and None for no end."""
    with pytest.raises(OptionError) as caught:
        Stopping(length)
    assert str(caught.value) == f"--length must be a whole number, 0 or more, got {length}"
    assert Stopping(0).length == 0
    assert Stopping(None).length is None


@pytest.mark.parametrize("confidence", [-0.1, 1.1, math.nan, math.inf, -math.inf])
def test_a_confidence_that_is_no_probability_is_refused(confidence: float) -> None:
    """Outside 0 to 1 and NaN are refused with what is allowed."""
    with pytest.raises(OptionError) as caught:
        Stopping(confidence=confidence)
    assert str(caught.value) == f"--confidence must lie between 0 and 1, got {confidence:g}"


def test_an_empty_stop_text_is_refused() -> None:
    """It would end every text before its first character."""
    with pytest.raises(OptionError) as caught:
        Stopping(stop=("ab", ""))
    assert str(caught.value) == "--stop must be a text of at least one character, got ''"
