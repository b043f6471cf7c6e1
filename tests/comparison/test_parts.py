"""A text is cut so that nothing judges what it taught, and every run reads what it should."""

from dataclasses import replace

import pytest

from chargen.comparison.parts import Parts
from chargen.comparison.sizes import matched
from chargen.errors import CorpusError
from chargen.model.config import ModelConfig
from chargen.text.corpus import Corpus, Spans

WORDS = [f"word {k} and {k * k % 97}" for k in range(2_000)]


def targets(spans: Spans) -> set[int]:
    return {at for a, b in spans.tolist() for at in range(a + 1, b)}


@pytest.mark.parametrize("lines", [False, True])
@pytest.mark.parametrize("texts", [1, 3])
def test_the_parts_share_nothing_and_leave_nothing_out(lines: bool, texts: int) -> None:
    """Held out is a tenth; what judges the rates a tenth of the rest, and inside of it."""
    cut = ["\n".join(WORDS[k::texts]) for k in range(texts)]
    parts = Parts.of(Corpus.of(cut, lines=lines), seed=1)
    train, held_out = targets(parts.train), targets(parts.held_out)
    sweep, judging = targets(parts.sweep_train), targets(parts.judging)
    if not lines:  # the newline between two lines ends one and begins the next
        assert not train & held_out
        assert not sweep & judging
    assert sweep <= train
    assert judging <= train | {b for _, b in parts.judging.tolist()}
    assert len(held_out) == pytest.approx(0.1 * (len(train) + len(held_out)), rel=0.05)
    assert len(judging) == pytest.approx(0.1 * len(train), rel=0.1)


def test_no_line_is_on_two_sides() -> None:
    """However often it stands in the text."""
    corpus = Corpus.of(["\n".join(WORDS[:400] * 3)], lines=True)
    parts = Parts.of(corpus, seed=3)
    sides = [
        {parts.text(span[None]) for span in spans}
        for spans in (parts.sweep_train, parts.judging, parts.held_out)
    ]
    assert not sides[0] & sides[1]
    assert not sides[0] & sides[2]
    assert not sides[1] & sides[2]
    assert len(sides[0] | sides[1] | sides[2]) == 400


def test_a_short_text_is_refused() -> None:
    """With what it takes."""
    with pytest.raises(CorpusError, match="2,000 or more"):
        Parts.of(Corpus.of(["too short " * 20]), seed=1)


@pytest.mark.parametrize("lines", [False, True])
def test_windows_differ_in_the_reach_of_the_gradient_alone(lines: bool) -> None:
    """All else of a run is the same, so that nothing else can be the reason of what is seen."""
    parts = Parts.of(Corpus.of(["\n".join(WORDS)], lines=lines), seed=1)
    model = ModelConfig(len(parts.vocabulary), hidden_size=8, embedding_size=4)
    plans = [
        parts.plan(
            model, characters=200_000, learning_rate=1e-3, dropout=0.0, seed=1, reach=reach
        ).training
        for reach in (8, 64, 256)
    ]
    assert [plan.reach for plan in plans] == [8, 64, 256]
    assert len({replace(plan, reach=None) for plan in plans}) == 1
    assert plans[0].sequence_length == (64 if lines else 256)


def test_cells_are_trained_alike() -> None:
    """The plans of all cells differ in nothing but the network and its threads."""
    parts = Parts.of(Corpus.of(["\n".join(WORDS)]), seed=1)
    like = ModelConfig(len(parts.vocabulary), hidden_size=24, embedding_size=8)
    configs = matched(["feedforward", "rnn", "gru", "lstm"], like)
    plans = [
        parts.plan(config, characters=50_000, learning_rate=1e-3, dropout=0.1, seed=4).training
        for config in configs.values()
    ]
    first = {**plans[0].to_dict(), "threads": None}
    assert all({**plan.to_dict(), "threads": None} == first for plan in plans)
    assert plans[0].precision == "float32"
    assert plans[0].evaluations == 0
