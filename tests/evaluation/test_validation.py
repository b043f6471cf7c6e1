"""Tests of the validation loss against single steps of the numpy engine."""

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from chargen.evaluation import validation
from chargen.evaluation.validation import MAX_STREAMS, MIN_STREAM_LENGTH, streams, validation_nats
from chargen.model.cells.registry import CELLS
from chargen.model.config import ENCODERS
from chargen.model.engine import Engine, log_softmax
from chargen.model.network import Network
from chargen.text.corpus import Corpus
from chargen.text.kind import LINE
from chargen.text.split import split
from chargen.text.vocabulary import Vocabulary
from tests.evaluation.networks import make_ids, make_network

Spans = npt.NDArray[np.int64]


def spans_of(*lengths: int, gap: int = 0) -> Spans:
    """Consecutive spans of these lengths."""
    starts = np.cumsum([0, *(length + gap for length in lengths[:-1])])
    return np.stack([starts, starts + np.array(lengths)], axis=1).astype(np.int64)


# Streams


def assert_partition(cut: Spans, spans: Spans) -> None:
    """Check that streams cover the spans in order, without gaps or overlaps."""
    pieces = iter(cut.tolist())
    for start, stop in spans.tolist():
        at = start
        while at < stop:
            begin, end = next(pieces)
            assert begin == at < end
            at = end
        assert at == stop
    assert next(pieces, None) is None


@given(st.integers(1, 3_000_000), st.integers(0, 10**9))
@example(1, 0)
@example(2_000, 0)
@example(3_999, 0)
@example(4_000, 0)
@example(64_000, 0)
@example(64_001, 0)
@example(111_540, 1_003_854)
def test_streams_of_one_span(length: int, start: int) -> None:
    """A text is split into up to 32 equal streams of at least 2,000 characters."""
    spans = spans_of(length) + start
    cut = streams(spans)
    lengths = cut[:, 1] - cut[:, 0]
    assert cut.dtype == np.int64
    assert_partition(cut, spans)
    assert len(cut) == min(MAX_STREAMS, max(1, length // MIN_STREAM_LENGTH))
    assert len(cut) == 1 or lengths.min() >= MIN_STREAM_LENGTH
    assert lengths.max() - lengths.min() <= 1


many_lengths = st.lists(
    st.integers(2, 30) | st.integers(1_000, 9_000) | st.integers(2, 400_000),
    min_size=1,
    max_size=80,
)


@given(many_lengths, st.integers(0, 5))
@example([100_000] + [10] * 10, 0)
@example([10] * 33, 0)
@example([70_000] * 40, 0)
def test_streams_of_several_spans(lengths: list[int], gap: int) -> None:
    """No stream crosses a border, only whole texts are short, and the number is limited."""
    spans = spans_of(*lengths, gap=gap)
    cut = streams(spans)
    assert_partition(cut, spans)
    whole = {tuple(span) for span in spans.tolist()}
    for start, stop in cut.tolist():
        assert (start, stop) in whole or stop - start >= MIN_STREAM_LENGTH
    # One stream for each text, and fewer than 32 from splitting long texts.
    assert len(cut) < len(spans) + MAX_STREAMS


def test_lines_are_streams() -> None:
    """Lines, which share their newlines, are not split."""
    corpus = Corpus.of(["emma\nolivia\nava"], kind=LINE)
    np.testing.assert_array_equal(streams(corpus.spans()), corpus.spans())


def test_streams_of_no_span() -> None:
    """Without held-out text there are no streams."""
    assert streams(np.empty((0, 2), np.int64)).shape == (0, 2)


# Loss


def reference_nats(network: Network, ids: npt.NDArray[np.integer], spans: Spans) -> float:
    """The mean loss from single steps of the engine, each span from an empty state."""
    engine = Engine(network.config, network.weights())
    losses = []
    for start, stop in spans.tolist():
        states = engine.empty_states()
        for k in range(start, stop - 1):
            logits, states = engine.step(ids[k : k + 1], states)
            losses.append(-log_softmax(logits)[0, int(ids[k + 1])])
    return float(np.mean(losses))


# Two float32 implementations; each loss differs by about 1e-6.
CLOSE = 1e-5


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("encoder", ENCODERS)
def test_loss_of_streams(cell: str, encoder: str) -> None:
    """Streams that are read in parallel give the mean over single characters."""
    network, ids = make_network(cell, encoder, vocab_size=9), make_ids(4_001, 9)
    spans = streams(spans_of(4_001))
    assert len(spans) == 2
    assert validation_nats(network, ids, spans) == pytest.approx(
        reference_nats(network, ids, spans), abs=CLOSE
    )


@pytest.mark.parametrize("cell", CELLS)
def test_loss_of_lines(cell: str) -> None:
    """More lines than lanes, of different lengths, give the mean over single characters."""
    random = np.random.default_rng(3)
    lines = ["".join(random.choice(list("abcd"), random.integers(1, 12))) for _ in range(150)]
    corpus = Corpus.of(["\n".join(lines)], kind=LINE)
    vocabulary = Vocabulary.build(corpus.pieces())
    parts = split(corpus, vocabulary, validation_fraction=0.6, seed=1)
    assert len(parts.validation) > 64
    network = make_network(cell, depth=1, vocab_size=len(vocabulary))
    assert validation_nats(network, parts.ids, parts.validation) == pytest.approx(
        reference_nats(network, parts.ids[:], parts.validation), abs=CLOSE
    )


@given(st.lists(st.integers(1, 40), min_size=1, max_size=12).filter(lambda n: max(n) > 1))
@example([1, 40])
@example([2, 2, 2])
def test_padding_does_not_count(lengths: list[int]) -> None:
    """The loss of spans is the mean of their losses, weighted by their targets."""
    network, spans = make_network(depth=1, vocab_size=9), spans_of(*lengths)
    ids = make_ids(sum(lengths), 9)
    alone = [
        (validation_nats(network, ids, span[None]), span[1] - span[0] - 1)
        for span in spans
        if span[1] - span[0] > 1
    ]
    expected = sum(nats * targets for nats, targets in alone) / sum(n for _, n in alone)
    assert validation_nats(network, ids, spans) == pytest.approx(expected, abs=CLOSE)


@pytest.mark.parametrize("vocab_size", [9, 200])
def test_order_of_spans_does_not_matter(vocab_size: int) -> None:
    """Many spans in any order, some longer than a window, give the same mean."""
    random = np.random.default_rng(4)
    lengths = random.integers(1, 60, 200)
    lengths[7] = 700
    spans = spans_of(*lengths.tolist())
    ids = make_ids(int(lengths.sum()), vocab_size)
    network = make_network(depth=1, vocab_size=vocab_size)
    expected = reference_nats(network, ids, spans)
    for order in (np.arange(200), random.permutation(200)):
        assert validation_nats(network, ids, spans[order]) == pytest.approx(expected, abs=CLOSE)


def test_windows_carry_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """The length of the windows, which memory limits, does not matter."""
    network, ids, spans = (
        make_network(depth=1, vocab_size=9),
        make_ids(1_000, 9),
        spans_of(400, 600),
    )
    expected = validation_nats(network, ids, spans)
    for window in (0, 1, 7, 599, 600):
        monkeypatch.setattr(validation, "_LOGITS_AT_ONCE", window * 2 * 9)
        assert validation_nats(network, ids, spans) == pytest.approx(expected, abs=CLOSE)


def test_loss_of_uniform_model() -> None:
    """A network of zeros predicts all characters equally."""
    network = make_network(depth=1, vocab_size=9)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    assert validation_nats(network, make_ids(500, 9), spans_of(500)) == pytest.approx(
        np.log(9), rel=1e-6
    )


def test_first_character_is_not_a_target() -> None:
    """The first character of a span is read but not predicted."""
    network, ids = make_network(depth=1, vocab_size=9), make_ids(10, 9)
    whole = validation_nats(network, ids, spans_of(10))
    changed = ids.copy()
    changed[0] = (ids[0] + 1) % 9
    expected = reference_nats(network, changed, spans_of(10))
    assert validation_nats(network, changed, spans_of(10)) == pytest.approx(expected, abs=CLOSE)
    assert whole != expected
    behind = np.concatenate([ids, ids])
    assert validation_nats(network, behind, spans_of(10)) == pytest.approx(whole, abs=CLOSE)


def test_network_is_not_modified() -> None:
    """Weights and gradients of the network do not change."""
    network, ids = make_network(depth=1, vocab_size=9), make_ids(300, 9)
    before = network.weights()
    validation_nats(network, ids, spans_of(300))
    assert all(parameter.grad is None for parameter in network.parameters())
    for name, value in network.weights().items():
        np.testing.assert_array_equal(value, before[name])
