"""What must hold if a comparison is to be trusted, with the figures that say whether it does."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from chargen.comparison.sizes import CLOSE
from chargen.comparison.text import TextStudy
from chargen.evaluation.units import bits_per_character
from chargen.records import CellResult, Check, TaskComparison

NEAR_BIGRAMS = 0.02  # nats
FLAT = 1e-3  # bits per character


def checks(text: TextStudy | None, tasks: Mapping[str, TaskComparison]) -> tuple[Check, ...]:
    """Every check that the cells and tasks at hand allow."""
    found: list[Check] = []
    if text is not None:
        cells = text.cells()
        found += of_sizes("parameters", {name: cell.parameters for name, cell in cells.items()})
        if len(cells) > 1:
            read = text.characters_read
            said = f"each network read {read:,} characters" if text.read_alike else "they differ"
            found.append(Check("characters read", text.read_alike, said))
        if "feedforward" in cells:
            found += of_no_memory(cells["feedforward"], text.bigram_nats)
    for name, task in tasks.items():
        sizes = {cell: result.parameters for cell, result in task.cells.items()}
        found += of_sizes(f"parameters ({name})", sizes)
        if "feedforward" in task.cells:
            accuracy = task.cells["feedforward"].accuracy.values()
            outside = [one for one in accuracy if not one.low <= task.chance <= one.high]
            low, high = min(one.value for one in accuracy), max(one.value for one in accuracy)
            found.append(
                Check(
                    f"no memory, no answer ({name})",
                    not outside,
                    f"the feed-forward network is right in {low:.1%} to {high:.1%}, chance is"
                    f" {task.chance:.1%}"
                    + (f"; at {len(outside)} lags beyond its interval" if outside else ""),
                )
            )
    return tuple(found)


def of_sizes(name: str, sizes: Mapping[str, int]) -> Iterator[Check]:
    """Nobody has more parameters than another."""
    if len(sizes) > 1:
        low, high = min(sizes.values()), max(sizes.values())
        said = f"{low:,} to {high:,}, {high / low - 1:.2%} apart; {CLOSE:.0%} is allowed"
        yield Check(name, high - low <= CLOSE * low, said)


def of_no_memory(cell: CellResult, bigram_nats: float) -> Iterator[Check]:
    """A network without memory knows the last character alone, as a table of pairs does."""
    gap = cell.validation_nats - bigram_nats
    yield Check(
        "as good as pairs",
        math.isfinite(gap) and abs(gap) <= NEAR_BIGRAMS,
        f"the feed-forward network needs {bits_per_character(gap):+.3f} bits ({gap:+.3f} nats)"
        f" against a table of pairs; {NEAR_BIGRAMS} nats either way are allowed"
        + ("; it has not learned all that there is (more --minutes)" if gap > NEAR_BIGRAMS else ""),
    )
    values = [one.value for one in (*cell.context_curve.values(), cell.all_context)]
    wide = max(values) - min(values)
    yield Check(
        "no use of context",
        wide <= FLAT,
        f"the feed-forward network's loss changes by {wide:.1g} bits with the context visible;"
        f" {FLAT} is allowed",
    )
    share = cell.gradient_after.share[1:] + cell.gradient_at_start.share[1:]
    most = max(share, default=0.0)
    yield Check(
        "no gradient through time",
        most == 0,
        f"the feed-forward network's gradient beyond the last character is {most:g}",
    )
