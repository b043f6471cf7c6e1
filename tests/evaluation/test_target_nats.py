"""Tests of the loss at chosen targets against single steps of the numpy engine."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from chargen.evaluation import target_nats
from chargen.evaluation.target_nats import full_context_nats, limited_context_nats
from chargen.model.cells.registry import CELLS
from chargen.model.config import ENCODERS
from chargen.model.engine import Engine, log_softmax
from chargen.model.network import Network
from tests.evaluation.networks import make_ids, make_network, make_spans

V = 7
# Two engines in float32, over sums of some twenty terms of about 1.
CLOSE = 1e-4

Longs = npt.NDArray[np.int64]


def reference_nats(network: Network, text: Sequence[int], target: int) -> float:
    """The nats of a target after a text, from single steps of the engine."""
    engine = Engine(network.config, network.weights())
    states = engine.empty_states()
    logits = np.empty((1, V), np.float32)
    for character in text:
        logits, states = engine.step(np.array([character]), states)
    return -float(log_softmax(logits)[0, target])


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("k", [1, 2, 9])
def test_limited_context_nats(cell: str, encoder: str, k: int) -> None:
    """Each target is predicted from the k characters before it."""
    network, ids = make_network(cell, encoder), make_ids(60)
    targets = np.array([9, 10, 33, 59])
    expected = [reference_nats(network, ids[t - k : t].tolist(), ids[t]) for t in targets.tolist()]
    found = limited_context_nats(network, ids.astype(np.int64), targets, k)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, atol=CLOSE)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("encoder", ENCODERS)
def test_full_context_nats(cell: str, encoder: str) -> None:
    """Each target is predicted from all characters of its span; spans may share an id."""
    network, ids = make_network(cell, encoder), make_ids(60)
    spans = make_spans((3, 10), (9, 31), (31, 33), (40, 60))
    targets = np.array([4, 9, 10, 12, 30, 32, 41, 59])
    begins = [3, 3, 9, 9, 9, 31, 40, 40]
    expected = [
        reference_nats(network, ids[a:t].tolist(), ids[t])
        for a, t in zip(begins, targets.tolist(), strict=True)
    ]
    found = full_context_nats(network, ids.astype(np.int64), spans, targets)
    np.testing.assert_allclose(found, expected, atol=CLOSE)


@pytest.mark.parametrize(("lanes", "numbers"), [(1, 1), (3, 1), (2, 300), (256, 2_000)])
def test_result_does_not_depend_on_batching(
    monkeypatch: pytest.MonkeyPatch, lanes: int, numbers: int
) -> None:
    """The number of lanes and steps that fit into memory does not matter."""
    network, text = make_network(), make_ids(120).astype(np.int64)
    spans = make_spans((0, 50), (50, 54), (54, 60), (60, 120))
    targets = np.sort(np.random.default_rng(1).permutation(np.arange(51, 120))[:40])
    targets = np.union1d(targets[~np.isin(targets, spans[:, 0])], [20, 49])
    far = targets[targets >= 70]
    expected = (
        limited_context_nats(network, text, far, 9),
        full_context_nats(network, text, spans, targets),
    )
    monkeypatch.setattr(target_nats, "_LANES", lanes)
    monkeypatch.setattr(target_nats, "_NUMBERS_AT_ONCE", numbers)
    # Products of other shapes add in another order.
    np.testing.assert_allclose(limited_context_nats(network, text, far, 9), expected[0], atol=1e-5)
    np.testing.assert_allclose(
        full_context_nats(network, text, spans, targets), expected[1], atol=1e-5
    )
