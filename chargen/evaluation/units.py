"""Units of a mean cross-entropy."""

from __future__ import annotations

import math


def bits_per_character(nats: float) -> float:
    """Convert a mean cross-entropy in nats per character to bits per character.

    Source: Shannon 1948; 1 nat = 1/ln 2 bits.
    """
    return nats / math.log(2)


def perplexity(nats: float) -> float:
    """Convert a mean cross-entropy in nats to a perplexity; inf on overflow.

    It is the number of equally likely characters with the same cross-entropy.
    """
    return math.inf if nats >= 700 else math.exp(nats)
