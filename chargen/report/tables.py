"""The tables of the report: for each column, its heading and its values.

The first column has the names of the cells, which the page and the terminal replace by labels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from chargen.comparison.result import (
    CellResult,
    Comparison,
    TaskComparison,
    TaskEvaluation,
    TextComparison,
    Trial,
)
from chargen.report.formatting import (
    MISSING,
    bits,
    capital,
    characters,
    count,
    duration,
    percent,
    significant,
    visible,
)
from chargen.report.sentences import LAGS, gradient_flows

Table = dict[str, list[str]]


def networks(comparison: Comparison) -> Table:
    """Return memory spans, loss and size of each network."""
    networks = comparison.networks
    table = {"Network": list(networks)}
    for task in comparison.tasks.values():
        if task.cells:
            evaluations = [task.cells[name].evaluation for name in networks]
            table[f"{capital(visible(task.name))} span"] = [_span(one) for one in evaluations]
    if comparison.text is not None:
        cells = [comparison.text.cells[name] for name in networks]
        effective = [cell.diagnostics.context.effective for cell in cells]
        table |= {
            "Bits per character": [bits(cell.validation_bits) for cell in cells],
            "Effective context": [MISSING if k is None else count(k) for k in effective],
            "Training time": [_training_time(cell) for cell in cells],
        }
    table["Parameters"] = [count(network.parameters) for network in networks.values()]
    return table


def _span(evaluation: TaskEvaluation) -> str:
    if not evaluation.span:
        return f"below {count(min(evaluation.accuracy))}"
    return f"{count(evaluation.span)}{' or more' if evaluation.span_is_lower_bound else ''}"


def _training_time(cell: CellResult) -> str:
    times = "once" if cell.resumed == 1 else f"{cell.resumed} times"
    return duration(cell.seconds) + (f", resumed {times}" if cell.resumed else "")


def runs(text: TextComparison) -> Table:
    """Return the loss and the training of each network."""
    cells = text.cells.values()
    return {
        "Network": list(text.cells),
        "Bits per character": [bits(cell.validation_bits) for cell in cells],
        "Worst minus best run": [bits(cell.spread) for cell in cells],
        "Layers": [count(cell.network.num_layers) for cell in cells],
        "Hidden size": [count(cell.network.hidden_size) for cell in cells],
        "Learning rate": [significant(cell.sweep.best) for cell in cells],
        "Clipped updates": [percent(cell.runs[0].clipped) for cell in cells],
        "Largest gradient norms": [_numbers(cell.runs[0].largest_norms[:3]) for cell in cells],
        "Rates tried, with their loss": [
            ", ".join(map(_trial, cell.sweep.trials)) for cell in cells
        ],
    }


def _numbers(numbers: Sequence[float]) -> str:
    return ", ".join(map(significant, numbers))


def _trial(trial: Trial) -> str:
    loss = "diverged" if trial.nats is None else bits(trial.nats / math.log(2))
    return f"{significant(trial.learning_rate)}: {loss}"


def task(task: TaskComparison) -> Table:
    """Return the training and the memory span of each network on a task."""
    results = task.cells.values()
    return {
        "Network": list(task.cells),
        "Span of each seed": [", ".join(map(count, result.spans)) for result in results],
        "Trained up to lag": [count(result.trained_to) for result in results],
        "Parameters": [count(result.network.parameters) for result in results],
        "Learning rate": [significant(result.sweep.best) for result in results],
        "Training time": [duration(result.seconds) for result in results],
    }


def gradients(subject: TaskComparison | TextComparison) -> Table:
    """Return the share of the gradient left, after training and on a text also before."""
    after = gradient_flows(subject)
    found = {"After training": after}
    if isinstance(subject, TextComparison):
        before = {name: cell.diagnostics.gradient_before for name, cell in subject.cells.items()}
        found = {"Before training": before, **found}
    table = {"Network": list(after)}
    for when, flows in found.items():
        for lag in LAGS:
            table[f"{when}, lag {lag}"] = [
                percent(flow.share[lag]) if lag < len(flow.share) else MISSING
                for flow in flows.values()
            ]
    return table


def coherence(text: TextComparison) -> Table:
    """Return the statistics of each network's writing and of the text itself."""
    found = [cell.writing.coherence for cell in text.cells.values()] + [text.corpus.coherence]
    return {
        "Network": [*text.cells, "The held-out text"],
        "Known words": [percent(one.known_words) for one in found],
        "Closed brackets and quotes": [percent(one.closed) for one in found],
        "Longest copied passage": [characters(one.longest_copy) for one in found],
    }
