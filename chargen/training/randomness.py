"""Random numbers as functions of (seed, purpose, position).

A resumed run draws the same numbers without any saved state. Draws for one purpose do not change
those for another.
"""

from __future__ import annotations

import numpy as np

ORDER = 1
RESETS = 2
DROPOUT = 3


def generator(seed: int, purpose: int, *position: int) -> np.random.Generator:
    """Return the counter-based generator of a seed, a purpose and a position of up to 3 numbers.

    Source: Salmon et al. 2011 (Philox). The lowest word of the counter counts the draws.
    """
    counter = [0, *position, *(0,) * (3 - len(position))]
    return np.random.Generator(np.random.Philox(key=[seed, purpose], counter=counter))
