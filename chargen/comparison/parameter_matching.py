"""Hidden sizes at which several cells have the same number of parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chargen.comparison.result import Network
from chargen.model.cells.registry import CELLS
from chargen.model.config import ModelConfig

# The numbers of parameters differ by less than this share of the smallest.
TOLERANCE = 0.01


def match_parameters(cells: Sequence[str], like: ModelConfig) -> dict[str, ModelConfig]:
    """Return sizes for each cell, with the depth of `like` and parameters equal within 1 %.

    The target is the number of parameters of `like`. If not all cells can match it, the hidden
    size of `like` is replaced by the nearest one, between half and twice as large, at which they
    can, or at which they differ least.
    """
    best: tuple[float, dict[str, ModelConfig]] | None = None
    wanted = like.hidden_size
    sizes = range(max(1, wanted // 2), 2 * wanted + 1)
    for hidden in sorted(sizes, key=lambda size: (abs(size - wanted), size)):
        target = replace(like, hidden_size=hidden).parameters
        configs = {cell: _nearest(replace(like, cell=cell), target) for cell in cells}
        counts = [config.parameters for config in configs.values()]
        difference = max(counts) / min(counts) - 1
        if best is None or difference < best[0]:
            best = difference, configs
        if difference < TOLERANCE:
            break
    assert best is not None
    return best[1]


def describe_network(config: ModelConfig) -> Network:
    """Return the description of a network for the result."""
    cell = CELLS[config.cell]
    return Network(
        cell=cell.name,
        label=cell.label,
        description=cell.description,
        hidden_size=config.hidden_size,
        num_layers=config.num_layers,
        parameters=config.parameters,
    )


def _nearest(config: ModelConfig, target: int) -> ModelConfig:
    """Return the config with the hidden size that is nearest to the target in parameters."""
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
