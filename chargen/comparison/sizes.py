"""Hidden sizes with which several cells have the same number of parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chargen.model.config import ModelConfig

# The counts of parameters differ by less than this share of the smallest.
CLOSE = 0.01


def matched(cells: Sequence[str], like: ModelConfig) -> dict[str, ModelConfig]:
    """Sizes of each cell, as deep as `like`, whose numbers of parameters agree within 1 %.

    The parameters are those of `like` or, where not all cells can match it, those of the nearest
    hidden size from half of its own to twice it that they can; where there is none, of that at
    which they differ least.
    """
    best: tuple[float, dict[str, ModelConfig]] | None = None
    asked = like.hidden_size
    nearby = range(max(1, asked // 2), 2 * asked + 1)
    for hidden in sorted(nearby, key=lambda size: (abs(size - asked), size)):
        target = replace(like, hidden_size=hidden).parameters
        found = {cell: _closest(replace(like, cell=cell), target) for cell in cells}
        counts = [config.parameters for config in found.values()]
        spread = max(counts) / min(counts) - 1
        if best is None or spread < best[0]:
            best = spread, found
        if spread < CLOSE:
            break
    assert best is not None
    return best[1]


def _closest(config: ModelConfig, target: int) -> ModelConfig:
    """The size whose parameters are nearest to the target."""
    low, high = 1, 2
    while replace(config, hidden_size=high).parameters < target:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if replace(config, hidden_size=middle).parameters < target:
            low = middle
        else:
            high = middle
    sizes = [replace(config, hidden_size=size) for size in (low, high)]
    return min(sizes, key=lambda each: abs(each.parameters - target))
