"""How far back a network looks: its loss when only the last characters are visible, with torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chargen.evaluation.intervals import paired_bootstrap
from chargen.evaluation.visible import Ids, Longs, Spans, carried_nats, visible_nats
from chargen.model.network import Network
from chargen.records import Interval

KS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
LEAST_TARGETS = 200
TOLERANCE = 0.01


@dataclass(frozen=True)
class ContextCurve:
    """Bits per character with only the last k characters visible, by k, and with all of them.

    effective: the least k whose mean is at most 1 % above that with all; None where none is.
    """

    by_length: dict[int, Interval]
    all: Interval
    effective: int | None


def context_curve(
    network: Network,
    ids: Ids,
    spans: Spans,
    *,
    ks: Sequence[int] = KS,
    count: int = 2_000,
    seed: int,
) -> ContextCurve:
    """Measure the same targets with the last k characters visible, for each k, and with all.

    Those k are read from an empty state; all are what stands before the target in its span, the
    state carried from the span's start. The targets are drawn by the seed among those with at
    least the largest k before them. Where texts are short the ks are cut to those that 200
    targets have before them, or half of all targets if they are fewer than 400; so of lines the
    targets are the ends of the longer ones. Without any target the result is empty: no ks, and
    not a number. Intervals: 95 %, paired bootstrap over the targets.
    Source: Khandelwal et al. 2018.
    """
    text, spans = ids.astype(np.int64), spans[np.argsort(spans[:, 0])]
    ks, places = _fitting(spans, sorted(set(ks)))
    if not ks:
        return ContextCurve({}, Interval(math.nan, math.nan, math.nan, 0), None)
    generator = np.random.Generator(np.random.Philox(key=[seed, 0]))
    targets = np.sort(generator.choice(places, min(count, len(places)), replace=False))
    rows = [visible_nats(network, text, targets, k) for k in ks]
    rows.append(carried_nats(network, text, spans, targets))
    *shown, everything = paired_bootstrap(np.stack(rows) / math.log(2), seed=seed)
    by_length = dict(zip(ks, shown, strict=True))
    enough = (1 + TOLERANCE) * everything.value
    effective = next((k for k, interval in by_length.items() if interval.value <= enough), None)
    return ContextCurve(by_length, everything, effective)


def _fitting(spans: Spans, ks: Sequence[int]) -> tuple[list[int], Longs]:
    """The ks that enough targets have before them, and all places with the largest before them."""
    lengths = spans[:, 1] - spans[:, 0] - 1  # the targets of a span: the k-th has k before it
    least = max(1, min(LEAST_TARGETS, math.ceil(lengths.sum() / 2)))
    fitting = [k for k in ks if np.maximum(lengths - k + 1, 0).sum() >= least]
    most = max(fitting, default=0)
    ranges = [np.arange(start + most, stop) for start, stop in spans.tolist()]
    places = np.concatenate([np.empty(0, np.int64), *ranges])
    return fitting, places
