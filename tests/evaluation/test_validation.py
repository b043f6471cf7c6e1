"""The loss over held-out text is the plain mean over each character, whatever stands beside it."""

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from chargen.evaluation import validation
from chargen.evaluation.validation import LEAST_STREAM, MOST_STREAMS, streams, validation_nats
from chargen.model.cells import CELLS
from chargen.model.config import ENCODERS, ModelConfig
from chargen.model.engine import Engine, log_softmax
from chargen.model.network import Network
from chargen.text.corpus import Corpus, split
from chargen.text.vocabulary import Vocabulary

Spans = npt.NDArray[np.int64]


def spans_of(*lengths: int, gap: int = 0) -> Spans:
    """Spans of these lengths, one behind the other."""
    starts = np.cumsum([0, *(length + gap for length in lengths[:-1])])
    return np.stack([starts, starts + np.array(lengths)], axis=1).astype(np.int64)


# Streams


def assert_partition(cut: Spans, spans: Spans) -> None:
    """Each span is cut from its start to its stop, in order, without a gap or an overlap."""
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
def test_one_span_becomes_at_most_32_even_streams(length: int, start: int) -> None:
    """A text is cut into as many streams of 2,000 characters or more as there are, up to 32."""
    spans = spans_of(length) + start
    cut = streams(spans)
    lengths = cut[:, 1] - cut[:, 0]
    assert cut.dtype == np.int64
    assert_partition(cut, spans)
    assert len(cut) == min(MOST_STREAMS, max(1, length // LEAST_STREAM))
    assert len(cut) == 1 or lengths.min() >= LEAST_STREAM
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
def test_several_spans_are_cut_each_by_itself(lengths: list[int], gap: int) -> None:
    """No stream goes over a border, none but a whole text is short, and they are not many."""
    spans = spans_of(*lengths, gap=gap)
    cut = streams(spans)
    assert_partition(cut, spans)
    whole = {tuple(span) for span in spans.tolist()}
    for start, stop in cut.tolist():
        assert (start, stop) in whole or stop - start >= LEAST_STREAM
    # One for each text, and what a whole division into 32 adds to that.
    assert len(cut) < len(spans) + MOST_STREAMS


def test_lines_stay_whole() -> None:
    """Spans of lines, each with its newline in common with the next, are streams as they are."""
    corpus = Corpus.of(["emma\nolivia\nava"], lines=True)
    np.testing.assert_array_equal(streams(corpus.spans()), corpus.spans())


def test_nothing_held_out_is_no_stream() -> None:
    """Without a held-out part there is nothing to read."""
    assert streams(np.empty((0, 2), np.int64)).shape == (0, 2)


# Loss


def network_of(
    vocab_size: int, cell: str = "lstm", encoder: str = "embedding", depth: int = 1
) -> Network:
    """A network with an opinion: its losses differ from character to character."""
    network = Network(ModelConfig(vocab_size, cell, encoder, 4, 6, depth))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.uniform_(-1, 1, generator=generator)
    return network


def ids_of(length: int, vocab_size: int = 9) -> npt.NDArray[np.uint8]:
    """A text of chance."""
    return np.random.default_rng(2).integers(0, vocab_size, length).astype(np.uint8)


def slowly(network: Network, ids: npt.NDArray[np.unsignedinteger], spans: Spans) -> float:
    """The same by the numpy engine, one character at a time, each span from an empty state."""
    engine = Engine(network.config, network.weights())
    losses = []
    for start, stop in spans.tolist():
        states = engine.empty_states()
        for k in range(start, stop - 1):
            logits, states = engine.step(ids[k : k + 1], states)
            losses.append(-log_softmax(logits)[0, int(ids[k + 1])])
    return float(np.mean(losses))


# Two engines in float32, each loss off by some 1e-6, of which the mean is taken.
CLOSE = 1e-5


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("encoder", ENCODERS)
def test_the_loss_over_streams_is_that_of_a_slow_loop(cell: str, encoder: str) -> None:
    """Streams side by side give the mean of every character read by itself."""
    network, ids = network_of(9, cell, encoder, depth=2), ids_of(4_001)
    spans = streams(spans_of(4_001))
    assert len(spans) == 2
    assert validation_nats(network, ids, spans) == pytest.approx(
        slowly(network, ids, spans), abs=CLOSE
    )


@pytest.mark.parametrize("cell", CELLS)
def test_the_loss_over_lines_is_that_of_a_slow_loop(cell: str) -> None:
    """Lines of unlike lengths, more of them than lanes, give the mean of every character."""
    random = np.random.default_rng(3)
    lines = ["".join(random.choice(list("abcd"), random.integers(1, 12))) for _ in range(150)]
    corpus = Corpus.of(["\n".join(lines)], lines=True)
    vocabulary = Vocabulary.build(corpus.pieces())
    parts = split(corpus, vocabulary, validation_fraction=0.6, seed=1)
    assert len(parts.validation) > 64
    network = network_of(len(vocabulary), cell)
    assert validation_nats(network, parts.ids, parts.validation) == pytest.approx(
        slowly(network, parts.ids, parts.validation), abs=CLOSE
    )


@given(st.lists(st.integers(1, 40), min_size=1, max_size=12).filter(lambda n: max(n) > 1))
@example([1, 40])
@example([2, 2, 2])
def test_padding_does_not_matter(lengths: list[int]) -> None:
    """Spans of any lengths side by side give what each gives alone, weighted by its targets."""
    network, spans = network_of(9), spans_of(*lengths)
    ids = ids_of(sum(lengths))
    alone = [
        (validation_nats(network, ids, span[None]), span[1] - span[0] - 1)
        for span in spans
        if span[1] - span[0] > 1
    ]
    expected = sum(nats * targets for nats, targets in alone) / sum(n for _, n in alone)
    assert validation_nats(network, ids, spans) == pytest.approx(expected, abs=CLOSE)


@pytest.mark.parametrize("vocab_size", [9, 200])
def test_the_order_and_the_number_of_spans_do_not_matter(vocab_size: int) -> None:
    """More spans than lanes, in any order and over several windows, give the same mean."""
    random = np.random.default_rng(4)
    lengths = random.integers(1, 60, 200)
    lengths[7] = 700
    spans = spans_of(*lengths.tolist())
    ids = ids_of(int(lengths.sum()), vocab_size)
    network = network_of(vocab_size)
    expected = slowly(network, ids, spans)
    for order in (np.arange(200), random.permutation(200)):
        assert validation_nats(network, ids, spans[order]) == pytest.approx(expected, abs=CLOSE)


def test_windows_carry_the_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where memory makes windows short, down to less than one character, the loss is the same."""
    network, ids, spans = network_of(9), ids_of(1_000), spans_of(400, 600)
    expected = validation_nats(network, ids, spans)
    for window in (0, 1, 7, 599, 600):
        monkeypatch.setattr(validation, "_LOGITS_AT_ONCE", window * 2 * 9)
        assert validation_nats(network, ids, spans) == pytest.approx(expected, abs=CLOSE)


def test_a_uniform_model_has_the_loss_of_its_vocabulary() -> None:
    """A network of zeros guesses evenly."""
    network = network_of(9)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    assert validation_nats(network, ids_of(500), spans_of(500)) == pytest.approx(
        np.log(9), rel=1e-6
    )


def test_the_first_character_of_a_span_is_no_target() -> None:
    """What a span begins with is read, never scored: a cut costs one character."""
    network, ids = network_of(9), ids_of(10)
    whole = validation_nats(network, ids, spans_of(10))
    changed = ids.copy()
    changed[0] = (ids[0] + 1) % 9
    expected = slowly(network, changed, spans_of(10))
    assert validation_nats(network, changed, spans_of(10)) == pytest.approx(expected, abs=CLOSE)
    assert whole != expected
    behind = np.concatenate([ids, ids])
    assert validation_nats(network, behind, spans_of(10)) == pytest.approx(whole, abs=CLOSE)


def test_evaluation_leaves_no_trace() -> None:
    """Reading held-out text keeps no gradients and changes no weights."""
    network, ids = network_of(9), ids_of(300)
    before = network.weights()
    validation_nats(network, ids, spans_of(300))
    assert all(parameter.grad is None for parameter in network.parameters())
    for name, value in network.weights().items():
        np.testing.assert_array_equal(value, before[name])
