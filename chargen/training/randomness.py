"""Chance as a pure function of (seed, purpose, position), so that a resumed run meets the same.

Nothing of it needs to be saved, and nothing drawn for one purpose moves another.
"""

from __future__ import annotations

import numpy as np

ORDER = 1
RESETS = 2
DROPOUT = 3


def generator(seed: int, purpose: int, *position: int) -> np.random.Generator:
    """A counter-based generator of its own for this seed, purpose and position (up to 3 numbers).

    Source: Salmon et al. 2011 (Philox). The counter's low word counts the draws.
    """
    counter = [0, *position, *(0,) * (3 - len(position))]
    return np.random.Generator(np.random.Philox(key=[seed, purpose], counter=counter))
