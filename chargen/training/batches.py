"""The windows that an update is made of, as pure functions of (seed, epoch, index).

Shapes: T time, B lanes side by side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from chargen.training.randomness import ORDER, RESETS, generator

NO_TARGET = -100  # what torch's cross-entropy passes over

Ids = npt.NDArray[np.unsignedinteger]
Spans = npt.NDArray[np.int64]
Longs = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """One window of B lanes. inputs, targets: [T, B]; fresh: [B], lanes that start from nothing.

    A lane whose text ends inside the window is padded with NO_TARGET.
    """

    inputs: Longs
    targets: Longs
    fresh: npt.NDArray[np.bool_]


class Epoch(Protocol):
    """One pass over the training part: windows in an order of its own."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> Batch: ...


class Batches(Protocol):
    """What a trainer reads: any epoch at any time, so that a run can go on from anywhere."""

    def epoch(self, number: int) -> Epoch: ...


@dataclass(frozen=True)
class StreamBatches:
    """Long texts as contiguous streams: a lane's next window goes on where the last one ended.

    Each epoch cuts the streams at other places. Lanes and windows shrink to fit a short text.
    Besides where a text begins, a lane starts from nothing with `reset_probability` a window:
    a network whose state is always carried never learns to start from an empty one, which is
    how every prompt starts (measured: 2.31 nats on held-out text against 1.63).
    """

    ids: Ids
    spans: Spans
    batch_size: int
    sequence_length: int
    reset_probability: float
    seed: int

    def epoch(self, number: int) -> StreamEpoch:
        """The windows of epoch `number`."""
        return StreamEpoch(self, number)


class StreamEpoch:
    """The streams of one epoch. A stream is a list of pieces, each within one text."""

    def __init__(self, batches: StreamBatches, number: int) -> None:
        self._batches = batches
        self._number = number
        ends = np.cumsum(batches.spans[:, 1] - batches.spans[:, 0] - 1)  # of texts, in targets
        total = int(ends[-1])
        lanes = batches.batch_size
        shift = int(generator(batches.seed, ORDER, number).integers(total)) if number else 0
        begins = np.arange(lanes) * total // lanes
        # Pieces: the targets 0..total on a ring, cut where a text ends and where a stream starts.
        edges = np.unique(np.concatenate([[0], ends, (begins + shift) % total]))
        start, length = edges[:-1], np.diff(edges)
        text = np.searchsorted(ends, start, side="right")
        first_target = np.concatenate([[0], ends[:-1]])[text]
        turned = (start - shift) % total
        order = np.argsort(turned)
        lane = np.searchsorted(begins, turned[order], side="right") - 1
        at = batches.spans[text, 0] + start - first_target
        self._starts = [at[order][lane == b] for b in range(lanes)]
        self._lengths = [length[order][lane == b] for b in range(lanes)]
        width = batches.sequence_length
        self._windows = [np.cumsum(-(-lengths // width)) for lengths in self._lengths]

    def __len__(self) -> int:
        return max(int(windows[-1]) if len(windows) else 0 for windows in self._windows)

    def __getitem__(self, index: int) -> Batch:
        batches = self._batches
        lanes, width = batches.batch_size, batches.sequence_length
        where, counts = np.zeros(lanes, np.int64), np.zeros(lanes, np.int64)
        draws = generator(batches.seed, RESETS, self._number, index).random(lanes)
        fresh = draws < batches.reset_probability
        for b, windows in enumerate(self._windows):
            piece = int(np.searchsorted(windows, index, side="right"))
            if piece == len(windows):
                fresh[b] = True
                continue
            offset = (index - (int(windows[piece - 1]) if piece else 0)) * width
            where[b] = self._starts[b][piece] + offset
            counts[b] = min(width, self._lengths[b][piece] - offset)
            fresh[b] |= offset == 0
        return _gather(batches.ids, where, counts, fresh)


@dataclass(frozen=True)
class LineBatches:
    """Lines as texts of their own, shuffled every epoch, lines of like length side by side.

    A batch holds about batch_size * sequence_length characters; lines longer than a window
    take several, with the state carried.
    """

    ids: Ids
    spans: Spans
    batch_size: int
    sequence_length: int
    seed: int

    def epoch(self, number: int) -> LineEpoch:
        """The windows of epoch `number`."""
        return LineEpoch(self, number)


class LineEpoch:
    """The groups of one epoch: the same lengths in every epoch, in them other lines."""

    def __init__(self, batches: LineBatches, number: int) -> None:
        self._batches = batches
        lengths = batches.spans[:, 1] - batches.spans[:, 0] - 1
        random = generator(batches.seed, ORDER, number)
        self._order = np.lexsort((random.random(len(lengths)), lengths))
        ordered = lengths[self._order]
        groups = self._groups(ordered)
        windows = [-(-int(ordered[stop - 1]) // batches.sequence_length) for _, stop in groups]
        turn = random.permutation(len(groups))
        self._windows = [(groups[g], w) for g in turn for w in range(windows[g])]

    def _groups(self, ordered: Longs) -> list[tuple[int, int]]:
        """Cut the lines, longest last, into groups that fill a batch."""
        room = self._batches.batch_size * self._batches.sequence_length
        groups = []
        stop = len(ordered)
        while stop > 0:
            width = min(int(ordered[stop - 1]), self._batches.sequence_length)
            start = max(0, stop - max(1, room // width))
            groups.append((start, stop))
            stop = start
        return groups

    def __len__(self) -> int:
        return len(self._windows)

    def __getitem__(self, index: int) -> Batch:
        (start, stop), window = self._windows[index]
        spans = self._batches.spans[self._order[start:stop]]
        offset = window * self._batches.sequence_length
        left = spans[:, 1] - spans[:, 0] - 1 - offset
        counts = np.clip(left, 0, self._batches.sequence_length)
        where = np.where(counts > 0, spans[:, 0] + offset, 0)
        return _gather(self._batches.ids, where, counts, np.full(len(spans), window == 0))


def fitting(
    characters: int, batch_size: int, sequence_length: int, vocab_size: int
) -> tuple[int, int]:
    """(batch_size, sequence_length) made small enough for the text and for the memory.

    Every stream has at least two windows of a text that allows it; the logits of a window,
    float32, stay within 256 MB.
    """
    window = max(1, min(sequence_length, characters))
    lanes = max(1, min(batch_size, characters // (2 * window)))
    most = (1 << 26) // vocab_size
    return max(1, min(lanes, most // window)), min(window, max(1, most))


def _gather(ids: Ids, where: Longs, counts: Longs, fresh: npt.NDArray[np.bool_]) -> Batch:
    """Read counts[b] characters and their successors from where[b] on, padded to the longest."""
    time = np.arange(int(counts.max()))[:, None]
    inside = time < counts
    at = np.where(inside, where + time, 0)
    targets = np.where(inside, ids[at + 1].astype(np.int64), NO_TARGET)
    return Batch(ids[at].astype(np.int64), targets, fresh)
