"""Traces on a terminal: one row per character of one text, or of two texts next to each other."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from chargen.cli.display import colour_depth, probability_colours, wrapped
from chargen.cli.heat_map import HeatMap, label_width
from chargen.evaluation.inspection import InspectionSettings
from chargen.text.display import plural, visible_character

if TYPE_CHECKING:
    from chargen.evaluation.trace import Floats, Trace, Tracer

MAX_ROWS, MAX_ENDS = 200, 20  # all rows of a text, or the first and the last ones


def print_map(tracer: Tracer, text: str, settings: InspectionSettings, width: int) -> None:
    """Print a row for each character of a text, or the first and last rows and the means."""
    from chargen.evaluation.trace import shown_arrays

    layer = settings.shown_layer(tracer.config)
    names = (*shown_arrays(tracer.cell), *(("moved",) if _holds(settings) else ()))
    table = HeatMap(
        names,
        (label_width(text),),
        len(str(len(text) - 1)),
        width,
        colour_depth(sys.stdout),
        bar=_bar(tracer, settings),
    )
    print(table.head())
    ends = MAX_ENDS if len(text) > MAX_ROWS else len(text)
    total, at = [0.0] * len(names), 0
    last: deque[tuple[Trace, int, int, Floats]] = deque(maxlen=min(ends, len(text) - ends))
    for part, values in _values(tracer, text, settings):
        sums = abs(values).sum(0).tolist()
        total = [one + other for one, other in zip(total, sums, strict=True)]
        for t in range(len(part.text)):
            if at + t < ends:
                print(_row(table, part, t, at + t, values))
            else:
                last.append((part, t, at + t, values))
        at += len(part.text)
        if ends < len(text) and sys.stderr.isatty():
            print(f"\r{at:,} of {len(text):,} characters", end="", file=sys.stderr, flush=True)
    if ends < len(text):
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
        print("...")
        for part, t, place, values in last:
            print(_row(table, part, t, place, values))
        print(table.row("", ("\u00d8",), [each / len(text) for each in total]))
    _print_wrapped(_legend(tracer, settings, layer, table), width)
    print_colours(table.depth, width)
    lines = []
    if ends < len(text):
        lines.append(f"\u00d8: means of absolute values over all {len(text):,} characters")
    _print_wrapped([*lines, *held_lines(tracer, settings)], width)


def print_colours(depth: int, width: int) -> None:
    """Print what the colours of the most likely characters mean, if there are colours."""
    if not depth:
        return
    line = "  probability:"
    room = width - len(line)
    for shown, columns in probability_colours():
        if columns + 1 > room:
            print(line)
            line, room = "   ", width - len("   ")
        line, room = f"{line} {shown}", room - columns - 1
    print(line)


def _row(table: HeatMap, part: Trace, t: int, place: int, values: Floats) -> str:
    shown = (visible_character(part.text[t]),)
    return table.row(str(place), shown, values[t].tolist(), part.next_characters(t))


def _values(
    tracer: Tracer, text: str, settings: InspectionSettings
) -> Iterator[tuple[Trace, Floats]]:
    """Yield parts of the trace and the numbers of their rows [T, names].

    If gates are held, the last number is how far that moves the prediction.
    """
    import numpy as np

    from chargen.evaluation.trace_distance import prediction_distance

    plain = tracer.chunks(text) if _holds(settings) else None
    for part in tracer.chunks(text, settings):
        columns = list(part.shown.values())
        if plain is not None:
            columns.append(prediction_distance(part, next(plain)))
        yield part, np.stack(columns, 1)


def _bar(tracer: Tracer, settings: InspectionSettings) -> str:
    """Return the name of the array of a unit that is drawn as a bar: its memory or its output."""
    return "" if settings.unit is None else tracer.cell.memory


def _legend(tracer: Tracer, settings: InspectionSettings, layer: int, table: HeatMap) -> list[str]:
    config = tracer.config
    shown = (
        f"layer {layer} ({config.num_layers} layers, numbered from 0), "
        if config.num_layers > 1
        else ""
    )
    if settings.unit is None:
        what = f"means of absolute values over {plural(config.hidden_size, 'unit')}"
    else:
        what = f"unit {settings.unit}"
        if table.bar_columns:
            what += f"; the bar shows {_bar(tracer, settings)} from -1 to 1"
        what += "" if table.signed else "; the columns show absolute values"
    words = {
        **tracer.cell.gates,
        "c": "long-term memory (cell state)",
        "kept": "what remains of the old memory",
        "written": "what is added to the memory",
        "h": "short-term memory (hidden state), the output",
        "used": "the output; this network has no memory",
        "moved": "change of the prediction by the held gates (total variation distance)",
    }
    return [
        f"{config.cell}, {shown}{what}",
        "; ".join(
            f"{heading}: {words[name]}"
            for name, heading in zip(table.names, table.headings, strict=True)
        ),
        "next: the most likely next characters and their probabilities",
    ]


def held_lines(tracer: Tracer, settings: InspectionSettings) -> list[str]:
    """Return a line for each gate that is held."""
    where = "all layers" if settings.layer is None else f"layer {settings.layer}"
    who = "all units" if settings.unit is None else f"unit {settings.unit}"
    return [
        f"held: {tracer.cell.gates[letter]} = {value:g} from character {settings.start:,} on,"
        f" {who}, {where}"
        for letter, value in settings.held_gates(tracer.config).items()
    ]


def print_versus(
    tracer: Tracer, texts: tuple[str, str], settings: InspectionSettings, width: int
) -> None:
    """Print two texts of the same length, and how far their states and predictions differ."""
    from chargen.evaluation.trace_distance import prediction_distance, state_distance

    text, other = texts
    one, two = (tracer.trace(each, settings) for each in texts)
    layer = settings.shown_layer(tracer.config)
    states = state_distance(one, two, one.memory, layer=layer, unit=settings.unit)
    predictions = prediction_distance(one, two)
    length = len(text)
    table = HeatMap(
        ("state", "moved"),
        (label_width(text), label_width(other)),
        len(str(length - 1)),
        width,
        colour_depth(sys.stdout),
    )
    print(table.head(("1", "2")))
    ends = MAX_ENDS if length > MAX_ROWS else length
    for t in range(length):
        if ends <= t < length - ends:
            continue
        if t == length - ends and ends < length:
            print("...")
        shown = visible_character(text[t]), visible_character(other[t])
        values = (float(states[t]), float(predictions[t]))
        likely = one.next_characters(t, 3), two.next_characters(t, 3)
        print(table.row(str(t), shown, values, *likely))
    parted = next((t for t in range(length) if text[t] != other[t]), None)
    state, moved = table.headings
    lines = [
        "1, 2: the first and the second text",
        f"{state}: root mean square difference of {one.memory}, layer {layer}",
        f"{moved}: how much the prediction changes (total variation distance)",
        "next: the most likely next characters in each text and their probabilities",
    ]
    _print_wrapped(lines, width)
    print_colours(table.depth, width)
    lines = []
    if parted is None:
        lines.append("no character differs")
    else:
        lines.append(
            f"the texts first differ at character {parted:,}; the predictions differ most after"
            f" character {int(predictions.argmax()):,} ({predictions.max():.2f})"
        )
    _print_wrapped([*lines, *held_lines(tracer, settings)], width)


def _holds(settings: InspectionSettings) -> bool:
    return bool(settings.close or settings.open)


def _print_wrapped(lines: Sequence[str], width: int) -> None:
    for line in lines:
        for part in wrapped(line, width, "  "):
            print(part)
