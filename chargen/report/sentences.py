"""The sentence at the head of the report and of each of its sections.

A sentence states measured values. If two results cannot be distinguished, it states that.
A sentence is empty if nothing was measured.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from chargen.comparison.result import (
    CellResult,
    Comparison,
    TaskComparison,
    TaskEvaluation,
    TextComparison,
)
from chargen.evaluation.records import GradientFlow, Interval
from chargen.report.formatting import (
    BITS,
    SPACE,
    bits,
    capital,
    characters,
    count,
    duration,
    listing,
    percent,
    visible,
)
from chargen.report.theme import TEXT, Styles

Number = TypeVar("Number", int, float)
LAGS = (25, 50, 100)
MIN_SHARE = 1e-4  # smaller shares of a gradient are not printed as numbers
MIN_WORDS = 100  # words
# Below both, a network has had little training: gated networks learn more slowly at first, so that
# the order of the networks can change.
MIN_EPOCHS, MIN_CHARACTERS = 10, 10_000_000


def headline(comparison: Comparison, styles: Styles) -> str:
    """Return the result in one sentence: memory spans, or losses without a memory task."""
    task, text = comparison.main_task, comparison.text
    if task is not None:
        cells = {name: result for name, result in task.cells.items() if result.evaluation.span}
        return spans(replace(task, cells=cells or task.cells), styles)
    if text is None or not text.cells:
        return "No network was evaluated."
    values = {cell.network.cell: bits(cell.validation_bits, 2) for cell in text.ranked}
    return _sentence("{name} needs {value} " + BITS, styles, values) or "All networks diverged."


def facts(comparison: Comparison) -> str:
    """State the size of the comparison."""
    networks, text = list(comparison.networks.values()), comparison.text
    time = f"Total time: {duration(comparison.seconds)}."
    if text is None or not networks:
        return time
    size = networks[0].parameters
    kind = comparison.text_kind
    where = f", where {visible(kind.description)}" if kind.separate else ""
    return (
        f"Each network has about {count(round(size, 2 - len(str(size))))} parameters and read "
        f"{characters(text.characters_read)} of the text “{visible(text.corpus.name)}”{where} "
        f"({characters(text.corpus.training_characters)} to train on and "
        f"{count(text.corpus.held_out_characters)} to evaluate on). {time}{_little_training(text)}"
    )


def _little_training(text: TextComparison) -> str:
    """State that more training can change the order of the networks, if they had little."""
    epochs = text.characters_read / text.corpus.training_characters
    enough = epochs >= MIN_EPOCHS or text.characters_read >= MIN_CHARACTERS
    if enough or len(text.cells) < 2:
        return ""
    return (
        f" The networks had little training ({epochs:.1f} passes over the text): more training can"
        " change their order."
    )


def spans(task: TaskComparison, styles: Styles) -> str:
    """State after how many characters each network forgets; those without memory come last."""
    groups: dict[tuple[str, str], list[str]] = {}
    for name, result in sorted(
        task.cells.items(), key=lambda one: one[1].evaluation.span or math.inf
    ):
        groups.setdefault(_memory(task, result.evaluation), []).append(name)
    parts: list[str] = []
    said = ""
    for (verb, what), names in groups.items():
        who = "all networks" if len(groups) == 1 < len(names) else _listed(names, styles)
        does = verb.removesuffix("s") if len(names) > 1 else verb
        # "The RNN forgets after 50 characters, the GRU after 800" has one verb and one unit.
        parts.append(f"{who} {what}" if verb == said == "forgets" else f"{who} {does} {what}")
        said = verb
    unit = rf"\g<0>{SPACE}characters"
    return capital(re.sub(r"after \d+(,\d{3})*", unit, f"{listing(parts)}.", count=1))


def _memory(task: TaskComparison, evaluation: TaskEvaluation) -> tuple[str, str]:
    if evaluation.span_is_lower_bound:
        return "still remembers", f"after {count(evaluation.span)}"
    if evaluation.span:
        return "forgets", f"after {count(evaluation.span)}"
    if evaluation.is_guessing(task.chance):
        return "answers", "at chance level"
    shortest = characters(min(task.lags))
    return "answers", f"fewer than {percent(task.limit)} of the questions correctly at {shortest}"


def calibration(task: TaskComparison, styles: Styles) -> str:
    """State how far the probabilities of each network are from the true ones."""
    errors = {name: one.evaluation.calibration_error for name, one in task.cells.items()}
    order = _ranked(errors, lambda error: f"{100 * error:.1f}", lowest_first=True)
    first = "The mean error of {name} is {value}" + f"{SPACE}percentage points"
    return _sentence(first, styles, order, "that of ")


def depth(task: TaskComparison, styles: Styles) -> str:
    """State up to which depth of nesting each network answers correctly."""
    evaluations = {name: one.evaluation for name, one in task.cells.items()}
    if not any(evaluation.by_depth for evaluation in evaluations.values()):
        return ""
    depths = {name: evaluation.depth(task.limit) for name, evaluation in evaluations.items()}
    limit = percent(task.limit)
    first = f"{{name}} reaches {limit} up to depth {{value}}"
    sentence = _sentence(first, styles, _ranked(depths, str))
    return sentence or f"No network reaches {limit} at any depth."


def loss(text: TextComparison, styles: Styles) -> str:
    """State which network has the lowest held-out loss, and with what confidence interval."""
    ranked = text.ranked
    if not ranked:
        return ""
    best = ranked[0]
    sentence = f"{styles[best.network.cell].name} needs {bits(best.validation_bits)} {BITS}"
    if len(ranked) > 1:
        second = ranked[1]
        difference = (second.validation_bits or 0) - (best.validation_bits or 0)
        sentence += f", {bits(difference)} fewer than {styles[second.network.cell].name}"
        sentence += _certainty(best, second)
    diverged = [name for name, cell in text.cells.items() if cell not in ranked]
    lost = f" {capital(_listed(diverged, styles))} diverged." if diverged else ""
    return f"{capital(sentence)}.{lost}"


def _certainty(best: CellResult, second: CellResult) -> str:
    """Return the interval of the difference, and whether the runs overlap."""
    interval = ""
    if second.behind is not None:
        low, high = bits(second.behind.low), bits(second.behind.high)
        interval = f" (95{SPACE}% interval {low} to {high})"
        if second.behind.low <= 0:
            return f"{interval}, which is not a significant difference"
    runs = [[run.validation_nats or math.inf for run in one.runs] for one in (best, second)]
    if min(map(len, runs)) > 1 and max(runs[0]) >= min(runs[1]):
        return f"{interval}, but runs with different seeds overlap"
    return interval


def training(text: TextComparison, styles: Styles) -> str:
    """State the training loss of each network at the end."""
    curves = {name: cell.runs[0].curve for name, cell in text.cells.items()}
    ends = {name: curve[-1][1] / math.log(2) for name, curve in curves.items() if curve}
    order = _ranked(ends, bits, lowest_first=True)
    first = "At the end, the training loss of {name} is {value} " + BITS
    return _sentence(first, styles, order, "that of ")


def context(text: TextComparison, styles: Styles) -> str:
    """State how many visible characters each network needs."""
    curves = {name: cell.diagnostics.context for name, cell in text.cells.items()}
    effective = {name: curve.effective for name, curve in curves.items()}
    first = f"{{name}} uses the last {{value}}{SPACE}characters"
    sentence = _sentence(first, styles, _ranked(effective, count))
    if len(curves) > 1 and len(set(effective.values())) == 1 and all(effective.values()):
        sentence = f"All networks use the last {characters(max(filter(None, effective.values())))}."
    unknown = [name for name, curve in curves.items() if curve.by_length and not curve.effective]
    if not unknown:
        return sentence
    longest = characters(max(curves[unknown[0]].by_length))
    who = capital(_listed(unknown, styles))
    return f"{sentence} {who} may use more than {longest}.".lstrip()


def gradient_flows(subject: TaskComparison | TextComparison) -> dict[str, GradientFlow]:
    """Return the gradient of each trained network for which it was measured."""
    if isinstance(subject, TextComparison):
        return {name: cell.diagnostics.gradient_after for name, cell in subject.cells.items()}
    flows = {name: result.gradient for name, result in subject.cells.items()}
    return {name: flow for name, flow in flows.items() if flow is not None}


def gradient(subject: TaskComparison | TextComparison, styles: Styles) -> str:
    """State which share of the gradient is left after 25, 50 and 100 characters.

    Each network has a sentence; the first one says what the numbers are.
    """
    flows = gradient_flows(subject)
    shortest = min((len(flow.share) for flow in flows.values()), default=0)
    lags = [lag for lag in LAGS if lag < shortest]
    left = {name: [flow.share[lag] for lag in lags] for name, flow in flows.items()}
    order = sorted(left, key=lambda name: left[name], reverse=True)
    reached = [name for name in order if any(left[name])]
    said = [
        _gradient_left(styles[name].name, lags, left[name], place == 0)
        for place, name in enumerate(reached)
    ]
    none = _listed([name for name in order if name not in reached], styles)
    if lags and none:
        said.append(f"In {none}, no gradient reaches that far back.")
    return " ".join(said)


def _gradient_left(name: str, lags: list[int], shares: list[float], is_first: bool) -> str:
    """State the shares at some lags; the first sentence is two if the later shares vanish."""
    less = f"less than {percent(MIN_SHARE)}"
    shown = [percent(share) if share >= MIN_SHARE else less for share in shares]
    seen = next((place for place, each in enumerate(shown) if each == less), len(shown))
    if not 0 < seen < len(shown) or set(shown[seen:]) != {less}:
        seen = len(shown)
    values = less if set(shown) == {less} else listing(shown[:seen])
    after = listing([str(lag) for lag in lags[:seen]])
    later = listing([str(lag) for lag in lags[seen:]])
    if is_first:
        sentence = f"After {after} characters, {name} has {values} of its gradient left."
        return f"{sentence} After {later} characters, it has {less}." if later else sentence
    if later:
        values = f"{values} after {after} characters, and {less} after {later}"
    return capital(f"{name} has {values}.")


def brackets(text: TextComparison, styles: Styles) -> str:
    """State the probability of the right closing mark at the largest distance."""
    found = {name: cell.diagnostics.bracket_matching for name, cell in text.cells.items()}
    low, high = max(
        ((one.nearest, one.farthest) for bins in found.values() for one in bins), default=(0, 0)
    )
    far = {
        name: one.probability.value
        for name, bins in found.items()
        for one in bins
        if one.nearest == low
    }
    first = f"{count(low)} to {characters(high)} after the opening mark, "
    return _sentence(
        first + "{name} gives the right mark a probability of {value}",
        styles,
        _ranked(far, percent),
    )


def spelling(text: TextComparison, styles: Styles) -> str:
    """State the probability with which each network spells the prompt."""
    cells = text.cells.items()
    chances = {name: cell.diagnostics.spelling_probability for name, cell in cells}
    first = "{name} completes the word with probability {value}"
    return _sentence(first, styles, _ranked(chances, percent), between="with ")


def writing(text: TextComparison, styles: Styles) -> str:
    """State the share of generated words that occur in the training text."""
    if not any(cell.writing.samples for cell in text.cells.values()):
        return ""
    known = {name: cell.writing.coherence.known_words for name, cell in text.cells.items()}
    first = "Share of generated words that occur in the training text: {name} {value}"
    return _sentence(first, styles, _ranked(known, percent)) or "No network generates words."


def kept_rhyme(text: TextComparison) -> dict[str, tuple[Interval, ...]]:
    """Return the share of words that rhyme, by distance, of each network and of the text."""
    kept = {name: cell.writing.coherence.kept_rhyme for name, cell in text.cells.items()}
    if any(kept.values()):
        kept = {**dict.fromkeys(TEXT, text.corpus.coherence.kept_rhyme), **kept}
    return {name: shares for name, shares in kept.items() if shares}


def rhyme(text: TextComparison, styles: Styles) -> str:
    """State how many words rhyme at the largest distance with enough words."""
    kept = kept_rhyme(text)
    shared = list(zip(*kept.values(), strict=False))
    enough = [place for place, at in enumerate(shared) if min(one.count for one in at) >= MIN_WORDS]
    place = enough[-1] if enough else 0
    shares = {name: values[place].value for name, values in kept.items()}
    distance = f"{place + 1} word{'s' if place else ''} after the first rhyme word of a line"
    first = f"Share of words that rhyme, {distance}: {{name}} {{value}}"
    return _sentence(first, {**styles, **TEXT}, _ranked(shares, percent))


def windows(text: TextComparison, styles: Styles) -> str:
    """State which window gives the lowest loss."""
    means = {one.bptt_length: one.mean_bits for one in text.windows if one.mean_bits is not None}
    if not means:
        return "All runs diverged." if text.windows else ""
    runs = {one.bptt_length: one.bits for one in text.windows}
    best = min(means, key=lambda length: means[length])
    close = [
        count(length) for length in means if length != best and min(runs[length]) <= max(runs[best])
    ]
    sentence = (
        f"{capital(styles[text.window_cell].name)} needs the fewest bits, {bits(means[best])}, "
        f"with a window of {characters(best)}"
    )
    return (
        f"{sentence}; its runs overlap with those of {listing(close)}." if close else f"{sentence}."
    )


def _listed(names: Iterable[str], styles: Styles) -> str:
    return listing([styles[name].name for name in names])


def _ranked(
    numbers: Mapping[str, Number | None],
    formatted: Callable[[Number], str],
    lowest_first: bool = False,
) -> dict[str, str]:
    """Format the numbers of the networks in their order, without those that have none."""
    found = {name: n for name, n in numbers.items() if n is not None and math.isfinite(n)}
    order = sorted(found.items(), key=lambda one: one[1], reverse=not lowest_first)
    return {name: formatted(number) for name, number in order}


def _sentence(
    first: str,
    styles: Styles,
    values: Mapping[str, str],
    before: str = "",
    between: str = "",
) -> str:
    """Return a sentence that lists a value for each network; empty without values.

    first: the wording for the first network, with {name} and {value}. The others follow as name
    and value, with a word `before` the name or `between` both.
    """
    parts: list[str] = []
    for name, value in values.items():
        wording = f"{before}{{name}} {between}{{value}}" if parts else first
        parts.append(wording.format(name=styles[name].name, value=value))
    if not parts:
        return ""
    among = "; ".join if any(" and " in value for value in values.values()) else listing
    return f"{capital(among(parts))}."
