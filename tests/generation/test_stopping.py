"""Tests of stop texts against the definition: a text ends before the first stop text."""

from hypothesis import example, given
from hypothesis import strategies as st

from chargen.generation.records import Drawn
from chargen.generation.settings import GenerationSettings
from chargen.generation.stopping import StopMatcher

texts = st.text(alphabet="ab\n", max_size=30)
stop_texts = st.lists(st.text(alphabet="ab\n", min_size=1, max_size=4), max_size=4)


def cut(text: str, stops: list[str]) -> tuple[str, str | None]:
    """Return the text before the first complete stop text, and that stop text."""
    for end in range(len(text) + 1):
        found = [stop for stop in stops if text[:end].endswith(stop)]
        if found:
            stop = max(found, key=len)
            return text[: end - len(stop)], stop
    return text, None


def pending(text: str, stops: list[str]) -> int:
    """Return how many of the last characters may be the beginning of a stop text."""
    lengths = range(len(text), 0, -1)
    return next(
        (n for n in lengths if any(s.startswith(text[-n:]) and len(s) > n for s in stops)), 0
    )


@given(texts, stop_texts)
@example("aab", ["ab"])
@example("aaab", ["aab"])
@example("abab\n", ["ab\n"])
@example("xab", ["b", "ab"])
@example("xab", ["ab", "b"])
@example("aaa", [])
@example("aaaaab", ["a" * 5_000])
def test_a_text_ends_before_the_first_stop_text(text: str, stops: list[str]) -> None:
    """Each character is released once, in order, as soon as no stop text can begin with it."""
    matcher = StopMatcher(tuple(stops))
    expected, stop = cut(text, stops)
    out = ""
    for k, character in enumerate(text):
        released, found = matcher.push(Drawn(0, character, -float(k)))
        for drawn in released:
            assert drawn.log_probability == -len(out)
            out += drawn.character
        if found is not None:
            assert (out, found) == (expected, stop)
            return
        seen = text[: k + 1]
        assert out == seen[: len(seen) - pending(seen, stops)]
    assert stop is None
    assert out + "".join(drawn.character for drawn in matcher.flush()) == text


def test_until_newline_adds_a_stop_text() -> None:
    """`until_newline` is one more stop text."""
    assert GenerationSettings(stop=("ab", "c")).stop_texts == ("ab", "c")
    assert GenerationSettings(stop=("ab",), until_newline=True).stop_texts == ("ab", "\n")
    assert GenerationSettings().stop_texts == ()
