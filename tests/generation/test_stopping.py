"""Tests of where a text ends: at a stop text, or after sentences, lines and paragraphs."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chargen.generation.records import Drawn, Stopped
from chargen.generation.settings import GenerationSettings
from chargen.generation.stopping import Stopper, make_limits

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


@given(texts, stop_texts, st.booleans())
@example("aab", ["ab"], False)
@example("aaab", ["aab"], False)
@example("abab\n", ["ab\n"], True)
@example("xab", ["b", "ab"], False)
@example("xab", ["ab", "b"], True)
@example("aaa", [], False)
@example("aaaaab", ["a" * 5_000], False)
def test_a_text_ends_at_the_first_stop_text(text: str, stops: list[str], include: bool) -> None:
    """Each character is released once, in order, as soon as no stop text can begin with it.

    The text ends before the stop text, or after it if it is kept.
    """
    stopper = Stopper(dict.fromkeys(stops, "stop"), kept=stops if include else ())
    expected, stop = cut(text, stops)
    out = ""
    for k, character in enumerate(text):
        for record in stopper.push(Drawn(0, character, -float(k))):
            if isinstance(record, Stopped):
                ending = stop or ""
                assert record == Stopped(0, "stop", "" if include else ending)
                assert out == expected + (ending if include else "")
                return
            assert record.log_probability == -len(out)
            out += record.character
        seen = text[: k + 1]
        assert out == seen[: len(seen) - pending(seen, stops)]
    assert stop is None
    assert out + "".join(drawn.character for drawn in stopper.flush()) == text


def end(prompt: str, text: str, **maximum: Any) -> tuple[str, str, str]:
    """Return the released text, the reason of its end, and the characters that were cut off."""
    stopper = Stopper({}, make_limits(GenerationSettings(**maximum), prompt))
    out = ""
    for character in text:
        for record in stopper.push(Drawn(0, character, None)):
            if isinstance(record, Stopped):
                return out, record.reason, record.ending
            out += record.character
    return out + "".join(drawn.character for drawn in stopper.flush()), "", ""


@pytest.mark.parametrize(
    ("prompt", "sentences", "count"),
    [
        ("", ["One.", " Two!", " Three?"], 3),
        ("", ["Wait...", " What?!", " No\u2026"], 3),
        ("", ['He said "Go on."', " (She did!)", " \u00abOui.\u00bb"], 3),
        ("", ["It costs 3.14 or 2,50.", " See a.txt."], 2),
        ("", ["Mr. Smith met J. R. Brown, e.g. at noon.", " So did I.", " End."], 3),
        ("", ["1. One thing.", "\n\n2. Another."], 2),
        ("", [". . . Then it began."], 1),
        ("", ["\u4eca\u65e5\u3002", "\u660e\u65e5\uff1f\uff01\u300d", "\u540e\u3002"], 3),
        ("The cat", [" sat.", " It ran."], 2),
        ("The cat sat.", [" It ran."], 1),
        ('"The cat sat', ['."', " It ran."], 2),
        ("Dr", [". Who ran."], 1),
        ("It costs 3", [".14 now."], 1),
    ],
)
def test_sentences_are_counted(prompt: str, sentences: list[str], count: int) -> None:
    """A sentence ends with its terminators and closing quotes, before white space."""
    text = "".join(sentences)
    assert len(sentences) == count
    following = "\u540e" if "\u3002" in text else " "
    for n in range(1, count + 1):
        expected = "".join(sentences[:n])
        found = end(prompt, text + following + "More.", max_sentences=n)
        assert found[:2] == (expected, "sentences")
        assert len(found[2]) == 1
    assert end(prompt, text, max_sentences=count) == (text, "", "")


@pytest.mark.parametrize(
    ("prompt", "text", "count", "expected"),
    [
        ("", "one\ntwo\nthree\n", 2, ("one\ntwo", "lines", "\n")),
        ("", "\none\ntwo\n", 2, ("\none", "lines", "\n")),
        ("on", "e\ntwo\n", 1, ("e", "lines", "\n")),
    ],
)
def test_lines_are_counted(
    prompt: str, text: str, count: int, expected: tuple[str, str, str]
) -> None:
    """A line ends before its newline; the line of the prompt is the first one."""
    assert end(prompt, text, max_lines=count) == expected


@pytest.mark.parametrize(
    ("prompt", "text", "count", "expected"),
    [
        ("", "a\nb\n\nc\n\n", 1, ("a\nb", "paragraphs", "\n\n")),
        ("", "a\nb\n\nc\n\n", 2, ("a\nb\n\nc", "paragraphs", "\n\n")),
        ("", "\n\na\n\n\n\nb\n\n", 2, ("\n\na\n\n\n\nb", "paragraphs", "\n\n")),
        ("", "a\n \t\nb", 1, ("a\n \t", "paragraphs", "\n")),
        ("a\n", "b\n\n", 1, ("b", "paragraphs", "\n\n")),
        ("a\n", "\nb", 1, ("", "paragraphs", "\n")),
        ("a\n\n", "\nb\n\n", 1, ("\nb", "paragraphs", "\n\n")),
        ("", "a\nb\n", 1, ("a\nb\n", "", "")),
    ],
)
def test_paragraphs_are_counted(
    prompt: str, text: str, count: int, expected: tuple[str, str, str]
) -> None:
    """A paragraph ends before a blank line; blank lines before a paragraph are not counted."""
    assert end(prompt, text, max_paragraphs=count) == expected


def test_the_first_end_counts() -> None:
    """With several maxima, the first one that is reached ends the text."""
    text = "One. Two.\nThree.\n\n"
    assert end("", text, max_lines=1, max_sentences=3) == ("One. Two.", "lines", "\n")
    assert end("", text, max_lines=3, max_sentences=1) == ("One.", "sentences", " ")
