"""Whether a model closes the brackets and quotation marks that it has read."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from chargen.evaluation.intervals import bootstrap
from chargen.evaluation.records import BracketBin

MIN_PAIRS = 20

# The closing marks of each opening mark. The apostrophe is left out because it occurs within
# words. An English closing quotation mark also closes a German one, but does not open one.
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
    "\uff08": "\uff09",  # full-width parentheses
}
_MARKS = re.compile("[" + re.escape("".join({*"".join(_CLOSES), *"".join(_CLOSES.values())})) + "]")
# The groups make `split` return the borders too. U+001E ends a document.
_PARAGRAPH_END = re.compile(r"(\n[^\S\n]*(?=\n)|\x1e)")
_LINE_END = re.compile(r"(\n)")


def match_brackets(text: str) -> list[tuple[int, int | None]]:
    """Return the places of each opening mark and its closing mark, or None.

    text: one paragraph. A mark that can close an open one closes the last of its kind; marks
    opened inside that pair stay unclosed. Any other mark opens a pair if it can, or is ignored.
    """
    found: list[tuple[int, int | None]] = []
    stack: list[int] = []  # indices in `found` of the marks that are still open
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


def matched_marks(text: str) -> Iterator[tuple[int, int]]:
    """Yield the places of each opening mark and its closing mark.

    Marks are matched within paragraphs, which end at an empty line or at the end of a document; in
    a text with neither, within lines.
    """
    start = 0
    end = _PARAGRAPH_END if _PARAGRAPH_END.search(text) else _LINE_END
    for paragraph in end.split(text):
        for opened, closed in match_brackets(paragraph):
            if closed is not None:
                yield start + opened, start + closed
        start += len(paragraph)


def bracket_matching(
    text: str, probabilities: npt.ArrayLike, *, seed: int = 0
) -> tuple[BracketBin, ...]:
    """Average the probability of the right closing mark, by the distance to its opening mark.

    probabilities: [len(text)], of each character. Distances are in characters, 1 for "()", in
    bins 1-2, 3-4, 5-8, 9-16 and so on; bins with fewer than 20 pairs are left out.
    Source: Karpathy, Johnson and Fei-Fei 2015.
    """
    values = np.asarray(probabilities, np.float64)
    assert values.shape == (len(text),)
    bins: dict[int, list[int]] = defaultdict(list)  # by the logarithm of the largest distance
    for opened, closed in matched_marks(text):
        bins[max(1, (closed - opened - 1).bit_length())].append(closed)
    return tuple(
        BracketBin(2 ** (k - 1) + 1 if k > 1 else 1, 2**k, bootstrap(values[places], seed=seed))
        for k, places in sorted(bins.items())
        if len(places) >= MIN_PAIRS
    )
