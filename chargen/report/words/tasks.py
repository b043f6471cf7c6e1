"""The sentences beside the figures of the memory tasks, made from what was measured."""

from __future__ import annotations

from collections.abc import Mapping

from chargen.records import TaskComparison, TaskResult
from chargen.report import phrases
from chargen.report.phrases import SPACE
from chargen.report.style import Look
from chargen.report.words.names import the


def spans(task: TaskComparison, known: Mapping[str, Look]) -> str:
    """How far back each cell remembers, and which know nothing more than chance."""
    order = sorted(task.cells.values(), key=lambda cell: (-cell.span, not cell.span_is_least))
    if not order:
        return ""
    level = phrases.percent(task.least_accuracy)
    parts = []
    reached = [cell for cell in order if cell.span]
    if reached:
        said = [
            f"{phrases.count(cell.span)}{f'{SPACE}characters' if place == 0 else ''}"
            f"{' or more' if cell.span_is_least else ''} with {the(cell.cell, known)}"
            for place, cell in enumerate(reached)
        ]
        parts.append(
            f"At least {level} of the answers are right at every lag asked up to "
            f"{phrases.listing(said)}."
        )
        best = reached[0]
        if best.span > best.trained_to > 0:
            times = best.span / best.trained_to
            parts.append(
                f"{phrases.capital(the(best.cell, known))} was never trained on lags beyond "
                f"{phrases.count(best.trained_to)}; its span is {times:.3g} times that."
            )
    none = [cell for cell in order if not cell.span]
    guessing = [cell for cell in none if _guesses(cell, task.chance)]
    some = [cell for cell in none if cell not in guessing]
    if some:
        parts.append(
            f"{phrases.capital(phrases.listing([the(cell.cell, known) for cell in some]))} "
            f"{'is' if len(some) == 1 else 'are'} below {level} at the shortest lag already."
        )
    if guessing:
        parts.append(
            f"{phrases.capital(phrases.listing([the(cell.cell, known) for cell in guessing]))} "
            f"cannot be told from guessing ({phrases.percent(task.chance)}) at any lag."
        )
    parts += [_trained_to(order, known), _repeats(order, known)]
    return " ".join(part for part in parts if part)


def _guesses(cell: TaskResult, chance: float) -> bool:
    """Whether chance lies within the interval of every lag; they hold all at once."""
    return bool(cell.accuracy) and all(
        one.low <= chance <= one.high for one in cell.accuracy.values()
    )


def _repeats(order: list[TaskResult], known: Mapping[str, Look]) -> str:
    repeated = [cell for cell in order if len(cell.spans) > 1]
    if not repeated:
        return (
            "Each network was trained with one seed: the intervals tell how exactly that one "
            "network was measured, not how another training would end."
        )
    said = []
    for cell in repeated:
        low, high = min(cell.spans), max(cell.spans)
        reach = (
            phrases.count(low) if low == high else f"{phrases.count(low)} to {phrases.count(high)}"
        )
        said.append(f"{reach} with {the(cell.cell, known)}")
    return (
        f"From seed to seed the span is {phrases.listing(said)}. The figure shows the first seed, "
        "with which the learning rates were chosen."
    )


def _trained_to(order: list[TaskResult], known: Mapping[str, Look]) -> str:
    """How long the lags of training became; who fails beyond has never been trained there."""
    lags = [f"{phrases.count(cell.trained_to)} for {the(cell.cell, known)}" for cell in order]
    said = (
        "In training the lags grow as long as the answers are right; the longest came to "
        f"{phrases.listing(lags)}."
    )
    short = [
        the(cell.cell, known)
        for cell in order
        if cell.accuracy and cell.trained_to < min(cell.accuracy) and cell.cell != "feedforward"
    ]
    if short:
        said += (
            f" {phrases.capital(phrases.listing(short))} came to none of the lags asked: that may "
            "be too little training, and no limit of the network."
        )
    return said


def calibration(task: TaskComparison, known: Mapping[str, Look]) -> str:
    """Whose probabilities come nearest to the true ones, and whose do not heed the setting."""
    distances: dict[str, float] = {}
    for name, cell in task.cells.items():
        gaps = [
            abs(truth - given)
            for answers in cell.calibration.values()
            for truth, given in answers.values()
        ]
        if gaps:
            distances[name] = sum(gaps) / len(gaps)
    if not distances:
        return ""
    order = sorted(distances, key=lambda name: distances[name])
    said = [f"{the(name, known)} {distances[name] * 100:.1f}" for name in order]
    return (
        "The setting does not settle the answer, it only makes one likely: a good network gives "
        "each answer its true share (the bar), neither more nor less. Averaged over lags, "
        f"settings and answers they are off by, in percentage points: {phrases.listing(said)}."
    )


def depth(task: TaskComparison, known: Mapping[str, Look]) -> str:
    """To what depth each cell keeps count."""
    said: list[tuple[int, str]] = []
    for name, cell in task.cells.items():
        kept = -1
        for level in sorted(cell.by_depth):
            if cell.by_depth[level].value < task.least_accuracy:
                break
            kept = level
        if cell.by_depth:
            said.append((kept, f"{the(name, known)} {kept if kept >= 0 else 'none'}"))
    if not said:
        return ""
    said.sort(key=lambda one: -one[0])
    return (
        f"The deepest nesting up to which {phrases.percent(task.least_accuracy)} or more of the "
        f"answers are right: {phrases.listing([text for _, text in said])}."
    )


def _likeliest(task: TaskComparison) -> str:
    """Where the fact leaves the answer open, what counts as right."""
    open_ = any(cell.calibration for cell in task.cells.values())
    return ", and right is the setting's likeliest answer, whichever came" if open_ else ""


def measured(task: TaskComparison, again: bool = False) -> str:
    """How the accuracy was measured; again: on a page that has said it of another task."""
    counts = sorted({one.count for cell in task.cells.values() for one in cell.accuracy.values()})
    many = ""
    if counts:
        least = phrases.count(counts[0])
        most = f" to {phrases.count(counts[-1])}" if len(counts) > 1 else ""
        many = f" of {least}{most} answers at each lag"
    if again:
        return f"As in the task before: the share{many} that are right."
    return (
        f"The share{many} that are right, in newly drawn episodes; a network's answer is that of "
        f"the possible ones whose first letter it finds likeliest{_likeliest(task)}. Bars are "
        f"95{SPACE}% intervals that hold for all points of the figure at once (Wilson 1927, "
        "Šidák 1967). The lag is the number of characters between the fact and the answer. "
        "Every network read as many characters of such episodes, each from an empty memory, with "
        "its gradient through all of it. Training begins with the shortest lag there is, and lets "
        "the longest grow by a tenth whenever the network answers well. Gated networks begin with "
        "units that forget over 2 characters up to twice the longest lag, the vanilla RNN with "
        "units that add up what they read. Each was trained with several rates, around what suits "
        "it; shown is the one whose network found the answers of other episodes likeliest. Dashed: "
        "what guessing scores, the level of the span, and the longest lag of training. Ringed, and "
        "beside each name: the memory span, the last lag before the accuracy first falls below "
        f"{phrases.percent(task.least_accuracy)}; + where it held at every lag tried."
    )
