"""Muon: orthogonal updates of the matrices between hidden units.

Shapes: G blocks of a matrix, [H, H] each; a gate has one block.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

MOMENTUM = 0.95
_POLYNOMIAL = (3.4445, -4.7750, 2.0315)  # a x + b x^3 + c x^5
_ITERATIONS = 5
_MAX_SHARE = 0.85


def muon_update(
    weights: Tensor,
    gradient: Tensor,
    momentum: Tensor,
    learning_rate: float,
    *,
    dtype: torch.dtype,
) -> None:
    """Update weights [G*H, H] and their momentum once, in place.

    The update is the momentum with each block replaced by the nearest orthogonal matrix.
    `torch.optim.Muon` is not used, because it orthogonalises a whole matrix instead of the block
    of each gate, and always computes in bfloat16, which a CPU without hardware support emulates
    slowly (1.2 GFLOP/s, and 112 in float32).
    dtype: of the orthogonalisation.
    Source: Jordan 2024; the scale of the updates: Liu et al. 2025.
    """
    momentum.lerp_(gradient, 1 - MOMENTUM)
    direction = gradient.lerp(momentum, MOMENTUM)  # Nesterov's momentum
    hidden_size = weights.shape[1]
    blocks = direction.view(-1, hidden_size, hidden_size).to(dtype)
    update = orthogonalise(blocks).view_as(weights).to(weights.dtype)
    # The root mean square of an update is then that of AdamW.
    weights.add_(update, alpha=-learning_rate * 0.2 * math.sqrt(hidden_size))


def muon_pays(hidden_size: int, characters: int, precision: str) -> bool:
    """Return whether Muon is worth its time for updates on this many characters each.

    In float32, the orthogonalisation takes about 5 H / characters of the time of the rest of an
    update; up to 0.85 of it is worth it, and three times as much in bfloat16. Measured in float32:
    with 1x512 and 6,144 characters, Muon reached 1.591 nats in 519 s and AdamW 1.605 in 725 s; with
    1x384 and 2,048 characters, Muon was at 1.632 after 201 s and AdamW, with 1,024 characters, at
    1.487. In bfloat16, from `english`, 1x512 and 1,024 characters, where an update of Muon takes
    twice as long: after 250 updates, rhymes had 1.353 nats with Muon and 1.372 with AdamW, neurons
    1.090 and 1.096; 100,000 characters of Tiny Shakespeare had 1.289 after 350 updates of Muon and
    600 of AdamW.
    """
    share = _ITERATIONS * hidden_size / characters
    return share / (3 if precision == "bfloat16" else 1) < _MAX_SHARE


def orthogonalise(blocks: Tensor) -> Tensor:
    """Return approximately the nearest orthogonal matrix of each block [G, H, H].

    Most singular values of the result are between 0.6 and 1.2; those near 0 stay small. Three
    iterations of the polynomials of Amsel et al. 2025, which come closer to 1, cost less but train
    worse (Tiny Shakespeare, 1x192, 1,000 updates: 1.708 nats, 1.679 with these, 1.685 with AdamW).
    """
    a, b, c = _POLYNOMIAL
    x: Tensor = blocks / blocks.norm(dim=(1, 2), keepdim=True).clamp(min=1e-30)
    for _ in range(_ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x
