"""What every sentence on the text needs: names, ranks, and how far runs lie apart."""

from __future__ import annotations

import math
from collections.abc import Mapping

from chargen.records import CellResult, Comparison
from chargen.report import phrases
from chargen.report.phrases import SPACE
from chargen.report.style import Look

BPC = f"bits{SPACE}per character"


def the(name: str, known: Mapping[str, Look]) -> str:
    """The cell as a sentence names it, such as "the LSTM" for lstm."""
    return f"the {known[name].name}"


def ranked(comparison: Comparison) -> list[CellResult]:
    """The cells that have a held-out loss, the best first."""
    cells = [one for one in comparison.cells.values() if math.isfinite(one.validation_bpc)]
    return sorted(cells, key=lambda cell: cell.validation_bpc)


def spread(cell: CellResult) -> float | None:
    """The worst run's loss less the best run's, in bits; None for a single run."""
    runs = [phrases.from_nats(nats) for nats in cell.seeds if math.isfinite(nats)]
    return max(runs) - min(runs) if len(runs) > 1 else None
