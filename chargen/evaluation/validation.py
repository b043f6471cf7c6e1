"""The loss over a whole held-out text, with torch.

Shapes: T time, B streams side by side, V vocabulary.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from chargen.model.network import Network

MOST_STREAMS = 32
LEAST_STREAM = 2_000

_NO_TARGET = -100
_LANES = 64
_WINDOW = 256
_LOGITS_AT_ONCE = 1 << 23

Ids = npt.NDArray[np.unsignedinteger]
Spans = npt.NDArray[np.int64]


def streams(spans: Spans) -> Spans:
    """Cut held-out spans into streams that are read side by side, each from an empty state.

    One text makes at most 32 streams, of 2,000 characters or more where it is that long; of
    several texts each has one at least. Spans come back as [n, 2].
    """
    lengths = spans[:, 1] - spans[:, 0]
    target = max(LEAST_STREAM, lengths.sum() / MOST_STREAMS)
    pieces: list[tuple[int, int]] = []
    for (start, stop), length in zip(spans.tolist(), lengths.tolist(), strict=True):
        count = max(1, int(length / target + 1e-9))
        cuts = [start + length * k // count for k in range(count + 1)]
        pieces += zip(cuts[:-1], [*cuts[1:-1], stop], strict=True)
    return np.array(pieces, np.int64).reshape(-1, 2)


@torch.no_grad()
def validation_nats(network: Network, ids: Ids, spans: Spans) -> float:
    """Mean nats per character over every id of `spans` but each one's first, in float32."""
    order = np.argsort(spans[:, 0] - spans[:, 1], kind="stable")  # the longest first: less padding
    total, count = 0.0, 0
    for at in range(0, len(order), _LANES):
        nats, targets = _lanes(network, ids, spans[order[at : at + _LANES]])
        total += nats
        count += targets
    return total / count


def _lanes(network: Network, ids: Ids, spans: Spans) -> tuple[float, int]:
    device = network.decoder.weight.device
    states = network.empty_states(len(spans))
    lengths = spans[:, 1] - spans[:, 0] - 1
    room = _LOGITS_AT_ONCE // (len(spans) * network.config.vocab_size)
    window = max(1, min(_WINDOW, room))
    total = 0.0
    for at in range(0, int(lengths.max()), window):
        time = np.arange(at, min(at + window, int(lengths.max())))[:, None]
        inside = time < lengths
        where = np.where(inside, spans[:, 0] + time, 0)
        inputs = ids[where].astype(np.int64)
        targets = np.where(inside, ids[where + 1].astype(np.int64), _NO_TARGET)
        logits, states = network(torch.from_numpy(inputs).to(device), states)
        total += functional.cross_entropy(
            logits.flatten(0, 1).float(),
            torch.from_numpy(targets).to(device).flatten(),
            ignore_index=_NO_TARGET,
            reduction="sum",
        ).item()
    return total, int(lengths.sum())
