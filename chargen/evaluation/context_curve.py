"""The loss of a network by the number of visible characters, with torch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from chargen.evaluation.intervals import paired_bootstrap
from chargen.evaluation.records import ContextCurve, Interval
from chargen.evaluation.target_nats import draw_targets, full_context_nats, limited_context_nats
from chargen.model.network import Network
from chargen.text.ids import Ids, Spans

KS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
MIN_TARGETS = 200
TOLERANCE = 0.01


def context_curve(
    network: Network,
    ids: Ids,
    spans: Spans,
    *,
    ks: Sequence[int] = KS,
    count: int = 2_000,
    seed: int,
) -> ContextCurve:
    """Measure the same targets with only the last k characters visible, for each k, and with all.

    With k visible characters a target is predicted from an empty state; with all, from the state
    carried from the start of its span. The targets are drawn with the seed from those that have
    at least max(ks) characters before them; in short texts, the largest ks are dropped until
    `draw_targets` finds 200 targets. Without any target the result has no ks and a loss of NaN.
    Intervals: 95 %, paired bootstrap over targets.
    Source: Khandelwal et al. 2018.
    """
    spans = spans[np.argsort(spans[:, 0])]
    ks, targets = draw_targets(spans, sorted(set(ks)), minimum=MIN_TARGETS, count=count, seed=seed)
    if not ks:
        return ContextCurve({}, Interval(math.nan, math.nan, math.nan, 0), None)
    targets.sort()
    rows = [limited_context_nats(network, ids, targets, k) for k in ks]
    rows.append(full_context_nats(network, ids, spans, targets))
    *limited, everything = paired_bootstrap(np.stack(rows) / math.log(2), seed=seed)
    by_length = dict(zip(ks, limited, strict=True))
    limit = (1 + TOLERANCE) * everything.value
    effective = next((k for k, interval in by_length.items() if interval.value <= limit), None)
    return ContextCurve(by_length, everything, effective)
