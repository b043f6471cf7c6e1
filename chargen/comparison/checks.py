"""Checks of the conditions that a valid comparison must meet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from chargen.comparison.parameter_matching import TOLERANCE
from chargen.comparison.result import CellResult, Check, Network, TaskComparison, TextComparison
from chargen.evaluation.units import bits_per_character
from chargen.model.cells.registry import CELLS

NEAR_BIGRAMS = 0.02  # nats
FLAT = 1e-3  # bits per character


def check_all(
    text: TextComparison | None, tasks: Mapping[str, TaskComparison]
) -> tuple[Check, ...]:
    """Return every check that applies to the compared cells and tasks."""
    checks: list[Check] = []
    if text is not None:
        cells = list(text.cells.values())
        checks += check_parameters("parameters", [cell.network for cell in cells])
        checks += check_characters(cells)
        for cell in cells:
            if not CELLS[cell.network.cell].recurrent:
                checks += check_no_memory(cell, text.corpus.bigram_nats)
    for task in tasks.values():
        networks = [cell.network for cell in task.cells.values()]
        checks += check_parameters(f"parameters ({task.name})", networks)
        checks += check_chance(task)
    return tuple(checks)


def check_parameters(name: str, networks: Sequence[Network]) -> Iterator[Check]:
    """Check that all networks have about the same number of parameters."""
    if len(networks) > 1:
        counts = [network.parameters for network in networks]
        low, high = min(counts), max(counts)
        details = f"{low:,} to {high:,}, {_percent(high / low - 1, 2)} apart;"
        details += f" allowed: {_percent(TOLERANCE, 0)}"
        yield Check(name, high - low <= TOLERANCE * low, details)


def check_characters(cells: Sequence[CellResult]) -> Iterator[Check]:
    """Check that all networks read the same number of characters with the same seed."""
    if len(cells) > 1:
        passed = all(
            len({run.characters for run in runs if run.validation_nats is not None}) <= 1
            for runs in zip(*(cell.runs for cell in cells), strict=True)
        )
        read = f"each network read {cells[0].runs[0].characters:,} characters"
        yield Check("characters read", passed, read if passed else "the numbers differ")


def check_no_memory(cell: CellResult, bigram_nats: float | None) -> Iterator[Check]:
    """Check that a network without memory has the loss of a bigram model."""
    name, nats = cell.network.name, cell.validation_nats
    if nats is None or bigram_nats is None:
        yield Check("loss of a bigram model", False, f"{name} has no loss to compare")
    else:
        gap = nats - bigram_nats
        undertrained = "; it is not fully trained (allow more time)" if gap > NEAR_BIGRAMS else ""
        yield Check(
            "loss of a bigram model",
            abs(gap) <= NEAR_BIGRAMS,
            f"{name} needs {bits_per_character(gap):+.3f} bits ({gap:+.3f} nats)"
            f" relative to a bigram model; allowed: {NEAR_BIGRAMS} nats{undertrained}",
        )
    context = cell.diagnostics.context
    values = [one.value for one in (*context.by_length.values(), context.all)]
    change = max(values) - min(values)
    yield Check(
        "no use of context",
        change <= FLAT,
        f"the loss of {name} changes by {change:.1g} bits with the visible context;"
        f" allowed: {FLAT}",
    )
    flows = (cell.diagnostics.gradient_before, cell.diagnostics.gradient_after)
    largest = max((share for flow in flows for share in flow.share[1:]), default=0.0)
    yield Check(
        "no gradient through time",
        largest == 0,
        f"the gradient of {name} beyond the last character is {largest:g}",
    )


def check_chance(task: TaskComparison) -> Iterator[Check]:
    """Check that networks without memory have chance accuracy on a task."""
    for result in task.cells.values():
        if CELLS[result.network.cell].recurrent:
            continue
        accuracy = result.evaluations[0].accuracy.values()
        outside = [one for one in accuracy if not one.low <= task.chance <= one.high]
        low, high = min(one.value for one in accuracy), max(one.value for one in accuracy)
        yield Check(
            f"chance level without memory ({task.name})",
            not outside,
            f"the accuracy of {result.network.name} is {_percent(low)} to {_percent(high)}, chance"
            f" is {_percent(task.chance)}"
            + (f"; outside the interval at {len(outside)} lags" if outside else ""),
        )


def _percent(share: float, decimals: int = 1) -> str:
    return f"{100 * share:.{decimals}f} %"
