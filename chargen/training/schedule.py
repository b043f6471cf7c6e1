"""What changes during a run, as functions of the share of the budget that is spent.

So a run of any length ends annealed.
"""

from __future__ import annotations

import math

WARM_UP = 0.05


def learning_rate(peak: float, fraction: float) -> float:
    """Linear warm-up over the first twentieth, then a cosine down to 0.

    Source: Loshchilov and Hutter 2017 (the cosine).
    """
    if fraction < WARM_UP:
        return peak * (fraction + 1e-3) / (WARM_UP + 1e-3)
    done = min(1.0, (fraction - WARM_UP) / (1 - WARM_UP))
    return peak * 0.5 * (1 + math.cos(math.pi * done))


def window_parts(fraction: float) -> int:
    """Into how many updates a window is divided: 4 at first, then 2, then 1.

    Early on an update with a short view is worth as much as one with a long view, and four come
    for the price of one (Tiny Shakespeare, 100 s: 1.488 nats against 1.506; kept up for longer,
    to 0.3 and 0.6, it gains less: 1.500).
    """
    return 4 if fraction < 0.1 else 2 if fraction < 0.25 else 1


def due(fraction: float, times: int) -> int:
    """How many of `times` evenly spaced events, the last at the end, are due by now."""
    return min(times, int(fraction * times + 1e-9))
