"""Tests of the numpy engine against the torch network."""

import tracemalloc

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from chargen.model.cells.registry import CELLS
from chargen.model.config import ENCODERS, ModelConfig
from chargen.model.engine import CHUNK, Engine, States, log_softmax
from chargen.model.network import Network

VOCABULARY, LENGTH = 11, 60

Longs = npt.NDArray[np.int64]

every_cell = pytest.mark.parametrize("cell", CELLS)
every_encoder = pytest.mark.parametrize("encoder", ENCODERS)
every_depth = pytest.mark.parametrize("depth", [1, 2, 3])
every_batch = pytest.mark.parametrize("batch", [1, 5])


def network_of(cell: str, encoder: str, depth: int, seed: int = 1) -> Network:
    """A network with nonzero weights and biases that are large enough to leave the linear range."""
    network = Network(
        ModelConfig(VOCABULARY, cell, encoder, embedding_size=6, hidden_size=8, num_layers=depth)
    )
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.uniform_(-0.7, 0.7, generator=generator)
    return network


def engine_of(network: Network) -> Engine:
    """The engine with the network's weights."""
    return Engine(network.config, network.weights())


def text_of(batch: int, length: int = LENGTH, seed: int = 5) -> Longs:
    """[length, batch] ids, with every id of the vocabulary."""
    ids = np.random.default_rng(seed).integers(0, VOCABULARY, (length, batch))
    ids[:VOCABULARY, 0] = np.arange(VOCABULARY)
    return ids


def assert_close(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> None:
    """Equal up to float32 rounding: sums of 20 terms of about 1, carried through 60 steps."""
    np.testing.assert_allclose(one, other, rtol=2e-5, atol=2e-5)


def assert_close_states(one: States, other: States) -> None:
    """Equal up to float32 rounding."""
    assert [len(state) for state in one] == [len(state) for state in other]
    for state, expected in zip(one, other, strict=True):
        for part, same in zip(state, expected, strict=True):
            assert_close(part, same)


def assert_same_states(one: States, other: States) -> None:
    """Equal bit by bit."""
    assert [len(state) for state in one] == [len(state) for state in other]
    for state, expected in zip(one, other, strict=True):
        for part, same in zip(state, expected, strict=True):
            np.testing.assert_array_equal(part, same)


@every_cell
@every_encoder
@every_depth
@every_batch
def test_engine_matches_network(cell: str, encoder: str, depth: int, batch: int) -> None:
    """Steps through a text give the logits and states of the torch network."""
    network = network_of(cell, encoder, depth)
    engine = engine_of(network)
    ids = text_of(batch)
    with torch.no_grad():
        expected, end = network(torch.from_numpy(ids), network.empty_states(batch))
    states = engine.empty_states(batch)
    for k in range(LENGTH):
        logits, states = engine.step(ids[k], states)
        assert logits.shape == (batch, VOCABULARY)
        assert logits.dtype == np.float32
        assert_close(logits, expected[k].numpy())
    assert len(states) == depth
    for state, other in zip(states, end, strict=True):
        assert len(state) == len(CELLS[cell].state)
        for part, same in zip(state, other, strict=True):
            assert part.dtype == np.float32
            assert_close(part, same[0].numpy())


@every_cell
@every_encoder
@every_depth
@pytest.mark.parametrize("length", [1, 60, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 3])
def test_read_and_logits_match_steps(cell: str, encoder: str, depth: int, length: int) -> None:
    """Reading a text in chunks gives the states and logits of single steps."""
    engine = engine_of(network_of(cell, encoder, depth))
    ids = text_of(1, max(length, VOCABULARY))[:length, 0]
    states = engine.empty_states()
    expected = []
    for k in range(length):
        logits, states = engine.step(ids[k : k + 1], states)
        expected.append(logits[0])
    found, end = engine.logits(ids, engine.empty_states())
    assert found.dtype == np.float32
    assert_close(found, np.stack(expected))
    assert_close_states(end, states)
    # The same products in the same order.
    assert_same_states(engine.read(ids, engine.empty_states()), end)


@every_cell
@every_depth
def test_read_continues_from_states(cell: str, depth: int) -> None:
    """A text that is read in two parts gives the states of the whole text."""
    engine = engine_of(network_of(cell, "embedding", depth))
    ids = text_of(1, 200)[:, 0]
    whole = engine.read(ids, engine.empty_states())
    for cut in (0, 1, 23, CHUNK, 199, 200):
        states = engine.read(ids[:cut], engine.empty_states())
        assert_close_states(engine.read(ids[cut:], states), whole)
        first, states = engine.logits(ids[:cut], engine.empty_states())
        second, states = engine.logits(ids[cut:], states)
        assert first.shape == (cut, VOCABULARY)
        assert second.shape == (200 - cut, VOCABULARY)
        assert_close_states(states, whole)


@every_cell
def test_read_of_empty_text(cell: str) -> None:
    """An empty text has no logits and does not change the states."""
    engine = engine_of(network_of(cell, "embedding", 2))
    states = engine.read(text_of(1)[:, 0], engine.empty_states())
    none = np.empty(0, np.uint8)
    assert_same_states(engine.read(none, states), states)
    logits, after = engine.logits(none, states)
    assert logits.shape == (0, VOCABULARY)
    assert_same_states(after, states)


@every_cell
def test_read_skips_decoder(cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`read` never uses the decoder; `logits` uses it once per chunk."""
    engine = engine_of(network_of(cell, "embedding", 2))
    rows: list[int] = []
    decode = engine._decode

    def counted(h: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        rows.append(len(h))
        return decode(h)

    monkeypatch.setattr(engine, "_decode", counted)
    ids = text_of(1, CHUNK + 5)[:, 0]
    engine.read(ids, engine.empty_states())
    assert rows == []
    engine.logits(ids, engine.empty_states())
    assert rows == [CHUNK, 5]


@every_cell
@every_encoder
@every_depth
@every_batch
def test_states_and_ids_are_not_modified(cell: str, encoder: str, depth: int, batch: int) -> None:
    """Read-only arrays are accepted, and a state can be used twice."""
    engine = engine_of(network_of(cell, encoder, depth))
    ids = text_of(batch)
    ids.setflags(write=False)
    states = engine.empty_states(batch)
    for k in range(3):
        for state in states:
            for part in state:
                part.setflags(write=False)
        first, after = engine.step(ids[k], states)
        again, after_again = engine.step(ids[k], states)
        if batch == 1:
            engine.read(ids[:9, 0], states)
            engine.logits(ids[:9, 0], states)
        np.testing.assert_array_equal(first, again)
        assert_same_states(after, after_again)
        states = after


@every_cell
def test_results_are_not_overwritten(cell: str) -> None:
    """Later steps do not change the logits and states of an earlier one."""
    engine = engine_of(network_of(cell, "embedding", 2))
    ids = text_of(2)
    logits, states = engine.step(ids[0], engine.empty_states(2))
    kept = logits.copy()
    kept_states = [tuple(part.copy() for part in state) for state in states]
    after = states
    for row in ids[1:4]:
        _, after = engine.step(row, after)
    engine.logits(ids[:, 0], engine.empty_states())
    np.testing.assert_array_equal(logits, kept)
    assert_same_states(states, kept_states)


@every_cell
def test_samples_of_batch_are_independent(cell: str) -> None:
    """A sample in a batch has the logits of the sample alone."""
    engine = engine_of(network_of(cell, "one-hot", 2))
    ids = text_of(5)
    together = engine.empty_states(5)
    alone = [engine.empty_states() for _ in range(5)]
    for row in ids:
        logits, together = engine.step(row, together)
        for b in range(5):
            own, alone[b] = engine.step(row[b : b + 1], alone[b])
            assert_close(logits[b], own[0])


@every_cell
def test_blocks_of_batch_are_independent(cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch that several threads compute has the logits and states of each part of it."""
    monkeypatch.setattr("chargen.model.batch.cores", lambda: 3)
    monkeypatch.setattr("chargen.model.batch._MIN_BYTES", 1)
    monkeypatch.setattr("chargen.model.batch._MIN_SAMPLES", 4)
    engine = engine_of(network_of(cell, "one-hot", 2))
    # One BLAS thread, since the samples of an LSTM are divided between threads.
    assert cell != "lstm" or engine.threads(14) == 1
    ids = text_of(14)
    together, parts = engine.empty_states(14), [engine.empty_states(7) for _ in range(2)]
    for row in ids:
        kept = [tuple(part.copy() for part in state) for state in together]
        logits, after = engine.step(row, together)
        assert_same_states(together, kept)
        together = after
        for k, rows in enumerate((slice(7), slice(7, 14))):
            own, parts[k] = engine.step(row[rows], parts[k])
            assert_close(logits[rows], own)
            assert_close_states([tuple(a[rows] for a in state) for state in together], parts[k])


@every_cell
def test_weights_are_not_modified(cell: str) -> None:
    """Read-only weights are accepted."""
    network = network_of(cell, "embedding", 2)
    weights = network.weights()
    for value in weights.values():
        value.setflags(write=False)
    engine = Engine(network.config, weights)
    engine.read(text_of(1)[:, 0], engine.empty_states())


@every_encoder
def test_memory_of_large_vocabulary(encoder: str) -> None:
    """100,001 characters need no matrix of 100,001 x 100,001 numbers (40 GB)."""
    config = ModelConfig(100_001, "rnn", encoder, embedding_size=2, hidden_size=2)
    weights = {name: np.zeros(shape, np.float32) for name, shape in config.shapes().items()}
    tracemalloc.start()
    engine = Engine(config, weights)
    ids = np.array([100_000])
    engine.step(ids, engine.empty_states())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * sum(value.nbytes for value in weights.values())


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32, np.int64])
def test_ids_of_any_integer_type(dtype: type) -> None:
    """The smallest type that a vocabulary encodes into can be read without conversion."""
    engine = engine_of(network_of("lstm", "embedding", 1))
    ids = text_of(1)[:, 0]
    expected = engine.read(ids, engine.empty_states())
    assert_same_states(engine.read(ids.astype(dtype), engine.empty_states()), expected)


rows = st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1, max_size=20)


@given(rows)
@example([3e38, -3e38, 0.0])
@example([-1e30] * 3)
@example([0.0])
def test_log_softmax_is_stable(row: list[float]) -> None:
    """Logits of any finite size give log-probabilities that sum to 1 and keep their order."""
    logits = np.array([row], np.float32)
    kept = logits.copy()
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        logs = log_softmax(logits)
    assert logs.dtype == np.float64
    assert (logs <= 0).all()
    # Twenty float64 terms and one logarithm.
    assert np.exp(logs).sum() == pytest.approx(1, abs=1e-13)
    assert logs.argmax() == logits.argmax()
    assert np.array_equal(logits, kept)


def test_log_softmax_matches_torch() -> None:
    """The values equal those of torch in float64."""
    logits = 5 * np.random.default_rng(1).standard_normal((4, 50))
    expected = torch.log_softmax(torch.from_numpy(logits), dim=-1).numpy()
    # The same float64 sums in another order.
    np.testing.assert_allclose(log_softmax(logits), expected, rtol=1e-13)


def test_log_softmax_of_excluded_character() -> None:
    """A logit of -inf has no probability and does not affect the others."""
    logs = log_softmax(np.array([[-np.inf, 0.0, 0.0]], np.float32))
    assert logs[0, 0] == -np.inf
    assert np.exp(logs[0]).tolist() == pytest.approx([0, 0.5, 0.5], abs=1e-15)
