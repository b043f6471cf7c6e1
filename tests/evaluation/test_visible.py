"""The loss at chosen places is what reading each of them by itself gives."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
import torch

from chargen.evaluation import visible
from chargen.evaluation.visible import carried_nats, visible_nats
from chargen.model.cells import CELLS
from chargen.model.config import ENCODERS, ModelConfig
from chargen.model.engine import Engine, log_softmax
from chargen.model.network import Network

V = 7
# Two engines in float32, over sums of some twenty terms of about 1.
CLOSE = 1e-4

Longs = npt.NDArray[np.int64]


def network_of(cell: str = "lstm", encoder: str = "embedding", depth: int = 2) -> Network:
    """A network with an opinion: its losses differ from character to character."""
    network = Network(ModelConfig(V, cell, encoder, 4, 6, depth))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(generator=generator)
    return network


def ids_of(length: int) -> npt.NDArray[np.uint8]:
    """A text by chance."""
    return np.random.default_rng(length).integers(1, V, length).astype(np.uint8)


def spans_of(*spans: tuple[int, int]) -> Longs:
    return np.array(spans, np.int64).reshape(-1, 2)


def by_hand(network: Network, text: Sequence[int], target: int) -> float:
    """The surprise at a target after a text, from single steps of the other engine."""
    engine = Engine(network.config, network.weights())
    states = engine.empty_states()
    logits = np.empty((1, V), np.float32)
    for character in text:
        logits, states = engine.step(np.array([character]), states)
    return -float(log_softmax(logits)[0, target])


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("k", [1, 2, 9])
def test_only_the_last_characters_are_read(cell: str, encoder: str, k: int) -> None:
    """Each target is predicted from the k characters before it and an empty state."""
    network, ids = network_of(cell, encoder), ids_of(60)
    targets = np.array([9, 10, 33, 59])
    expected = [by_hand(network, ids[t - k : t].tolist(), ids[t]) for t in targets.tolist()]
    found = visible_nats(network, ids.astype(np.int64), targets, k)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, atol=CLOSE)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("encoder", ENCODERS)
def test_the_state_is_carried_from_the_start_of_the_span(cell: str, encoder: str) -> None:
    """Each target is predicted from all of its span before it, also where spans share an id."""
    network, ids = network_of(cell, encoder), ids_of(60)
    spans = spans_of((3, 10), (9, 31), (31, 33), (40, 60))
    targets = np.array([4, 9, 10, 12, 30, 32, 41, 59])
    begins = [3, 3, 9, 9, 9, 31, 40, 40]
    expected = [
        by_hand(network, ids[a:t].tolist(), ids[t])
        for a, t in zip(begins, targets.tolist(), strict=True)
    ]
    found = carried_nats(network, ids.astype(np.int64), spans, targets)
    np.testing.assert_allclose(found, expected, atol=CLOSE)


@pytest.mark.parametrize(("lanes", "numbers"), [(1, 1), (3, 1), (2, 300), (256, 2_000)])
def test_parts_that_fit_into_memory_change_nothing(
    monkeypatch: pytest.MonkeyPatch, lanes: int, numbers: int
) -> None:
    """However few lanes and steps there is room for, the losses are the same."""
    network, text = network_of(), ids_of(120).astype(np.int64)
    spans = spans_of((0, 50), (50, 54), (54, 60), (60, 120))
    targets = np.sort(np.random.default_rng(1).permutation(np.arange(51, 120))[:40])
    targets = np.union1d(targets[~np.isin(targets, spans[:, 0])], [20, 49])
    far = targets[targets >= 70]
    expected = visible_nats(network, text, far, 9), carried_nats(network, text, spans, targets)
    monkeypatch.setattr(visible, "_LANES", lanes)
    monkeypatch.setattr(visible, "_NUMBERS_AT_ONCE", numbers)
    # Products of other shapes sum in another order.
    np.testing.assert_allclose(visible_nats(network, text, far, 9), expected[0], atol=1e-5)
    np.testing.assert_allclose(carried_nats(network, text, spans, targets), expected[1], atol=1e-5)
