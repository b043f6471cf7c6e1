"""The gradient through time is the one that differences, and hands, find."""

import math
from copy import deepcopy

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch.nn import functional

from chargen.evaluation import gradient_flow as module
from chargen.evaluation.gradient_flow import gradient_flow
from chargen.model.cells import CELLS
from chargen.model.config import ENCODERS, ModelConfig
from chargen.model.network import Network, States
from chargen.records import GradientFlow

V = 6
RECURRENT = [name for name, cell in CELLS.items() if cell.recurrent]

Longs = npt.NDArray[np.int64]


def network_of(
    cell: str = "lstm", encoder: str = "embedding", depth: int = 2, hidden: int = 5
) -> Network:
    """A network with weights by chance, of about a half."""
    network = Network(ModelConfig(V, cell, encoder, 3, hidden, depth))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(std=0.5, generator=generator)
    return network


def ids_of(length: int) -> npt.NDArray[np.uint8]:
    """A text by chance."""
    return np.random.default_rng(length).integers(1, V, length).astype(np.uint8)


def spans_of(*spans: tuple[int, int]) -> Longs:
    return np.array(spans, np.int64).reshape(-1, 2)


def loss(network: Network, x: torch.Tensor, target: int) -> float:
    """The loss at the last of the inputs x [T, D] of the first layer."""
    h = x[:, None]
    for layer in network.layers:
        h, _ = layer(h)
    return functional.cross_entropy(network.decoder(h[-1]), torch.tensor([target])).item()


@torch.no_grad()
def norms_by_differences(network: Network, text: list[int]) -> list[float]:
    """The norm of the gradient at each lag, the last of the text being the target."""
    exact = deepcopy(network).double()
    inputs = torch.tensor(text[:-1])
    if exact.encoder is None:
        x = functional.one_hot(inputs, V).double()
    else:
        x = exact.encoder(inputs).clone()
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
def test_the_shares_are_those_of_differences(cell: str, encoder: str) -> None:
    """On a text with one target that has enough before it, and on the mean of all of three."""
    network, ids = network_of(cell, encoder), ids_of(11)
    one = np.array(norms_by_differences(network, ids[:9].tolist()))
    found = gradient_flow(network, ids, spans_of((0, 9)), lags=7, count=1, seed=1)
    # Differences of step 1e-5 in float64: the square of the step, and rounding of 1e-16 / 1e-5.
    np.testing.assert_allclose(found.share, one / one[0], atol=1e-8)
    texts = [ids[k : k + 9].tolist() for k in range(3)]
    three = np.mean([norms_by_differences(network, text) for text in texts], axis=0)
    found = gradient_flow(network, ids, spans_of((0, 11)), lags=7, count=3, seed=1)
    np.testing.assert_allclose(found.share, three / three[0], atol=1e-8)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_nothing_reaches_a_network_without_memory(encoder: str) -> None:
    """Beyond lag 0 the gradient of the feed-forward network is exactly 0; it has no state."""
    found = gradient_flow(
        network_of("feedforward", encoder), ids_of(400), spans_of((0, 400)), seed=1
    )
    assert found.share == (1.0,) + (0.0,) * 200
    assert found.half_life == 1
    assert found.largest_singular_value is None


def one_unit(recurrent: float, text: float = 1.0) -> Network:
    """A vanilla network of one unit, h = tanh(recurrent * h + text * x)."""
    network = Network(ModelConfig(3, "rnn", "one-hot", hidden_size=1))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        network.get_parameter("layers.0.weight_hh_l0").fill_(recurrent)
        network.get_parameter("layers.0.weight_ih_l0")[0] = torch.tensor([0.0, text, -text])
        network.decoder.weight[:, 0] = torch.tensor([0.0, 1.0, -1.0])
    return network


def test_one_unit_is_done_by_hand() -> None:
    """Each step back multiplies by w (1 - h^2), which is the Jacobian of the step too."""
    w, ids = 0.9, np.array([1, 2, 2, 1, 2, 1], np.uint8)
    h, slopes = 0.0, []
    for character in ids[:-1].tolist():
        h = math.tanh(w * h + (1 if character == 1 else -1))
        slopes.append(1 - h * h)
    shares, product = [1.0], 1.0
    for t in range(len(slopes) - 1, 0, -1):
        # Input t is multiplied in before the tanh of t, so lag k has the slopes of t - k to t.
        product *= w * slopes[t - 1]
        shares.append(product)
    found = gradient_flow(one_unit(w), ids, spans_of((0, 6)), lags=4, count=1, seed=1)
    # The network's weights were float32 before they were float64.
    assert found.share == pytest.approx(shares, rel=1e-6)
    assert found.largest_singular_value == pytest.approx(w * slopes[-1], rel=1e-6)


@pytest.mark.parametrize(("recurrent", "half"), [(0.9, 7), (0.5, 2), (0.45, 1), (1.0, None)])
def test_the_half_life_is_the_first_lag_below_a_half(recurrent: float, half: int | None) -> None:
    """Where nothing is ever put in, a lag's share is the weight to the power of the lag."""
    network = one_unit(recurrent, text=0.0)
    with torch.no_grad():
        network.get_parameter("layers.0.weight_ih_l0")[0, 1:] = (
            1e-9  # so that there is a gradient to speak of
        )
    found = gradient_flow(network, ids_of(400) % 2 + 1, spans_of((0, 400)), lags=20, seed=1)
    assert found.share == pytest.approx([recurrent**k for k in range(21)], rel=1e-5)
    assert found.half_life == half
    assert found.largest_singular_value == pytest.approx(recurrent, rel=1e-5)


@torch.no_grad()
def jacobian_by_differences(network: Network, text: list[int]) -> npt.NDArray[np.float64]:
    """Of the state after the last character by the state before it, from torch's own layers."""
    exact = deepcopy(network).double()
    _, states = exact(torch.tensor(text[:-1])[:, None], exact.empty_states(1))
    size = network.config.hidden_size
    parts = len(network.cell.state)

    def after(flat: torch.Tensor) -> npt.NDArray[np.float64]:
        pieces = [piece.view(1, 1, size) for piece in torch.split(flat, size)]
        before: States = [tuple(pieces[k : k + parts]) for k in range(0, len(pieces), parts)]
        _, new = exact(torch.tensor(text[-1:])[:, None], before)
        return torch.cat([part.flatten() for state in new for part in state]).numpy()

    flat = torch.cat([part.flatten() for state in states for part in state])
    moves = 1e-5 * torch.eye(len(flat), dtype=torch.float64)
    return np.stack([(after(flat + m) - after(flat - m)) / 2e-5 for m in moves], axis=1)


@pytest.mark.parametrize("cell", RECURRENT)
@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("depth", [1, 3])
def test_the_singular_value_is_that_of_differences(cell: str, encoder: str, depth: int) -> None:
    """All layers' states together, where the text has carried them; the median over places."""
    network, ids = network_of(cell, encoder, depth), ids_of(15)
    texts = [ids[k : k + 12].tolist() for k in range(3)]
    values = [np.linalg.norm(jacobian_by_differences(network, text), 2) for text in texts]
    found = gradient_flow(network, ids, spans_of((0, 15)), lags=11, count=3, seed=1)
    assert found.largest_singular_value == pytest.approx(np.median(values), rel=1e-7)


def test_parts_that_fit_into_memory_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few sequences and rows there is room for, the result is the same."""
    network, ids, spans = network_of(), ids_of(300), spans_of((0, 300))
    expected = gradient_flow(network, ids, spans, lags=20, seed=1)
    monkeypatch.setattr(module, "_NUMBERS_AT_ONCE", 1)
    monkeypatch.setattr(module, "_ROWS_AT_ONCE", 3)
    found = gradient_flow(network, ids, spans, lags=20, seed=1)
    np.testing.assert_allclose(found.share, expected.share, rtol=1e-10)
    assert found.half_life == expected.half_life
    assert found.largest_singular_value == pytest.approx(expected.largest_singular_value)


def test_the_seed_draws_the_sequences() -> None:
    """The same seed gives the same result, another one another."""
    network, ids, spans = network_of(), ids_of(900), spans_of((0, 900))
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
def test_lags_shrink_where_texts_are_short(spans: tuple[tuple[int, int], ...], lags: int) -> None:
    """To what 64 targets have before them, or half of all targets."""
    found = gradient_flow(network_of(), ids_of(800), spans_of(*spans), seed=1)
    assert len(found.share) == lags + 1
    assert found.share[0] == 1
    assert found.largest_singular_value is not None


@pytest.mark.parametrize("spans", [(), ((4, 5),)])
def test_nothing_to_predict_is_nothing_measured(spans: tuple[tuple[int, int], ...]) -> None:
    """Without a target there is no gradient."""
    found = gradient_flow(network_of(), ids_of(9), spans_of(*spans), seed=1)
    assert found == GradientFlow((), None, None)


def test_no_gradient_at_all_is_zero_everywhere() -> None:
    """Where the decoder is silent nothing arrives, not even at lag 0."""
    network = network_of()
    with torch.no_grad():
        network.decoder.weight.zero_()
    found = gradient_flow(network, ids_of(90), spans_of((0, 90)), lags=5, seed=1)
    assert found.share == (0.0,) * 6
    assert found.half_life == 0


def test_a_network_that_diverged_raises_nothing() -> None:
    """Weights that are not numbers give shares that are not."""
    network = network_of()
    with torch.no_grad():
        network.get_parameter("layers.0.weight_hh_l0").fill_(math.nan)
    found = gradient_flow(network, ids_of(90), spans_of((0, 90)), lags=5, seed=1)
    assert all(math.isnan(share) for share in found.share)
    assert found.largest_singular_value is not None
    assert math.isnan(found.largest_singular_value)


def test_measuring_leaves_no_trace() -> None:
    """The network stays in float32, with its weights, and gathers no gradients."""
    network = network_of()
    before = network.weights()
    gradient_flow(network, ids_of(90), spans_of((0, 90)), lags=5, seed=1)
    for name, parameter in network.named_parameters():
        assert parameter.grad is None
        assert parameter.requires_grad
        assert parameter.dtype == torch.float32
        np.testing.assert_array_equal(parameter.detach().numpy(), before[name])
