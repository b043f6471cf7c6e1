"""Units that follow a feature of the text: a table, and the text in the colours of the best."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from chargen.cli.display import shaded, wrapped
from chargen.cli.heat_map import level, number
from chargen.text.display import text_width, visible_character

if TYPE_CHECKING:
    from chargen.evaluation.trace import Floats
    from chargen.evaluation.unit_features import UnitFeature

NUM_COLOURED = 3
_COLOURED_LENGTH = 240
_MIN_TABLE = 72


def table(found: Sequence[UnitFeature], num_units: int, width: int) -> Iterator[str]:
    """Yield a row for each confirmed feature, or a sentence if the width is too small for a table.

    The other features are only named.
    """
    wide = width >= _MIN_TABLE
    confirmed = [each for each in found if each.is_confirmed]
    if wide and confirmed:
        yield f"{'feature':34}{'layer':>6}{'unit':>7}{'found':>7}{'confirmed':>11}{'chance':>8}"
    for each in confirmed:
        numbers = number(each.found), number(each.confirmed), number(each.chance)
        if wide:
            yield (
                f"{each.feature:34}{each.layer:>6}{each.unit:>7}"
                f"{numbers[0]:>7}{numbers[1]:>11}{numbers[2]:>8}"
            )
        else:
            text = (
                f"{each.feature}: layer {each.layer}, unit {each.unit}, found {numbers[0]},"
                f" confirmed {numbers[1]}, chance {numbers[2]}"
            )
            yield from wrapped(text, width, "  ")
    others = [each.feature for each in found if not each.is_confirmed]
    if others:
        text = f"not confirmed, no better than chance: {', '.join(others)}"
        yield from wrapped(text, width, "  ")
    text = (
        f"found: the strongest correlation among {num_units:,} units on the first half of the text;"
        " confirmed: the correlation of the same unit on the second half; chance: the strongest"
        " correlation of any unit when the feature is shifted along the text"
    )
    yield from wrapped(text, width, "  ")


def coloured_text(text: str, values: Floats, width: int, depth: int) -> Iterator[str]:
    """Yield lines of a text in the colours of a unit's values [T], or with the levels below.

    The lowest value of the text is 0, the highest is 1. Only the start of the text is shown.
    """
    low, high = float(values.min()), float(values.max())
    shares = ((values - low) / ((high - low) or 1.0)).tolist()
    line, below, room = "", "", width
    for character, share in zip(text[:_COLOURED_LENGTH], shares, strict=False):
        shown = visible_character(character, space=" ")
        columns = text_width(shown)
        if columns > room:
            yield from filter(None, (line, below))
            line, below, room = "", "", width
        line, room = line + shaded(shown, share, depth), room - columns
        below += "" if depth else level(share) * columns
        if character == "\n":
            yield from filter(None, (line, below))
            line, below, room = "", "", width
    yield from filter(None, (line, below))
