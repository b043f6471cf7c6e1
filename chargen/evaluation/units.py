"""What a mean cross-entropy says in other units."""

from __future__ import annotations

import math


def bits_per_character(nats: float) -> float:
    """Convert a mean cross-entropy in nats per character to bits per character.

    Source: Shannon 1948; 1 nat = 1/ln 2 bits.
    """
    return nats / math.log(2)


def perplexity(nats: float) -> float:
    """The number of equally likely characters that would be as hard to guess; inf on overflow."""
    return math.inf if nats >= 700 else math.exp(nats)
