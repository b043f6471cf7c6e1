"""The loss of a network at chosen targets of a text, with torch.

Shapes: B rows, H hidden, N targets.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from chargen.evaluation.windows import Longs, group_by_length, read_windows
from chargen.model.network import Network
from chargen.text.ids import Ids, Spans

_LANES = 256
_NUMBERS_AT_ONCE = 1 << 22

Floats = npt.NDArray[np.float64]


def draw_targets(
    spans: Spans, ks: Sequence[int], *, minimum: int, count: int, seed: int
) -> tuple[list[int], Longs]:
    """Draw targets that have at least k characters before them in their span.

    In short texts, a k is dropped if fewer than `minimum` targets, and fewer than half of all
    targets, have k characters before them. Return the remaining ks and at most `count` targets
    for the largest of them; without any target both are empty.
    """
    before = spans[:, 1] - spans[:, 0] - 1  # the k-th target of a span has k characters before it
    enough = max(1, min(minimum, math.ceil(before.sum() / 2)))
    fitting = [k for k in ks if np.maximum(before - k + 1, 0).sum() >= enough]
    if not fitting:
        return [], np.empty(0, np.int64)
    places = np.concatenate([np.arange(a + max(fitting), b) for a, b in spans.tolist()])
    generator = np.random.Generator(np.random.Philox(key=[seed, 0]))
    return fitting, generator.choice(places, min(count, len(places)), replace=False)


@torch.no_grad()
def limited_context_nats(network: Network, ids: Ids, targets: Longs, k: int) -> Floats:
    """[N]: the nats of each target when only the last k characters before it are visible."""
    nats = []
    for start in range(0, len(targets), _LANES):
        group = targets[start : start + _LANES]
        spans = np.stack([group - k, group], axis=1)
        for window in read_windows(network, ids, spans, _window_length(network, len(group))):
            h, _, _ = window
        nats.append(_cross_entropies(network, h[-1], ids[group]))
    return np.concatenate(nats)


@torch.no_grad()
def full_context_nats(network: Network, ids: Ids, spans: Spans, targets: Longs) -> Floats:
    """[N]: the nats of each target, in ascending order, when its span is read from the start.

    Spans may share their first and last ids.
    """
    nats = np.empty(len(targets))
    low, high = np.searchsorted(targets, spans - np.array([0, 1]), side="right").T
    used = high > low
    spans = np.stack([spans[used, 0], targets[high[used] - 1]], axis=1)
    for group in group_by_length(spans, _LANES):
        length = _window_length(network, len(group))
        for h, places, inside in read_windows(network, ids, spans[group], length):
            rows = np.nonzero(inside & np.isin(places + 1, targets))
            wanted = places[rows] + 1
            found = np.searchsorted(targets, wanted)
            nats[found] = _cross_entropies(network, h[rows], ids[wanted])
    return nats


def _window_length(network: Network, lanes: int) -> int:
    config = network.config
    numbers = network.cell.num_gates * config.hidden_size + config.input_size
    return max(1, _NUMBERS_AT_ONCE // (lanes * numbers))


def _cross_entropies(network: Network, h: Tensor, targets: npt.NDArray[np.integer]) -> Floats:
    """[B]: the nats of targets [B] after outputs h [B, H]; limits the memory for the logits."""
    size = max(1, _NUMBERS_AT_ONCE // network.config.vocab_size)
    wanted = torch.from_numpy(targets.astype(np.int64)).to(h.device)
    parts = [
        functional.cross_entropy(network.decode(rows).double(), ids, reduction="none")
        for rows, ids in zip(torch.split(h, size), torch.split(wanted, size), strict=True)
    ]
    nats: Floats = torch.cat(parts).cpu().numpy()
    return nats
