"""The longest copied stretch is the one that comparing everything with everything finds."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargen.evaluation.copying import longest_copy


def slowly(lines: list[str], corpus: str) -> int:
    """The same by trying every stretch."""
    return max(
        (
            b - a
            for line in lines
            for a in range(len(line))
            for b in range(a + 1, len(line) + 1)
            if line[a:b] in corpus
        ),
        default=0,
    )


few = st.text("ab\n", max_size=12)
many = st.text(max_size=6)


@given(st.lists(few, max_size=5), st.text("ab\n", max_size=60))
def test_it_is_what_trying_every_stretch_finds(lines: list[str], corpus: str) -> None:
    """In texts that repeat themselves, with empty lines and empty corpora."""
    assert longest_copy(lines, corpus) == slowly(lines, corpus)


@given(st.lists(many, max_size=4), many, st.data())
def test_any_character_is_compared(lines: list[str], corpus: str, data: st.DataObject) -> None:
    """Code points of every plane count, what is copied from a line among them."""
    if lines:
        corpus += data.draw(st.sampled_from(lines))
    assert longest_copy(lines, corpus) == slowly(lines, corpus)


@pytest.mark.parametrize(
    ("lines", "corpus", "length"),
    [
        ([], "abc", 0),
        ([""], "abc", 0),
        (["abc"], "", 0),
        (["xyz"], "abc", 0),
        (["xbcx"], "abcd", 2),
        (["ab", "cd"], "abcd", 2),  # a stretch of two lines is none
        (["abcd"], "bc", 2),
        (["abcd"], "abcd", 4),
        (["\0a", "\0\0"], "a\0", 1),
    ],
)
def test_known_copies(lines: list[str], corpus: str, length: int) -> None:
    """A stretch stays within one line, and is as long as the corpus at most."""
    assert longest_copy(lines, corpus) == length


def test_the_texts_that_trouble_this_hash_are_no_trouble() -> None:
    """Thue-Morse words, whose hashes modulo 2**64 are equal for any base, are told apart."""
    word, other = "a", "b"
    for _ in range(11):
        word, other = word + other, other + word
    found = longest_copy([word], other)
    assert found < len(word)
    assert any(word[k : k + found] in other for k in range(len(word) - found + 1))
    assert not any(word[k : k + found + 1] in other for k in range(len(word) - found))


def test_a_stretch_of_a_real_text_is_found(repository: Path) -> None:
    """What was copied, with a slip on either side, is found at its length."""
    corpus = (repository / "corpora" / "neurons.txt").read_text(encoding="utf-8")
    stretch = corpus[5_000:5_300]
    lines = ["#" + stretch[:100] + "#", "#" + stretch + "#", stretch[100:]]
    assert longest_copy(lines, corpus) == 300
