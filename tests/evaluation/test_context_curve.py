"""The context curve is the mean over the same targets, with more and more of them visible."""

import math

import numpy as np
import numpy.typing as npt
import pytest
import torch

from chargen.evaluation.context_curve import KS, context_curve
from chargen.evaluation.visible import carried_nats, visible_nats
from chargen.model.config import ModelConfig
from chargen.model.network import Network

V = 7
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


def test_the_curve_is_the_mean_in_bits() -> None:
    """Of a text of 450 ids every place with k before it is a target, once."""
    network, ids = network_of(), ids_of(450)
    curve = context_curve(network, ids, spans_of((0, 450)), ks=(8, 1, 32, 2), seed=5)
    targets, text = np.arange(32, 450), ids.astype(np.int64)
    assert list(curve.by_length) == [1, 2, 8, 32]
    for k, interval in curve.by_length.items():
        bits = visible_nats(network, text, targets, k).mean() / math.log(2)
        assert interval.value == pytest.approx(bits, rel=1e-9)
        assert interval.low < interval.value < interval.high
        assert interval.count == len(targets)
    bits = carried_nats(network, text, spans_of((0, 450)), targets).mean() / math.log(2)
    assert curve.all.value == pytest.approx(bits, rel=1e-9)
    assert curve.all.count == len(targets)


def test_the_targets_are_drawn_by_the_seed() -> None:
    """So many of them, the same for the same seed, others for another."""
    network, ids, spans = network_of(), ids_of(900), spans_of((0, 900))
    curves = [
        context_curve(network, ids, spans, ks=(1, 4), count=50, seed=seed) for seed in (1, 1, 2)
    ]
    assert curves[0] == curves[1]
    assert curves[0].all.value != curves[2].all.value
    assert {interval.count for interval in curves[0].by_length.values()} == {50}


def test_a_network_without_memory_needs_one_character() -> None:
    """Its loss is the same at each k, to the rounding of a product; its effective context is 1."""
    network, ids = network_of("feedforward"), ids_of(700)
    curve = context_curve(network, ids, spans_of((0, 700)), seed=1)
    assert list(curve.by_length) == [1, 2, 4, 8, 16, 32, 64, 128, 256]
    for interval in curve.by_length.values():
        assert interval.value == pytest.approx(curve.all.value, rel=1e-6)
        assert interval.low == pytest.approx(curve.all.low, rel=1e-6)
    assert curve.effective == 1


def echo(lag: int) -> Network:
    """A network that says the bit again that came `lag` characters before, and half of it at once.

    Unit j of a vanilla network holds the bit of j characters ago, so that it takes lag + 1
    visible characters to know.
    """
    network = Network(ModelConfig(3, "rnn", "one-hot", hidden_size=lag + 1))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        inputs, back = (network.get_parameter(f"layers.0.weight_{x}h_l0") for x in "ih")
        inputs[0] = torch.tensor([0.0, -1.0, 1.0])
        for j in range(lag):
            back[j + 1, j] = 1.0
        network.decoder.weight[1, lag], network.decoder.weight[2, lag] = -40.0, 40.0
        network.decoder.bias[0] = -1e4
    return network


@pytest.mark.parametrize("lag", [0, 1, 3, 5])
def test_the_effective_context_is_how_far_back_the_answer_stands(lag: int) -> None:
    """A text that repeats itself every lag + 1 characters is known once so many are seen."""
    period = np.random.default_rng(lag).integers(1, 3, lag + 1)
    ids = np.tile(period, 300).astype(np.uint8)
    spans = spans_of((0, len(ids)))
    curve = context_curve(echo(lag), ids, spans, ks=range(1, 9), count=300, seed=1)
    assert curve.effective == lag + 1
    for k, interval in curve.by_length.items():
        # Not a bit is known before, and next to none missing after.
        assert interval.value == pytest.approx(1 if k <= lag else 0, abs=1e-3)


def test_lines_are_read_one_by_one() -> None:
    """No context crosses a border, and ks are cut to what 200 targets have before them."""
    network = network_of()
    lengths = [5] * 100 + [9] * 99 + [17] * 50  # ids, the newline before each line among them
    stops = np.cumsum(np.array(lengths) - 1) + 1  # the newline is shared
    spans = np.stack([stops - lengths, stops], axis=1)
    ids = ids_of(int(stops[-1]))
    curve = context_curve(network, ids, spans, seed=1)
    # With eight before them: the last of each of 99 lines, and nine of each of 50.
    assert list(curve.by_length) == [1, 2, 4, 8]
    targets = np.concatenate([np.arange(a + 8, b) for a, b in spans.tolist()])
    assert curve.all.count == len(targets) == 99 + 50 * 9
    bits = carried_nats(network, ids.astype(np.int64), spans, targets).mean() / math.log(2)
    assert curve.all.value == pytest.approx(bits, rel=1e-9)
    assert context_curve(network, ids, spans[::-1], seed=1) == curve


@pytest.mark.parametrize(("length", "most"), [(2, 1), (3, 2), (5, 2), (41, 16), (1_200, 512)])
def test_a_short_text_has_fewer_ks_and_targets(length: int, most: int) -> None:
    """Half of the targets of a short text are enough to keep a k."""
    curve = context_curve(network_of(), ids_of(length), spans_of((0, length)), seed=1)
    assert list(curve.by_length) == [k for k in KS if k <= most]
    assert curve.all.count == length - most


@pytest.mark.parametrize("spans", [(), ((4, 5),), ((4, 5), (6, 7))])
def test_nothing_to_predict_is_an_empty_curve(spans: tuple[tuple[int, int], ...]) -> None:
    """Without a target there is nothing to measure, and no number is invented."""
    curve = context_curve(network_of(), ids_of(9), spans_of(*spans), seed=1)
    assert curve.by_length == {}
    assert curve.effective is None
    assert math.isnan(curve.all.value)
    assert curve.all.count == 0


def test_a_network_that_diverged_has_no_effective_context() -> None:
    """Weights that are not numbers give losses that are not, and no k that is as good as all."""
    network = network_of()
    with torch.no_grad():
        network.decoder.weight.fill_(math.nan)
    curve = context_curve(network, ids_of(600), spans_of((0, 600)), ks=(1, 2), seed=1)
    assert math.isnan(curve.all.value)
    assert curve.effective is None


def test_measuring_leaves_no_trace() -> None:
    """No gradients are kept and no weights changed."""
    network = network_of()
    before = network.weights()
    context_curve(network, ids_of(600), spans_of((0, 600)), ks=(1, 2), seed=1)
    assert all(parameter.grad is None for parameter in network.parameters())
    for name, value in network.weights().items():
        np.testing.assert_array_equal(value, before[name])
