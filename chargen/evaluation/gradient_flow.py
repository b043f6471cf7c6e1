"""How much of the gradient flows back through time, with torch.

Shapes: T time, B sequences in parallel, D input.
"""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from chargen.evaluation.records import GradientFlow
from chargen.evaluation.target_nats import draw_targets
from chargen.model.network import Network
from chargen.text.ids import Ids, Spans

_NUMBERS_AT_ONCE = 1 << 22


def gradient_flow(
    network: Network, ids: Ids, spans: Spans, *, lags: int = 200, count: int = 64, seed: int
) -> GradientFlow:
    """Differentiate the loss at t with respect to the input at t - k, for k = 0 to `lags`.

    The input is what the first layer reads: the embedding of a character, or its one-hot vector.
    The norms are means over `count` sequences of lags + 1 characters of the text, drawn with the
    seed, each from an empty state; only the last prediction of a sequence has a loss. In short
    texts `lags` is reduced until `draw_targets` finds `count` targets. Without any target the
    result is empty.
    Source: Pascanu, Mikolov and Bengio 2013.
    """
    fitting, targets = draw_targets(
        spans, range(1, lags + 2), minimum=count, count=count, seed=seed
    )
    if not fitting:
        return GradientFlow(())
    length = fitting[-1]
    exact = deepcopy(network).to("cpu", torch.float64).requires_grad_(False)
    inputs = ids[targets - length + np.arange(length)[:, None]].astype(np.int64)
    wanted = ids[targets].astype(np.int64)
    norms = _norms(exact, torch.from_numpy(inputs), torch.from_numpy(wanted))
    return GradientFlow(tuple((norms / norms[0] if norms[0] != 0 else norms).tolist()))


def _norms(network: Network, inputs: Tensor, targets: Tensor) -> npt.NDArray[np.float64]:
    """[T]: the mean norm of the gradient at each lag, 0 first, for inputs [T, B]."""
    config = network.config
    width = (network.cell.num_gates * config.hidden_size + config.input_size) * config.num_layers
    lanes = max(1, _NUMBERS_AT_ONCE // (len(inputs) * width))
    total = torch.zeros(len(inputs), dtype=torch.float64)
    for ids, wanted in zip(torch.split(inputs, lanes, 1), torch.split(targets, lanes), strict=True):
        x = network.encode(ids).requires_grad_()
        h, _ = network.hidden(x, network.empty_states(ids.shape[1]))
        loss = functional.cross_entropy(network.decode(h[-1]), wanted, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, x)
        total += torch.linalg.vector_norm(gradient, dim=-1).sum(1)
    norms: npt.NDArray[np.float64] = (total / len(targets)).flip(0).numpy()
    return norms
