"""Tests of the gradient flow against numeric gradients and a network of one unit."""

import math
from copy import deepcopy

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch.nn import functional

from chargen.evaluation import gradient_flow as module
from chargen.evaluation.gradient_flow import gradient_flow
from chargen.evaluation.records import GradientFlow
from chargen.model.cells.registry import CELLS
from chargen.model.config import ENCODERS, ModelConfig
from chargen.model.network import Network
from tests.evaluation.networks import make_ids, make_network, make_spans

V = 6

Longs = npt.NDArray[np.int64]


def loss(network: Network, x: torch.Tensor, target: int) -> float:
    """The loss after the inputs x [T, D] of the first layer."""
    h, _ = network.hidden(x[:, None], network.empty_states(1))
    return functional.cross_entropy(network.decode(h[-1]), torch.tensor([target])).item()


@torch.no_grad()
def numeric_norms(network: Network, text: list[int]) -> list[float]:
    """The norm of the gradient at each lag; the last id of the text is the target."""
    exact = deepcopy(network).double()
    inputs = torch.tensor(text[:-1])
    x = exact.encode(inputs).clone()
    found = []
    for t in reversed(range(len(inputs))):
        slopes = []
        for d in range(x.shape[1]):
            ends = []
            for side in (1e-5, -1e-5):
                moved = x.clone()
                moved[t, d] += side
                ends.append(loss(exact, moved, text[-1]))
            slopes.append((ends[0] - ends[1]) / 2e-5)
        found.append(math.hypot(*slopes))
    return found


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("encoder", ENCODERS)
def test_share_matches_numeric_gradient(cell: str, encoder: str) -> None:
    """The shares are right for one target and for the mean of three targets."""
    network, ids = make_network(cell, encoder), make_ids(11)
    one = np.array(numeric_norms(network, ids[:9].tolist()))
    found = gradient_flow(network, ids, make_spans((0, 9)), lags=7, count=1, seed=1)
    # Central differences in float64: an error of step**2, and rounding of 1e-16 / step.
    np.testing.assert_allclose(found.share, one / one[0], atol=1e-8)
    texts = [ids[k : k + 9].tolist() for k in range(3)]
    three = np.mean([numeric_norms(network, text) for text in texts], axis=0)
    found = gradient_flow(network, ids, make_spans((0, 11)), lags=7, count=3, seed=1)
    np.testing.assert_allclose(found.share, three / three[0], atol=1e-8)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_feedforward_has_no_gradient_through_time(encoder: str) -> None:
    """Beyond lag 0 the gradient of the feed-forward network is exactly 0."""
    found = gradient_flow(
        make_network("feedforward", encoder), make_ids(400), make_spans((0, 400)), seed=1
    )
    assert found.share == (1.0,) + (0.0,) * 200


def one_unit(recurrent: float, text: float = 1.0) -> Network:
    """A vanilla RNN with one unit, h = tanh(recurrent * h + text * x)."""
    network = Network(ModelConfig(3, "rnn", "one-hot", hidden_size=1))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        network.get_parameter("layers.0.weight_hh_l0").fill_(recurrent)
        network.get_parameter("layers.0.weight_ih_l0")[0] = torch.tensor([0.0, text, -text])
        network.decoder.weight[:, 0] = torch.tensor([0.0, 1.0, -1.0])
    return network


def test_rnn_with_one_unit() -> None:
    """Each step back multiplies the gradient by w (1 - h^2)."""
    w, ids = 0.9, np.array([1, 2, 2, 1, 2, 1], np.uint8)
    h, slopes = 0.0, []
    for character in ids[:-1].tolist():
        h = math.tanh(w * h + (1 if character == 1 else -1))
        slopes.append(1 - h * h)
    shares, product = [1.0], 1.0
    for t in range(len(slopes) - 1, 0, -1):
        # The input of step t passes the tanh of t, so lag k has the slopes of t - k to t.
        product *= w * slopes[t - 1]
        shares.append(product)
    found = gradient_flow(one_unit(w), ids, make_spans((0, 6)), lags=4, count=1, seed=1)
    # The weights are converted from float32.
    assert found.share == pytest.approx(shares, rel=1e-6)


def test_result_does_not_depend_on_batching(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of sequences that fit into memory does not matter."""
    network, ids, spans = make_network(), make_ids(300), make_spans((0, 300))
    expected = gradient_flow(network, ids, spans, lags=20, seed=1)
    monkeypatch.setattr(module, "_NUMBERS_AT_ONCE", 1)
    found = gradient_flow(network, ids, spans, lags=20, seed=1)
    np.testing.assert_allclose(found.share, expected.share, rtol=1e-10)


def test_seed_selects_sequences() -> None:
    """The same seed gives the same result, another seed another result."""
    network, ids, spans = make_network(), make_ids(900), make_spans((0, 900))
    first, again, other = (
        gradient_flow(network, ids, spans, lags=5, count=9, seed=seed) for seed in (1, 1, 2)
    )
    assert first == again != other


@pytest.mark.parametrize(
    ("spans", "lags"),
    [
        (((0, 300),), 200),
        (((0, 40),), 19),  # half of the 39 targets have 20 before them
        (((0, 2),), 0),
        (((0, 3),), 1),
        (tuple((k, k + 9) for k in range(0, 792, 8)), 7),  # 99 lines share their newlines
    ],
)
def test_lags_are_reduced_in_short_texts(spans: tuple[tuple[int, int], ...], lags: int) -> None:
    """64 targets, or half of all targets, have enough characters before them."""
    found = gradient_flow(make_network(), make_ids(800), make_spans(*spans), seed=1)
    assert len(found.share) == lags + 1
    assert found.share[0] == 1


@pytest.mark.parametrize("spans", [(), ((4, 5),)])
def test_text_without_target(spans: tuple[tuple[int, int], ...]) -> None:
    """Without a target the result is empty."""
    found = gradient_flow(make_network(), make_ids(9), make_spans(*spans), seed=1)
    assert found == GradientFlow(())


def test_zero_gradient() -> None:
    """If the decoder's weights are 0, all shares are 0, also at lag 0."""
    network = make_network()
    with torch.no_grad():
        network.decoder.weight.zero_()
    found = gradient_flow(network, make_ids(90), make_spans((0, 90)), lags=5, seed=1)
    assert found.share == (0.0,) * 6


def test_diverged_network() -> None:
    """Weights of NaN give shares of NaN."""
    network = make_network()
    with torch.no_grad():
        network.get_parameter("layers.0.weight_hh_l0").fill_(math.nan)
    found = gradient_flow(network, make_ids(90), make_spans((0, 90)), lags=5, seed=1)
    assert all(math.isnan(share) for share in found.share)


def test_network_is_not_modified() -> None:
    """Weights, types and gradients of the network do not change."""
    network = make_network()
    before = network.weights()
    gradient_flow(network, make_ids(90), make_spans((0, 90)), lags=5, seed=1)
    for name, parameter in network.named_parameters():
        assert parameter.grad is None
        assert parameter.requires_grad
        assert parameter.dtype == torch.float32
        np.testing.assert_array_equal(parameter.detach().numpy(), before[name])
