"""The numpy engine is the trained network: the same logits, the same states, one step at a time."""

import tracemalloc

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from chargen.model.cells import CELLS
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
    """A network with weights and biases that are all in use and well away from linear."""
    network = Network(
        ModelConfig(VOCABULARY, cell, encoder, embedding_size=6, hidden_size=8, num_layers=depth)
    )
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.uniform_(-0.7, 0.7, generator=generator)
    return network


def engine_of(network: Network) -> Engine:
    """The engine of the same weights."""
    return Engine(network.config, network.weights())


def text_of(batch: int, length: int = LENGTH, seed: int = 5) -> Longs:
    """[length, batch] ids, every one of the vocabulary among them."""
    ids = np.random.default_rng(seed).integers(0, VOCABULARY, (length, batch))
    ids[:VOCABULARY, 0] = np.arange(VOCABULARY)
    return ids


def assert_close(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> None:
    """Equal to float32 rounding: sums of 20 terms of about 1, carried on through 60 steps."""
    np.testing.assert_allclose(one, other, rtol=2e-5, atol=2e-5)


def assert_close_states(one: States, other: States) -> None:
    """Equal to float32 rounding."""
    assert [len(state) for state in one] == [len(state) for state in other]
    for state, expected in zip(one, other, strict=True):
        for part, same in zip(state, expected, strict=True):
            assert_close(part, same)


def assert_same_states(one: States, other: States) -> None:
    """Bit for bit."""
    assert [len(state) for state in one] == [len(state) for state in other]
    for state, expected in zip(one, other, strict=True):
        for part, same in zip(state, expected, strict=True):
            np.testing.assert_array_equal(part, same)


@every_cell
@every_encoder
@every_depth
@every_batch
def test_both_engines_agree_over_a_text(cell: str, encoder: str, depth: int, batch: int) -> None:
    """torch's pass over a text and numpy's steps through it give the same logits and states."""
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
@every_batch
def test_the_step_that_shows_gates_is_the_step(
    cell: str, encoder: str, depth: int, batch: int
) -> None:
    """The plain equations, with gates, and the prepared step give the same logits and states."""
    engine = engine_of(network_of(cell, encoder, depth))
    ids = text_of(batch)
    states, shown = engine.empty_states(batch), engine.empty_states(batch)
    for k in range(LENGTH):
        logits, states = engine.step(ids[k], states)
        others, shown, gates = engine.step_with_gates(ids[k], shown)
        assert_close(logits, others)
        assert len(gates) == depth
        assert all(gate.shape == (batch, 8) for layer in gates for gate in layer.values())
    for state, other in zip(states, shown, strict=True):
        for part, same in zip(state, other, strict=True):
            assert_close(part, same)


def test_gates_of_an_lstm_are_named_and_lie_in_their_ranges() -> None:
    """i, f and o lie between 0 and 1, g between -1 and 1, and none is stuck."""
    engine = engine_of(network_of("lstm", "embedding", 2))
    states = engine.empty_states(5)
    seen: list[dict[str, npt.NDArray[np.float32]]] = []
    for ids in text_of(5):
        _, states, gates = engine.step_with_gates(ids, states)
        seen += gates
    assert all(list(gates) == ["i", "f", "g", "o"] for gates in seen)
    for name, low in {"i": 0, "f": 0, "g": -1, "o": 0}.items():
        values = np.concatenate([gates[name] for gates in seen])
        assert low < values.min() < values.max() < 1
        assert np.ptp(values) > 0.5


@every_cell
@every_encoder
@every_depth
@pytest.mark.parametrize("length", [1, 60, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 3])
def test_reading_a_text_is_stepping_through_it(
    cell: str, encoder: str, depth: int, length: int
) -> None:
    """`read` leaves the states that steps leave, and `logits` their logits too, over any chunks."""
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
    # The same products in the same order: the decoder has no say in the states.
    assert_same_states(engine.read(ids, engine.empty_states()), end)


@every_cell
@every_depth
def test_reading_goes_on_from_where_it_was(cell: str, depth: int) -> None:
    """Two parts of a text read one after the other leave what the whole leaves."""
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
def test_reading_nothing_changes_nothing(cell: str) -> None:
    """Of an empty text there are no logits, and the states are as they were."""
    engine = engine_of(network_of(cell, "embedding", 2))
    states = engine.read(text_of(1)[:, 0], engine.empty_states())
    none = np.empty(0, np.uint8)
    assert_same_states(engine.read(none, states), states)
    logits, after = engine.logits(none, states)
    assert logits.shape == (0, VOCABULARY)
    assert_same_states(after, states)


@every_cell
def test_reading_for_states_alone_skips_the_decoder(
    cell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A prompt costs no product with the decoder; logits cost one a chunk."""
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
def test_states_and_ids_are_never_written_to(
    cell: str, encoder: str, depth: int, batch: int
) -> None:
    """A caller may keep a state and go on from it twice; arrays that refuse writing are enough."""
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
        engine.step_with_gates(ids[k], states)
        if batch == 1:
            engine.read(ids[:9, 0], states)
            engine.logits(ids[:9, 0], states)
        np.testing.assert_array_equal(first, again)
        assert_same_states(after, after_again)
        states = after


@every_cell
def test_results_of_a_step_are_not_overwritten_by_the_next(cell: str) -> None:
    """Logits and states of one step are the caller's: no later step writes into them."""
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
def test_a_sample_in_a_batch_is_the_sample_alone(cell: str) -> None:
    """Samples side by side do not see each other."""
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
def test_the_weights_that_were_given_stay_as_they_are(cell: str) -> None:
    """Preparing and stepping change nothing in the caller's arrays."""
    network = network_of(cell, "embedding", 2)
    weights = network.weights()
    for value in weights.values():
        value.setflags(write=False)
    engine = Engine(network.config, weights)
    engine.read(text_of(1)[:, 0], engine.empty_states())


@every_encoder
def test_an_engine_takes_no_more_memory_than_its_weights_and_table(encoder: str) -> None:
    """A vocabulary of 100,001 characters makes no square of so many by so many, 40 GB."""
    config = ModelConfig(100_001, "rnn", encoder, embedding_size=2, hidden_size=2)
    weights = {name: np.zeros(shape, np.float32) for name, shape in config.shapes().items()}
    tracemalloc.start()
    engine = Engine(config, weights)
    ids = np.array([100_000])
    engine.step_with_gates(ids, engine.empty_states())
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 10 * sum(value.nbytes for value in weights.values())


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32, np.int64])
def test_ids_of_every_type_are_read(dtype: type) -> None:
    """What a vocabulary encodes can be stepped through as it is."""
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


def test_log_softmax_equals_that_of_torch() -> None:
    """The values are those of torch in float64, row by row."""
    logits = 5 * np.random.default_rng(1).standard_normal((4, 50))
    expected = torch.log_softmax(torch.from_numpy(logits), dim=-1).numpy()
    # The same sums in another order, in float64.
    np.testing.assert_allclose(log_softmax(logits), expected, rtol=1e-13)


def test_a_dropped_character_has_no_probability() -> None:
    """-inf stays -inf and takes nothing from the others."""
    logs = log_softmax(np.array([[-np.inf, 0.0, 0.0]], np.float32))
    assert logs[0, 0] == -np.inf
    assert np.exp(logs[0]).tolist() == pytest.approx([0, 0.5, 0.5], abs=1e-15)
