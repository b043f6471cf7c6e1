"""How much of the gradient comes through time, with torch.

Shapes: T time, B sequences side by side, D input, H hidden, S the states of all layers.
"""

from __future__ import annotations

import math
from copy import deepcopy

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from chargen.model.network import Network
from chargen.records import GradientFlow

PLACES = 16

_NUMBERS_AT_ONCE = 1 << 22
_ROWS_AT_ONCE = 256

Ids = npt.NDArray[np.unsignedinteger]
Spans = npt.NDArray[np.int64]
Longs = npt.NDArray[np.int64]


def gradient_flow(
    network: Network, ids: Ids, spans: Spans, *, lags: int = 200, count: int = 64, seed: int
) -> GradientFlow:
    """Differentiate the loss at t by the input at t - k, for k = 0 to `lags`, in float64.

    The input is what the first layer is multiplied with: the embedding of a character, or its
    one-hot vector. The norms are means over `count` sequences of lags + 1 characters from the
    text, drawn by the seed, each from an empty state, of which only the last prediction has a
    loss. Where texts are short the lags shrink to what `count` targets have before them, or half
    of all targets if that is fewer; without any target nothing was measured. The Jacobian is
    that of the last step of the first 16 sequences.
    Source: Pascanu, Mikolov and Bengio 2013.
    """
    text = ids.astype(np.int64)
    length, targets = _targets(spans, lags, count, seed)
    if not len(targets):
        return GradientFlow((), None, None)
    exact = deepcopy(network).to("cpu", torch.float64).requires_grad_(False)
    inputs = torch.from_numpy(text[targets - length + np.arange(length)[:, None]])
    norms = _norms(exact, inputs, torch.from_numpy(text[targets]))
    share = tuple((norms / norms[0] if norms[0] != 0 else norms).tolist())
    half_life = next((lag for lag, one in enumerate(share) if one < 0.5), None)
    return GradientFlow(share, half_life, _largest_singular_value(exact, inputs[:, :PLACES]))


def _targets(spans: Spans, lags: int, count: int, seed: int) -> tuple[int, Longs]:
    """The length of the sequences, and the targets behind them."""
    before = spans[:, 1] - spans[:, 0] - 1  # the targets of a span: the k-th has k before it
    enough = min(count, math.ceil(before.sum() / 2))
    fitting = (k for k in range(lags + 1, 0, -1) if np.maximum(before - k + 1, 0).sum() >= enough)
    length = next(fitting, 1)
    ranges = [np.arange(start + length, stop) for start, stop in spans.tolist()]
    places = np.concatenate([np.empty(0, np.int64), *ranges])
    generator = np.random.Generator(np.random.Philox(key=[seed, 0]))
    return length, generator.choice(places, min(count, len(places)), replace=False)


def _norms(network: Network, inputs: Tensor, targets: Tensor) -> npt.NDArray[np.float64]:
    """[T]: the mean norm of the gradient at each lag, 0 first, for inputs [T, B]."""
    config = network.config
    width = (network.cell.blocks * config.hidden_size + config.input_size) * config.num_layers
    lanes = max(1, _NUMBERS_AT_ONCE // (len(inputs) * width))
    total = torch.zeros(len(inputs), dtype=torch.float64)
    for some, wanted in zip(
        torch.split(inputs, lanes, 1), torch.split(targets, lanes), strict=True
    ):
        first = _encode(network, some).requires_grad_()
        x = first
        for layer in network.layers:
            x, _ = layer(x)
        loss = functional.cross_entropy(network.decoder(x[-1]), wanted, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, first)
        total += torch.linalg.vector_norm(gradient, dim=-1).sum(1)
    norms: npt.NDArray[np.float64] = (total / len(targets)).flip(0).numpy()
    return norms


def _largest_singular_value(network: Network, inputs: Tensor) -> float | None:
    """The median of the Jacobian's over B places, for inputs [T, B]; the last is the step."""
    cell, hidden = network.cell, network.config.hidden_size
    if not cell.recurrent:
        return None
    layers = [
        {name.removesuffix("_l0"): value for name, value in layer.named_parameters()}
        for layer in network.layers
    ]

    def step(before: Tensor, x: Tensor) -> Tensor:
        """[S] and input [D] -> [S]: every layer's state after one character."""
        states = before.reshape(len(layers), len(cell.state), hidden)
        after: list[Tensor] = []
        for weights, state in zip(layers, states, strict=True):
            projected = x @ weights["weight_ih"].T + weights["bias_ih"]
            x, new, _ = cell.step(torch, projected, tuple(state), weights)
            after += new
        return torch.cat(after)

    jacobian = torch.func.jacrev(step, chunk_size=_ROWS_AT_ONCE)
    largest = []
    for before, x in zip(_states(network, inputs[:-1]), _encode(network, inputs[-1]), strict=True):
        matrix = jacobian(before, x)
        finite = bool(torch.isfinite(matrix).all())
        largest.append(torch.linalg.matrix_norm(matrix, 2).item() if finite else math.nan)
    return float(np.median(largest))


def _states(network: Network, inputs: Tensor) -> Tensor:
    """[B, S]: every layer's state after inputs [T, B], from an empty one."""
    states = network.empty_states(inputs.shape[1])
    if len(inputs):
        _, states = network(inputs, states)
    return torch.cat([part[0] for state in states for part in state], dim=-1)


def _encode(network: Network, ids: Tensor) -> Tensor:
    """Ids [...] -> inputs [..., D] of the first layer.

    A one-hot encoder done as a look-up has no input to differentiate, so it is not.
    """
    if network.encoder is None:
        return functional.one_hot(ids, network.config.vocab_size).double()
    embedded: Tensor = network.encoder(ids)
    return embedded
