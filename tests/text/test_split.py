"""The split into a training and a validation set."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from chargen.errors import CorpusError, OptionConflictError
from chargen.text.corpus import Corpus
from chargen.text.kind import LINE, STREAM
from chargen.text.split import MIN_CHARACTERS_FOR_VALIDATION, Split, split
from chargen.text.vocabulary import Vocabulary


def split_of(corpus: Corpus, fraction: float | None, seed: int = 1) -> Split:
    """Split a corpus that is encoded with its vocabulary."""
    vocabulary = Vocabulary.build(corpus.pieces())
    return split(corpus, vocabulary, validation_fraction=fraction, seed=seed)


def targets(spans: Iterable[Iterable[int]]) -> list[int]:
    """Return every target: the positions of each span except its first."""
    return [k for start, stop in spans for k in range(start + 1, stop)]


def corpus_of(texts: list[str], *, lines: bool) -> Corpus:
    """Make a corpus; skip texts that are too short."""
    try:
        return Corpus.of(texts, kind=LINE if lines else STREAM)
    except CorpusError:
        assume(False)
        raise


def test_a_short_corpus_has_no_validation_set() -> None:
    """By default, a tenth of a corpus of at least 10,000 characters is held out."""
    assert MIN_CHARACTERS_FOR_VALIDATION == 10_000
    short, long = Corpus.of(["ab" * 4_999 + "c"]), Corpus.of(["ab" * 5_000])
    assert short.characters == 9_999
    parts = split_of(short, None)
    assert parts.validation.shape == (0, 2)
    assert parts.train_characters == 9_999
    assert parts.validation_characters == 0
    assert split_of(long, None).train_characters == 9_000
    assert split_of(short, 0.1).train_characters == 8_999


def test_short_lines_have_no_validation_set() -> None:
    """The newlines of the lines count towards the 10,000 characters."""
    lines = [f"{k:03d}" for k in range(1_000)] * 3
    short = Corpus.of(["\n".join(lines[:2_499])], kind=LINE)
    long = Corpus.of(["\n".join(lines[:2_500])], kind=LINE)
    assert (short.characters, long.characters) == (9_996, 10_000)
    assert len(split_of(short, None).validation) == 0
    assert len(split_of(long, None).validation) == 100


def test_fraction_0_trains_on_the_whole_corpus() -> None:
    """A long corpus can be trained on without a validation set, too."""
    parts = split_of(Corpus.of(["ab" * 10_000, "cd"]), 0.0)
    assert parts.train.tolist() == [[0, 20_001], [20_001, 20_004]]
    assert parts.validation_characters == 0


def test_the_end_of_a_text_is_held_out() -> None:
    """The validation set starts where training ends; its first character is only an input."""
    parts = split_of(Corpus.of(["0123456789"]), 0.3)
    assert parts.train.tolist() == [[0, 8]]
    assert parts.validation.tolist() == [[8, 11]]
    assert parts.train_characters == 7
    assert parts.validation_characters == 2


def test_the_end_can_span_several_texts() -> None:
    """The last texts are held out as a whole, and one text is cut."""
    corpus = Corpus.of(["aaaa", "bbbbbbbb", "cccc"])
    parts = split_of(corpus, 0.5)
    assert parts.train.tolist() == [[0, 5], [5, 10]]
    assert parts.validation.tolist() == [[10, 14], [14, 19]]


def test_a_tail_that_ends_with_a_text_cuts_none() -> None:
    """If the border falls between two texts, neither is cut."""
    parts = split_of(Corpus.of(["aaaa", "bbbb"]), 0.5)
    assert parts.train.tolist() == [[0, 5]]
    assert parts.validation.tolist() == [[5, 10]]
    assert parts.train_characters == parts.validation_characters == 4


@pytest.mark.parametrize("fraction", [0.0001, 0.05, 0.95, 1.0])
def test_a_set_without_targets_is_refused(fraction: float) -> None:
    """The error names the fraction and the corpus."""
    with pytest.raises(OptionConflictError) as caught:
        split_of(Corpus.of(["0123456789"], name="digits"), fraction)
    assert str(caught.value) == (
        f"validation_fraction {fraction:g} leaves too few characters of digits (10) to train or"
        " to validate (0 trains on the whole text)"
    )


def test_equal_lines_cannot_be_split() -> None:
    """All copies of a line are in the same set."""
    with pytest.raises(OptionConflictError, match="needs two distinct lines, but corpus has one"):
        split_of(Corpus.of(["emma\n" * 100], kind=LINE), 0.1)


many_texts = st.lists(st.text("abc\n", min_size=1, max_size=30), min_size=1, max_size=8)


@given(many_texts, st.floats(0.01, 0.9))
@example(["aaaa", "bbbbbbbb", "cccc"], 0.5)
@example(["ab"], 0.5)
def test_the_sets_partition_the_characters(texts: list[str], fraction: float) -> None:
    """Every character is a target of one set, except that at a cut, which is only an input."""
    corpus = corpus_of(texts, lines=False)
    try:
        parts = split_of(corpus, fraction)
    except OptionConflictError:
        return
    trained, held = targets(parts.train), targets(parts.validation)
    borders = set(parts.validation[:, 0].tolist()) - set(corpus.spans()[:, 0].tolist())
    assert len(borders) <= 1
    assert sorted([*trained, *held, *borders]) == targets(corpus.spans())
    assert max(trained) < min(held)
    keep = corpus.characters - max(1, round(corpus.characters * fraction))
    assert parts.train_characters == len(trained) == keep
    assert parts.validation_characters == len(held) == corpus.characters - keep - len(borders)
    assert "".join(corpus.pieces()) == Vocabulary.build(corpus.pieces()).decode(parts.ids[:])


def lines_of(parts: Split, spans: Iterable[Iterable[int]], vocabulary: Vocabulary) -> list[str]:
    """Return the lines of a set."""
    return [vocabulary.decode(parts.ids[start + 1 : stop]) for start, stop in spans]


repeated_lines = st.lists(
    st.text("abc\u660e", min_size=1, max_size=2), min_size=1, max_size=40
).map("\n".join)


@given(repeated_lines, st.floats(0.01, 0.9), st.integers(0, (1 << 63) - 1))
@example("a\nb\na\nb\na", 0.5, 0)
def test_distinct_lines_are_held_out(text: str, fraction: float, seed: int) -> None:
    """A held-out line is in the validation set once, and not in the training set."""
    corpus = corpus_of([text], lines=True)
    vocabulary = Vocabulary.build(corpus.pieces())
    try:
        parts = split(corpus, vocabulary, validation_fraction=fraction, seed=seed)
    except OptionConflictError:
        assert len(set(corpus.texts())) < 3 or fraction > 0.5
        return
    trained = lines_of(parts, parts.train, vocabulary)
    held = lines_of(parts, parts.validation, vocabulary)
    drawn = max(1, round(len(set(corpus.texts())) * fraction))
    assert len(held) == len(set(held))
    assert len(held) in {drawn, drawn - 1}  # without a line of more than half of all characters
    assert not set(held) & set(trained)
    kept = [f"{line}\n" for line in corpus.texts() if f"{line}\n" not in held]
    assert trained == kept


@pytest.mark.parametrize("seed", range(6))
def test_a_line_longer_than_all_others_is_not_held_out(seed: int) -> None:
    """Nearly all characters would be in the validation set."""
    corpus = Corpus.of(["a" * 20_000 + "\nb\nc"], kind=LINE)
    assert split_of(corpus, None, seed).train_characters > 20_000


def test_the_seed_determines_the_held_out_lines() -> None:
    """The same seed gives the same lines, and another seed gives others."""
    corpus = Corpus.of(["\n".join(f"{k:03d}" for k in range(500))], kind=LINE)
    first, again, other = (split_of(corpus, 0.1, seed).validation for seed in (1, 1, 2))
    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()


def test_a_tenth_of_the_distinct_names_is_held_out(data: Path) -> None:
    """Repeated names do not change the size of the validation set."""
    corpus = Corpus.read([data / "names.txt"], kind=LINE)
    vocabulary = Vocabulary.build(corpus.pieces())
    parts = split(corpus, vocabulary, validation_fraction=None, seed=1)
    held = set(lines_of(parts, parts.validation, vocabulary))
    trained = lines_of(parts, parts.train, vocabulary)
    assert len(held) == len(parts.validation) == round(len(set(corpus.texts())) / 10)
    assert not held & set(trained)
    assert len(held | set(trained)) == len(set(corpus.texts()))
