"""Whether a model still knows what it opened: the probability it gives to each closer."""

from __future__ import annotations

import re
from collections import defaultdict

import numpy as np
import numpy.typing as npt

from chargen.evaluation.intervals import bootstrap
from chargen.records import Interval

LEAST_CLOSERS = 20

# What each opener is closed by. The apostrophe stands in too many words to be a quote, and an
# English closing quote is a German opener's closer and an opener of nothing.
_CLOSES = {
    "(": ")",
    "[": "]",
    "{": "}",
    "<": ">",
    '"': '"',
    "“": "”",
    "„": "“”",
    "«": "»",
    "»": "«",
    "「": "」",
    "『": "』",
    "《": "》",
    "\uff08": "\uff09",  # those of full width
}
_MARKS = re.compile("[" + re.escape("".join({*"".join(_CLOSES), *"".join(_CLOSES.values())})) + "]")
_EMPTY_LINE = re.compile(r"\n[^\S\n]*(?=\n)")
_LINE_END = re.compile(r"\n")


def openers(text: str) -> list[tuple[int, int | None]]:
    """Where each quote or bracket of one paragraph opens and where it closes, None for nowhere.

    A mark that closes something open closes the last one of its kind, and what was opened inside
    and is open still stays so for ever; any other opens, or is passed over if it cannot.
    """
    found: list[tuple[int, int | None]] = []
    stack: list[int] = []  # places in `found`, of those still open
    for mark in _MARKS.finditer(text):
        fits = [k for k, place in enumerate(stack) if mark[0] in _CLOSES[text[found[place][0]]]]
        if fits:
            place = stack[fits[-1]]
            found[place] = (found[place][0], mark.start())
            del stack[fits[-1] :]
        elif mark[0] in _CLOSES:
            stack.append(len(found))
            found.append((mark.start(), None))
    return found


def closers(
    text: str, probabilities: npt.ArrayLike, *, seed: int = 0
) -> dict[tuple[int, int], Interval]:
    """The mean probability of the right closer at its place, by the distance to its opener.

    probabilities: [len(text)], of each character in its place. Distances are in characters, 1
    for "()", and stand in bins (1, 2), (3, 4), (5, 8), (9, 16) ...; one with fewer than 20
    closers is left out. Nothing is matched across the end of a paragraph: an empty line, or in a
    text that has none every line's end.
    Source: Karpathy, Johnson and Fei-Fei 2015.
    """
    chances = np.asarray(probabilities, np.float64)
    assert chances.shape == (len(text),)
    bins: dict[tuple[int, int], list[int]] = defaultdict(list)
    for start, stop in _paragraphs(text):
        for opened, closed in openers(text[start:stop]):
            if closed is not None:
                bins[_bin(closed - opened)].append(start + closed)
    return {
        distances: bootstrap(chances[places], seed=seed)
        for distances, places in sorted(bins.items())
        if len(places) >= LEAST_CLOSERS
    }


def _paragraphs(text: str) -> list[tuple[int, int]]:
    border = _EMPTY_LINE if _EMPTY_LINE.search(text) else _LINE_END
    cuts = [mark.end() for mark in border.finditer(text)]
    return list(zip([0, *cuts], [*cuts, len(text)], strict=True))


def _bin(distance: int) -> tuple[int, int]:
    high = max(2, 1 << (distance - 1).bit_length())
    return (1, 2) if high == 2 else (high // 2 + 1, high)
