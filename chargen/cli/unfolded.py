"""A recurrent network as a drawing: folded, with its loop, and unfolded over a text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from chargen.cli.heat_map import number
from chargen.text.display import text_width, visible_character

if TYPE_CHECKING:
    from chargen.evaluation.trace import Trace
    from chargen.model.cells.cell import Cell
    from chargen.model.config import ModelConfig

_BOX, _ARROW, _GAP = 7, 4, 2
_LABEL = 11  # columns of the name of a folded network


def folded(config: ModelConfig, cell: Cell) -> Iterator[str]:
    """Yield the lines of the network with a loop at each layer that carries a state."""
    state = " ".join(cell.state)
    label = cell.label if len(cell.label) <= _LABEL else cell.name
    yield "  prediction"
    for k in reversed(range(config.num_layers)):
        yield "      \u2191"
        yield "\u250c\u2500\u2500\u2500\u2500\u2500\u2534\u2500\u2500\u2500\u2500\u2500\u2510"
        if cell.recurrent:
            yield f"\u2502{f'layer {k}':^11}\u251c\u2500\u2500\u2510"
            yield f"\u2502{label:^11}\u2502  \u2502 {state}"
            yield f"\u2502{config.hidden_size:^11,}\u2502\u2190\u2500\u2518"
        else:
            yield f"\u2502{f'layer {k}':^11}\u2502"
            yield f"\u2502{label:^11}\u2502"
            yield f"\u2502{config.hidden_size:^11,}\u2502"
        yield "\u2514\u2500\u2500\u2500\u2500\u2500\u252c\u2500\u2500\u2500\u2500\u2500\u2518"
    yield "      \u2191"
    yield "  character"


def folded_caption(cell: Cell) -> str:
    """Return what the loop carries."""
    if not cell.recurrent:
        return "no loop: nothing is carried from one character to the next"
    return f"folded: the loop carries {' and '.join(cell.state)} from one character to the next"


def unfolded(trace: Trace, width: int) -> Iterator[str]:
    """Yield the lines of a copy of the network for each character, in rows that fit the width.

    A box has the mean absolute value of the memory; below it is the character that is read, above
    it the most likely next one.
    """
    step = _BOX + _ARROW
    count = max(1, (width - _ARROW) // step)
    carried = trace.memory != "used"
    arrow = "\u2500" * (_ARROW - 1) + "\u2192" if carried else " " * _ARROW
    length = len(trace.text)
    for first in range(0, length, count):
        places = range(first, min(first + count, length))
        pad = " " * _ARROW
        likely = [trace.next_characters(t, 1)[0] for t in places]
        yield _line(pad, [f"{visible_character(c)} {number(p)}" for c, p in likely])
        for layer in reversed(trace.layers):
            top = "\u250c\u2500\u2500\u2534\u2500\u2500\u2510"
            bottom = "\u2514\u2500\u2500\u252c\u2500\u2500\u2518"
            yield _line(pad, ["\u2191"] * len(places))
            yield _line(pad, [top] * len(places))
            means = [float(abs(layer[trace.memory][t]).mean()) for t in places]
            name = trace.memory if carried else ""
            boxes = [f"\u2502{f'{name} {number(mean)}'.strip():^5}\u2502" for mean in means]
            end = arrow if carried and places[-1] + 1 < length else ""
            yield (arrow + arrow.join(boxes) + end)[:width].rstrip()
            yield _line(pad, [bottom] * len(places))
        yield _line(pad, ["\u2191"] * len(places))
        yield _line(pad, [visible_character(trace.text[t]) for t in places])
        if places[-1] + 1 < length:
            yield ""


def unfolded_caption(trace: Trace) -> str:
    """Return what the arrows and the numbers in the boxes are."""
    if trace.memory != "used":
        names = " and ".join(trace.states_before[0])
        text = f"unfolded: each arrow carries {names} to the next copy"
    else:
        text = "unfolded: no arrow between the copies; each sees only its own character"
    return f"{text}; in a box: mean |{trace.memory}|"


def side_by_side(left: Sequence[str], right: Sequence[str]) -> list[str]:
    """Return the lines of two drawings next to each other, centred on the same line."""
    width = max(map(text_width, left)) + _GAP
    top = (len(left) - len(right)) // 2
    rows = [""] * top + list(right) + [""] * (len(left) - len(right) - top)
    return [
        (one + " " * (width - text_width(one)) + other).rstrip()
        for one, other in zip_longest(left, rows, fillvalue="")
    ]


def _line(pad: str, cells: list[str]) -> str:
    """Join cells that are centred above each other."""
    padded = []
    for cell in cells:
        left = (_BOX - text_width(cell)) // 2
        padded.append(" " * left + cell + " " * (_BOX - text_width(cell) - left))
    return (pad + pad.join(padded)).rstrip()
