"""Reading many spans of a text in parallel, one window of time steps after another, with torch.

Shapes: T time, B spans in parallel, H hidden.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from chargen.model.network import Network
from chargen.text.ids import Ids, Spans

Longs = npt.NDArray[np.int64]


def group_by_length(spans: Spans, size: int) -> Iterator[Longs]:
    """Yield the indices of spans in groups of at most `size`, the longest spans first.

    Spans of a group have similar lengths, so that little padding is needed to read them together.
    """
    order = np.argsort(spans[:, 0] - spans[:, 1], kind="stable")
    for start in range(0, len(order), size):
        yield order[start : start + size]


def read_windows(
    network: Network, ids: Ids, spans: Spans, length: int
) -> Iterator[tuple[Tensor, Longs, npt.NDArray[np.bool_]]]:
    """Read spans [B, 2] from empty states and yield windows of at most `length` steps.

    A window has the outputs of the last layer [T, B, H]; the place [T, B] in the text of the id
    that was just read; and a mask [T, B], False after the end of a span, where outputs and places
    have no meaning.
    """
    device = network.decoder.weight.device
    states = network.empty_states(len(spans))
    lengths = spans[:, 1] - spans[:, 0]
    longest = int(lengths.max())
    for start in range(0, longest, length):
        time = np.arange(start, min(start + length, longest))[:, None]
        inside = time < lengths
        places = np.where(inside, spans[:, 0] + time, 0)
        inputs = torch.from_numpy(ids[places].astype(np.int64)).to(device)
        h, states = network.hidden(network.encode(inputs), states)
        yield h, places, inside
