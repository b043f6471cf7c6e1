"""The loss over a whole held-out text, with torch.

Shapes: n spans.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from chargen.evaluation.windows import group_by_length, read_windows
from chargen.model.network import Network
from chargen.text.ids import Ids, Spans

MAX_STREAMS = 32
MIN_STREAM_LENGTH = 2_000

_NO_TARGET = -100
_LANES = 64
_WINDOW = 256
_LOGITS_AT_ONCE = 1 << 23


def streams(spans: Spans) -> Spans:
    """Split held-out spans into streams [n, 2] that are read in parallel from empty states.

    One text becomes at most 32 streams of at least 2,000 characters; of several texts, each
    becomes one stream or more.
    """
    lengths = spans[:, 1] - spans[:, 0]
    target = max(MIN_STREAM_LENGTH, lengths.sum() / MAX_STREAMS)
    pieces: list[tuple[int, int]] = []
    for (start, stop), length in zip(spans.tolist(), lengths.tolist(), strict=True):
        count = max(1, int(length / target + 1e-9))
        cuts = [start + length * k // count for k in range(count + 1)]
        pieces += zip(cuts[:-1], [*cuts[1:-1], stop], strict=True)
    return np.array(pieces, np.int64).reshape(-1, 2)


@torch.no_grad()
def validation_nats(network: Network, ids: Ids, spans: Spans) -> float:
    """Return the mean nats per character over `spans`, without the first id of each, in float32."""
    inputs = spans - np.array([0, 1])
    total = 0.0
    for group in group_by_length(inputs, _LANES):
        room = _LOGITS_AT_ONCE // (len(group) * network.config.vocab_size)
        nats = 0.0
        length = max(1, min(_WINDOW, room))
        for h, places, inside in read_windows(network, ids, inputs[group], length):
            targets = np.where(inside, ids[places + 1].astype(np.int64), _NO_TARGET)
            nats += functional.cross_entropy(
                network.decode(h).flatten(0, 1).float(),
                torch.from_numpy(targets).to(h.device).flatten(),
                ignore_index=_NO_TARGET,
                reduction="sum",
            ).item()
        total += nats
    return total / int((inputs[:, 1] - inputs[:, 0]).sum())
