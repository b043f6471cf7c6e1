"""The loss at chosen places of a text, after all that stands before them or the last of it.

Shapes: T time, B targets or spans side by side, H hidden, N targets.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from chargen.model.network import Network

_LANES = 256
_NUMBERS_AT_ONCE = 1 << 22

Ids = npt.NDArray[np.unsignedinteger]
Spans = npt.NDArray[np.int64]
Longs = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@torch.no_grad()
def visible_nats(network: Network, text: Longs, targets: Longs, k: int) -> Floats:
    """[N]: the nats of each target when only the last k characters before it are visible."""
    parts = []
    for at in range(0, len(targets), _LANES):
        lanes = targets[at : at + _LANES]
        states: list[Any] = [None] * len(network.layers)
        h = torch.empty(0)
        window = _window(network, len(lanes))
        for start in range(0, k, window):
            time = np.arange(start, min(start + window, k))[:, None]
            h, states = _read(network, text[lanes - k + time], states)
        parts.append(_nats(network, h[-1], text[lanes]))
    return np.concatenate(parts)


@torch.no_grad()
def carried_nats(network: Network, text: Longs, spans: Spans, targets: Longs) -> Floats:
    """[N]: the nats of each target when its span was read from the start, in one piece."""
    nats = np.empty(len(targets))
    owner = np.searchsorted(spans[:, 0], targets - 1, side="right") - 1
    last = {int(span): int(targets[owner == span].max()) for span in np.unique(owner)}
    order = sorted(last, key=lambda span: spans[span, 0] - last[span])  # the longest first
    for at in range(0, len(order), _LANES):
        lanes = np.array(order[at : at + _LANES])
        begins = spans[lanes, 0]
        lengths = np.array([last[span] for span in lanes.tolist()]) - begins
        lane_of = np.full(len(spans), -1)
        lane_of[lanes] = np.arange(len(lanes))
        mine = np.flatnonzero(lane_of[owner] >= 0)
        lane, step = lane_of[owner[mine]], targets[mine] - 1 - spans[owner[mine], 0]
        states: list[Any] = [None] * len(network.layers)
        window = _window(network, len(lanes))
        for start in range(0, int(lengths.max()), window):
            time = np.arange(start, min(start + window, int(lengths.max())))[:, None]
            where = np.where(time < lengths, begins + time, begins)
            h, states = _read(network, text[where], states)
            here = (step >= start) & (step < start + len(time))
            found = h[step[here] - start, lane[here]]
            nats[mine[here]] = _nats(network, found, text[targets[mine[here]]])
    return nats


def _window(network: Network, lanes: int) -> int:
    """The steps of so many lanes that fit into memory, what the layers keep of each included."""
    config = network.config
    width = network.cell.blocks * config.hidden_size + config.input_size
    return max(1, _NUMBERS_AT_ONCE // (lanes * width))


def _read(network: Network, ids: Longs, states: list[Any]) -> tuple[Tensor, list[Any]]:
    """Ids [T, B] and each layer's state, None for an empty one -> h [T, B, H] and the states.

    The decoder is left out: it is wanted at the targets only.
    """
    weight = network.decoder.weight
    inputs = torch.from_numpy(ids).to(weight.device)
    if network.encoder is None:
        x = functional.one_hot(inputs, network.config.vocab_size).to(weight.dtype)
    else:
        x = network.encoder(inputs)
    after = []
    for layer, state in zip(network.layers, states, strict=True):
        x, new = layer(x, state)
        after.append(new)
    return x, after


def _nats(network: Network, h: Tensor, targets: Longs) -> Floats:
    """The surprise at targets [B] after h [B, H], in parts that leave room for the logits."""
    room = max(1, _NUMBERS_AT_ONCE // network.config.vocab_size)
    parts = []
    for at in range(0, len(targets), room):
        wanted = torch.from_numpy(targets[at : at + room]).to(h.device)
        logits = network.decoder(h[at : at + room]).double()
        parts.append(functional.cross_entropy(logits, wanted, reduction="none").cpu().numpy())
    return np.concatenate([np.empty(0), *parts])
