"""The saliency of a prediction as rows of text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from chargen.cli.heat_map import label_width, number, signed_bar
from chargen.text.display import bar, text_width, visible_character

if TYPE_CHECKING:
    from chargen.evaluation.saliency import Saliency

_MAX_BAR, _MIN_BAR = 21, 3


def rows(found: Saliency, width: int) -> Iterator[str]:
    """Yield a row for each character, and what the numbers mean."""
    from chargen.evaluation.saliency import MAX_CHARACTERS, NUM_REPLACEMENTS

    label, last = label_width(found.text), found.first + len(found.text) - 1
    places = len(str(last))
    scale = float(abs(found.change).max()) or 1.0
    largest = float(found.gradient.max()) or 1.0
    room = (width - places - label - 2 - 12) // 2
    room = min(_MAX_BAR, room - 1 + room % 2)
    if room < _MIN_BAR:  # the numbers alone
        room = 0
    gradient = "gradient" if room > _MIN_BAR else "grad"
    yield f"{'':{places + label + 2}}{'change':<{room + 7}}{gradient}"
    for t, character in enumerate(found.text):
        shown = visible_character(character)
        change, share = float(found.change[t]), float(found.gradient[t]) / largest
        left = f"{found.first + t:>{places}} {shown}{'':{label - text_width(shown) + 1}}"
        bars = (signed_bar(change / scale, room), bar(share, room)) if room else ("", "")
        yield f"{left}{number(change):>4} {bars[0]:2} {number(share):>4} {bars[1]}".rstrip()
    target = visible_character(found.target)
    lines = [
        f"prediction after character {last:,}: {target} with probability {found.probability:.2f}",
        (
            f"change: mean drop in the log-probability of {target} (nats) when the character is"
            f" replaced by each of the {NUM_REPLACEMENTS} most likely alternatives"
        ),
        "gradient: its norm with respect to the character's input, relative to the largest",
    ]
    if found.first:
        lines.append(f"only the last {MAX_CHARACTERS} characters before the prediction are shown")
    for line in lines:
        yield from textwrap.wrap(line, width, subsequent_indent="  ")


def record(found: Saliency) -> dict[str, Any]:
    """Return the saliency as a JSON object."""
    each = zip(found.text, found.change.tolist(), found.gradient.tolist(), strict=True)
    return {
        "after": found.first + len(found.text) - 1,
        "target": found.target,
        "probability": found.probability,
        "each": [
            {"place": found.first + t, "character": c, "change": change, "gradient": gradient}
            for t, (c, change, gradient) in enumerate(each)
        ],
    }
