"""Tests of the statistics of generated text."""

from pathlib import Path

import pytest

from chargen.errors import CorpusError
from chargen.evaluation.coherence import coherence, kept_rhyme, read_rhyme_families, words
from chargen.evaluation.intervals import wilson

FAMILIES = {"-at": frozenset({"cat", "hat"}), "-og": frozenset({"dog", "fog"})}


def test_words_are_runs_of_letters() -> None:
    """Digits, symbols and apostrophes end a word; words are in lower case, in any script."""
    text = "Jake's two2 snake_cakes, ÉTÉ Онегин 人a 3.14"
    assert words(text) == ["jake", "s", "two", "snake", "cakes", "été", "онегин", "人a"]


def test_kept_rhyme_by_distance() -> None:
    """All words after the first rhyme word count, including those that rhyme with nothing."""
    lines = [
        *["The cat, a hat a dog."] * 10,  # 1: a, 2: hat, 3: a, 4: dog
        *["Fog dog dog"] * 6,  # 1: dog, 2: dog
        *["dog Hat x fog"] * 4,  # 1: hat, 2: x, 3: fog
        *["nothing in it rhymes"] * 5,
        *["no more than a cat"] * 5,
    ]
    # At distance 3 there are 14 words, fewer than the minimum of 20.
    assert kept_rhyme(lines, FAMILIES) == (wilson(6, 20), wilson(16, 20))


def test_kept_rhyme_has_up_to_12_distances() -> None:
    """A long line has twelve distances, and repeated words count each time."""
    found = kept_rhyme(["cat" + " hat dog" * 10] * 20, FAMILIES)
    assert [interval.value for interval in found] == [1, 0] * 6
    assert [interval.count for interval in found] == [20] * 12


def test_distance_requires_20_words() -> None:
    """Distances with 19 words are left out."""
    assert kept_rhyme(["cat hat"] * 19, FAMILIES) == ()
    assert len(kept_rhyme(["cat hat"] * 20, FAMILIES)) == 1
    assert kept_rhyme([], FAMILIES) == ()


def test_coherence() -> None:
    """The shares of known words and of closed brackets, and the longest copy."""
    corpus = "The dog sat. (A cat, too!)"
    found = coherence(["the DOG zat (a", 'cat) "sat" [too'], corpus, None)
    assert found.kept_rhyme == ()
    assert found.known_words == pytest.approx(6 / 7)
    assert found.closed == pytest.approx(1 / 3)  # the next line closes the bracket
    assert found.longest_copy == len("cat")
    copied = coherence(["a dog sat."], corpus, None)
    assert (copied.known_words, copied.closed) == (1, None)
    assert copied.longest_copy == len(" dog sat.")


def test_coherence_without_words() -> None:
    """Without words or brackets their shares are None."""
    for lines in ([], [""], ["12, 3 ..."]):
        found = coherence(lines, "a b", FAMILIES)
        assert found.known_words is None
        assert (found.kept_rhyme, found.closed) == ((), None)


def test_rhyme_families_are_read_from_a_file(repository: Path) -> None:
    """The families of rhymes.txt share no word."""
    families = read_rhyme_families(repository / "corpora" / "rhyme-families.txt")
    assert len(families) == 20
    assert {"play", "sleigh"} <= families["-ay"]
    assert families["-ox"] >= {"fox", "socks"}
    assert sum(map(len, families.values())) == len(frozenset().union(*families.values()))


def test_coherence_of_corpus(repository: Path) -> None:
    """In a corpus compared with itself every word is known and every line is a copy."""
    path = repository / "corpora" / "rhymes.txt"
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    found = coherence(lines, text, read_rhyme_families(path.with_name("rhyme-families.txt")))
    assert (found.known_words, found.closed) == (1, 1)
    assert found.longest_copy == max(map(len, lines))
    # From an independent count: one in three words at distance 2 is in the family.
    assert found.kept_rhyme[1].value == pytest.approx(0.33, abs=0.005)
    assert found.kept_rhyme[0].count == len(lines)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("-at: cat\nhat\n", "line 2: expected a new family"),
        ("-at:\n", "line 1: expected a new family"),
        ("-at: cat\n-at: hat\n", "line 2: expected a new family"),
        ("# only a comment\n", "has no rhymes"),
    ],
)
def test_invalid_rhyme_file_is_rejected(tmp_path: Path, content: str, message: str) -> None:
    """The error names the line."""
    path = tmp_path / "rhymes.txt"
    path.write_text(content)
    with pytest.raises(CorpusError, match=message):
        read_rhyme_families(path)
