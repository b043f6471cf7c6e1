"""Tests of the splits: no network is evaluated on its training text."""

from dataclasses import replace

import numpy as np
import pytest

from chargen.comparison.parameter_matching import match_parameters
from chargen.comparison.splits import CorpusSplits, first_targets, last_targets
from chargen.errors import CorpusError
from chargen.model.config import ModelConfig
from chargen.text.corpus import Corpus
from chargen.text.ids import Spans
from chargen.text.kind import LINE, STREAM
from chargen.training.start import Start

LINES = [f"word {k} and {k * k % 97}" for k in range(2_000)]


def split_lines(*, lines: bool, texts: int = 1) -> CorpusSplits:
    corpus = Corpus.of(
        ["\n".join(LINES[k::texts]) for k in range(texts)], kind=LINE if lines else STREAM
    )
    return CorpusSplits.of(corpus, seed=1)


def targets(spans: Spans) -> set[int]:
    return {at for a, b in spans.tolist() for at in range(a + 1, b)}


@pytest.mark.parametrize("lines", [False, True])
@pytest.mark.parametrize("texts", [1, 3])
def test_the_parts_are_disjoint_and_complete(lines: bool, texts: int) -> None:
    """A tenth is held out, and a tenth of the rest validates the learning rates."""
    splits = split_lines(lines=lines, texts=texts)
    train, held_out = targets(splits.train), targets(splits.held_out)
    sweep, validation = targets(splits.sweep_train), targets(splits.sweep_validation)
    if not lines:  # the newline between two lines ends one and begins the next
        assert not train & held_out
        assert not sweep & validation
    assert sweep <= train
    assert validation <= train | {b for _, b in splits.sweep_validation.tolist()}
    assert len(held_out) == pytest.approx(0.1 * (len(train) + len(held_out)), rel=0.05)
    assert len(validation) == pytest.approx(0.1 * len(train), rel=0.1)


def test_repeated_lines_are_in_one_part() -> None:
    corpus = Corpus.of(["\n".join(LINES[:400] * 3)], kind=LINE)
    splits = CorpusSplits.of(corpus, seed=3)
    parts = [
        {splits.text(span[None]) for span in spans}
        for spans in (splits.sweep_train, splits.sweep_validation, splits.held_out)
    ]
    assert len(parts[0] | parts[1] | parts[2]) == sum(map(len, parts)) == 400


def test_a_short_text_is_refused() -> None:
    with pytest.raises(CorpusError, match="needs 2,000 or more"):
        CorpusSplits.of(Corpus.of(["too short " * 20]), seed=1)


@pytest.mark.parametrize("lines", [False, True])
def test_runs_of_the_window_study_differ_only_in_bptt_length(lines: bool) -> None:
    splits = split_lines(lines=lines)
    model = ModelConfig(len(splits.vocabulary), hidden_size=8, embedding_size=4)
    configs = [
        splits.run_spec(
            model,
            characters=200_000,
            learning_rate=1e-3,
            dropout=0.0,
            seed=1,
            threads=1,
            bptt_length=length,
        ).training
        for length in (8, 64, 256)
    ]
    assert [config.bptt_length for config in configs] == [8, 64, 256]
    assert len({replace(config, bptt_length=None) for config in configs}) == 1
    assert configs[0].sequence_length == (64 if lines else 256)


def test_all_cells_are_trained_in_the_same_way() -> None:
    """The runs differ only in the network and its threads."""
    splits = split_lines(lines=False)
    like = ModelConfig(len(splits.vocabulary), hidden_size=24, embedding_size=8)
    specs = [
        splits.run_spec(
            model, characters=50_000, learning_rate=1e-3, dropout=0.1, seed=4, threads=1
        )
        for model in match_parameters(["feedforward", "rnn", "gru", "lstm"], like).values()
    ]
    configs = [spec.training for spec in specs]
    assert len({replace(config, threads=1) for config in configs}) == 1
    assert (configs[0].precision, configs[0].evaluations) == ("float32", 0)
    for spec in specs:  # no network starts from a trained model
        assert (spec.options.init_from, spec.start, spec.weights) == ("none", Start(), None)


def test_the_first_and_last_targets_of_spans() -> None:
    """A count can end inside of a span."""
    spans = np.array([[0, 5], [4, 7], [9, 13]])
    targets = [k for start, stop in spans.tolist() for k in range(start + 1, stop)]
    for count in range(1, len(targets) + 3):
        first, last = first_targets(spans, count), last_targets(spans, count)
        assert [k for a, b in first.tolist() for k in range(a + 1, b)] == targets[:count]
        assert [k for a, b in last.tolist() for k in range(a + 1, b)] == targets[-count:]
