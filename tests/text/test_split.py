"""What is held out is never trained on."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from chargen.errors import CorpusError
from chargen.text.corpus import (
    HOLD_OUT_FROM,
    Corpus,
    Split,
    split,
)
from chargen.text.vocabulary import Vocabulary


def split_of(corpus: Corpus, fraction: float | None, seed: int = 1) -> Split:
    """The split of a corpus in its own vocabulary."""
    vocabulary = Vocabulary.build(corpus.pieces())
    return split(corpus, vocabulary, validation_fraction=fraction, seed=seed)


def targets(spans: Iterable[Iterable[int]]) -> list[int]:
    """Every place that a part predicts: all of each span but its first."""
    return [k for start, stop in spans for k in range(start + 1, stop)]


def corpus_of(texts: list[str], *, lines: bool) -> Corpus:
    """A corpus, where these texts make one."""
    try:
        return Corpus.of(texts, lines=lines)
    except CorpusError:
        assume(False)
        raise


def test_a_short_corpus_holds_nothing_out() -> None:
    """Under 10,000 characters all is trained on unless asked; from there on a tenth is held out."""
    assert HOLD_OUT_FROM == 10_000
    short, long = Corpus.of(["ab" * 4_999 + "c"]), Corpus.of(["ab" * 5_000])
    assert short.characters == 9_999
    parts = split_of(short, None)
    assert parts.validation.shape == (0, 2)
    assert parts.train_characters == 9_999
    assert parts.validation_characters == 0
    assert split_of(long, None).train_characters == 9_000
    assert split_of(short, 0.1).train_characters == 8_999


def test_lines_below_ten_thousand_characters_hold_nothing_out() -> None:
    """The newline of each line counts towards the 10,000."""
    lines = [f"{k:03d}" for k in range(1_000)] * 3
    short = Corpus.of(["\n".join(lines[:2_499])], lines=True)
    long = Corpus.of(["\n".join(lines[:2_500])], lines=True)
    assert (short.characters, long.characters) == (9_996, 10_000)
    assert len(split_of(short, None).validation) == 0
    assert len(split_of(long, None).validation) == 100


def test_fraction_0_trains_on_everything() -> None:
    """Asked for nothing, nothing is held out, of a long corpus either."""
    parts = split_of(Corpus.of(["ab" * 10_000, "cd"]), 0.0)
    assert parts.train.tolist() == [[0, 20_001], [20_001, 20_004]]
    assert parts.validation_characters == 0


def test_the_tail_of_a_text_is_held_out() -> None:
    """The held-out part begins where training ends, and its first character is only read."""
    parts = split_of(Corpus.of(["0123456789"]), 0.3)
    assert parts.train.tolist() == [[0, 8]]
    assert parts.validation.tolist() == [[8, 11]]
    assert parts.train_characters == 7
    assert parts.validation_characters == 2


def test_the_tail_goes_over_several_texts() -> None:
    """The tail is counted over all texts: later ones are held out whole, one is cut."""
    corpus = Corpus.of(["aaaa", "bbbbbbbb", "cccc"])
    parts = split_of(corpus, 0.5)
    assert parts.train.tolist() == [[0, 5], [5, 10]]
    assert parts.validation.tolist() == [[10, 14], [14, 19]]


def test_a_tail_that_ends_with_a_text_cuts_none() -> None:
    """Where the border falls between two texts both stay whole."""
    parts = split_of(Corpus.of(["aaaa", "bbbb"]), 0.5)
    assert parts.train.tolist() == [[0, 5]]
    assert parts.validation.tolist() == [[5, 10]]
    assert parts.train_characters == parts.validation_characters == 4


@pytest.mark.parametrize("fraction", [0.0001, 0.05, 0.95, 1.0])
def test_a_part_with_nothing_to_predict_is_refused(fraction: float) -> None:
    """A fraction that leaves a part without a target is refused with what to do about it."""
    with pytest.raises(CorpusError) as caught:
        split_of(Corpus.of(["0123456789"], name="digits"), fraction)
    assert str(caught.value) == (
        f"--val-fraction {fraction:g} of digits (10 characters) leaves a part with nothing to"
        " predict (use --val-fraction 0 to train on all of it)"
    )


def test_lines_that_are_all_the_same_cannot_be_held_out() -> None:
    """One distinct line is on one side or the other."""
    with pytest.raises(CorpusError, match="leaves a part with nothing to predict"):
        split_of(Corpus.of(["emma\n" * 100], lines=True), 0.1)


many_texts = st.lists(st.text("abc\n", min_size=1, max_size=30), min_size=1, max_size=8)


@given(many_texts, st.floats(0.01, 0.9))
@example(["aaaa", "bbbbbbbb", "cccc"], 0.5)
@example(["ab"], 0.5)
def test_tails_partition_the_characters(texts: list[str], fraction: float) -> None:
    """Every character is trained on or held out, but the one at a cut, which is only read."""
    corpus = corpus_of(texts, lines=False)
    try:
        parts = split_of(corpus, fraction)
    except CorpusError:
        return
    trained, held = targets(parts.train), targets(parts.validation)
    borders = set(parts.validation[:, 0].tolist()) - set(corpus.spans()[:, 0].tolist())
    assert len(borders) <= 1
    assert sorted([*trained, *held, *borders]) == targets(corpus.spans())
    assert max(trained) < min(held)
    keep = corpus.characters - max(1, round(corpus.characters * fraction))
    assert parts.train_characters == len(trained) == keep
    assert parts.validation_characters == len(held) == corpus.characters - keep - len(borders)
    assert "".join(corpus.pieces()) == Vocabulary.build(corpus.pieces()).decode(parts.ids)


def said(parts: Split, spans: Iterable[Iterable[int]], vocabulary: Vocabulary) -> list[str]:
    """The lines that a part predicts."""
    return [vocabulary.decode(parts.ids[start + 1 : stop]) for start, stop in spans]


repeated_lines = st.lists(
    st.text("abc\u660e", min_size=1, max_size=2), min_size=1, max_size=40
).map("\n".join)


@given(repeated_lines, st.floats(0.01, 0.9), st.integers(0, (1 << 63) - 1))
@example("a\nb\na\nb\na", 0.5, 0)
def test_lines_are_held_out_by_distinct_line(text: str, fraction: float, seed: int) -> None:
    """A held-out line stands once in its part and nowhere in the training part."""
    corpus = corpus_of([text], lines=True)
    vocabulary = Vocabulary.build(corpus.pieces())
    try:
        parts = split(corpus, vocabulary, validation_fraction=fraction, seed=seed)
    except CorpusError:
        assert len(set(corpus.texts)) < 3 or fraction > 0.5
        return
    trained = said(parts, parts.train, vocabulary)
    held = said(parts, parts.validation, vocabulary)
    assert len(held) == len(set(held)) == max(1, round(len(set(corpus.texts)) * fraction))
    assert not set(held) & set(trained)
    kept = [f"{line}\n" for line in corpus.texts if f"{line}\n" not in held]
    assert trained == kept


def test_the_seed_draws_the_lines() -> None:
    """The same seed holds the same lines out, another seed others."""
    corpus = Corpus.of(["\n".join(f"{k:03d}" for k in range(500))], lines=True)
    first, again, other = (split_of(corpus, 0.1, seed).validation for seed in (1, 1, 2))
    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()


def test_the_order_of_lines_has_no_say_in_how_many_are_held_out(data: Path) -> None:
    """Of real names, with their many repetitions, a tenth of the distinct ones is held out."""
    corpus = Corpus.read([data / "names.txt"], lines=True)
    vocabulary = Vocabulary.build(corpus.pieces())
    parts = split(corpus, vocabulary, validation_fraction=None, seed=1)
    held = set(said(parts, parts.validation, vocabulary))
    trained = said(parts, parts.train, vocabulary)
    assert len(held) == len(parts.validation) == round(len(set(corpus.texts)) / 10)
    assert not held & set(trained)
    assert len(held | set(trained)) == len(set(corpus.texts))
