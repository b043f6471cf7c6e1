"""Tests of the context curve."""

import math

import numpy as np
import numpy.typing as npt
import pytest
import torch

from chargen.evaluation.context_curve import KS, context_curve
from chargen.evaluation.target_nats import full_context_nats, limited_context_nats
from chargen.model.config import ModelConfig
from chargen.model.network import Network
from tests.evaluation.networks import make_ids, make_network, make_spans

V = 7
Longs = npt.NDArray[np.int64]


def test_curve_is_mean_in_bits() -> None:
    """In a short text every place with enough characters before it is a target."""
    network, ids = make_network(), make_ids(450)
    curve = context_curve(network, ids, make_spans((0, 450)), ks=(8, 1, 32, 2), seed=5)
    targets, text = np.arange(32, 450), ids.astype(np.int64)
    assert list(curve.by_length) == [1, 2, 8, 32]
    for k, interval in curve.by_length.items():
        bits = limited_context_nats(network, text, targets, k).mean() / math.log(2)
        assert interval.value == pytest.approx(bits, rel=1e-9)
        assert interval.low < interval.value < interval.high
        assert interval.count == len(targets)
    bits = full_context_nats(network, text, make_spans((0, 450)), targets).mean() / math.log(2)
    assert curve.all.value == pytest.approx(bits, rel=1e-9)
    assert curve.all.count == len(targets)


def test_seed_selects_targets() -> None:
    """The same seed gives the same targets, another seed other targets."""
    network, ids, spans = make_network(), make_ids(900), make_spans((0, 900))
    curves = [
        context_curve(network, ids, spans, ks=(1, 4), count=50, seed=seed) for seed in (1, 1, 2)
    ]
    assert curves[0] == curves[1]
    assert curves[0].all.value != curves[2].all.value
    assert {interval.count for interval in curves[0].by_length.values()} == {50}


def test_feedforward_needs_one_character() -> None:
    """The loss is the same for each k, up to rounding; the effective context is 1."""
    network, ids = make_network("feedforward"), make_ids(700)
    curve = context_curve(network, ids, make_spans((0, 700)), seed=1)
    assert list(curve.by_length) == [1, 2, 4, 8, 16, 32, 64, 128, 256]
    for interval in curve.by_length.values():
        assert interval.value == pytest.approx(curve.all.value, rel=1e-6)
        assert interval.low == pytest.approx(curve.all.low, rel=1e-6)
    assert curve.effective == 1


def echo(lag: int) -> Network:
    """A network that repeats the bit of `lag` characters before.

    Unit j of a vanilla RNN holds the bit of j characters ago, so the prediction requires lag + 1
    visible characters.
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
def test_effective_context(lag: int) -> None:
    """A text with a period of lag + 1 characters is predicted once that many are visible."""
    period = np.random.default_rng(lag).integers(1, 3, lag + 1)
    ids = np.tile(period, 300).astype(np.uint8)
    spans = make_spans((0, len(ids)))
    curve = context_curve(echo(lag), ids, spans, ks=range(1, 9), count=300, seed=1)
    assert curve.effective == lag + 1
    for k, interval in curve.by_length.items():
        # The bit is unknown before, and certain after.
        assert interval.value == pytest.approx(1 if k <= lag else 0, abs=1e-3)


def test_context_does_not_cross_lines() -> None:
    """Each line starts from an empty state, and the ks are those that fit 200 targets."""
    network = make_network()
    lengths = [5] * 100 + [9] * 99 + [17] * 50  # including the newline before each line
    stops = np.cumsum(np.array(lengths) - 1) + 1  # lines share their newlines
    spans = np.stack([stops - lengths, stops], axis=1)
    ids = make_ids(int(stops[-1]))
    curve = context_curve(network, ids, spans, seed=1)
    # Targets with eight characters before them: one in each of 99 lines, nine in each of 50.
    assert list(curve.by_length) == [1, 2, 4, 8]
    targets = np.concatenate([np.arange(a + 8, b) for a, b in spans.tolist()])
    assert curve.all.count == len(targets) == 99 + 50 * 9
    bits = full_context_nats(network, ids.astype(np.int64), spans, targets).mean() / math.log(2)
    assert curve.all.value == pytest.approx(bits, rel=1e-9)
    assert context_curve(network, ids, spans[::-1], seed=1) == curve


@pytest.mark.parametrize(("length", "longest"), [(2, 1), (3, 2), (5, 2), (41, 16), (1_200, 512)])
def test_short_text_has_fewer_ks(length: int, longest: int) -> None:
    """In a short text a k requires half of the targets."""
    curve = context_curve(make_network(), make_ids(length), make_spans((0, length)), seed=1)
    assert list(curve.by_length) == [k for k in KS if k <= longest]
    assert curve.all.count == length - longest


@pytest.mark.parametrize("spans", [(), ((4, 5),), ((4, 5), (6, 7))])
def test_text_without_target(spans: tuple[tuple[int, int], ...]) -> None:
    """Without a target the curve is empty and the loss is NaN."""
    curve = context_curve(make_network(), make_ids(9), make_spans(*spans), seed=1)
    assert curve.by_length == {}
    assert curve.effective is None
    assert math.isnan(curve.all.value)
    assert curve.all.count == 0


def test_diverged_network_has_no_effective_context() -> None:
    """Weights of NaN give a loss of NaN."""
    network = make_network()
    with torch.no_grad():
        network.decoder.weight.fill_(math.nan)
    curve = context_curve(network, make_ids(600), make_spans((0, 600)), ks=(1, 2), seed=1)
    assert math.isnan(curve.all.value)
    assert curve.effective is None


def test_network_is_not_modified() -> None:
    """Weights and gradients of the network do not change."""
    network = make_network()
    before = network.weights()
    context_curve(network, make_ids(600), make_spans((0, 600)), ks=(1, 2), seed=1)
    assert all(parameter.grad is None for parameter in network.parameters())
    for name, value in network.weights().items():
        np.testing.assert_array_equal(value, before[name])
