"""All cells by name, found by listing this package."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from chargen.model import cells
from chargen.model.cells.cell import Cell


def _find_cells() -> dict[str, Cell]:
    """Collect `CELL` of every module of the package, ordered from the most gates to none."""
    modules = [
        import_module(f"{cells.__name__}.{module.name}")
        for module in pkgutil.iter_modules(cells.__path__)
    ]
    found: list[Cell] = [module.CELL for module in modules if hasattr(module, "CELL")]
    found.sort(key=lambda cell: (-cell.num_gates, not cell.recurrent, cell.name))
    return {cell.name: cell for cell in found}


CELLS = _find_cells()
