"""Nesting: four kinds of brackets, one inside the other, each closed by its own kind."""

from __future__ import annotations

from itertools import pairwise
from random import Random

from chargen.tasks.episode import Answer, Episode, Task, certain
from chargen.tasks.filler import SHORTEST, fill

BRACKETS = (("(", ")"), ("[", "]"), ("{", "}"), ("<", ">"))
CLOSING = tuple(closing for _, closing in BRACKETS)
ANNOUNCEMENT = "end"
MAX_DEPTH = 3

_MIN_LAG = SHORTEST + len(ANNOUNCEMENT)
# The length that an inner bracket adds: itself, its announcement, a space, and two fillers.
_FRAME = len("[end] ")
_INNER = _FRAME + 2 * SHORTEST


def episode(random: Random, lag: int) -> Episode:
    """Draw an episode such as `(we sang. [a cup fell. end] soup again. end)`."""
    depth = random.randint(0, min(MAX_DEPTH, (lag - _MIN_LAG) // _INNER))
    length = lag - len(ANNOUNCEMENT) - depth * _FRAME
    fillers = [fill(random, part) for part in _split(random, length, 2 * depth + 1)]
    # The brackets are drawn after the filler, so that the filler cannot depend on them.
    brackets = [random.choice(BRACKETS) for _ in range(depth + 1)]

    text = ""
    opened = []
    for (opening, _), filler in zip(brackets, fillers[: depth + 1], strict=True):
        opened.append(len(text))
        text += opening + filler
    answers = []
    for (_, closing), filler in zip(reversed(brackets), [*fillers[depth + 1 :], ""], strict=True):
        text += ANNOUNCEMENT
        answers.append(Answer(len(text), closing, opened.pop(), CLOSING, certain(CLOSING, closing)))
        text += f"{closing} {filler}" if filler else closing
    return Episode(text, tuple(answers), depth)


def _split(random: Random, length: int, count: int) -> list[int]:
    """Split a length into `count` lengths that can be filled."""
    spare = length - count * SHORTEST
    cuts = sorted(random.randint(0, spare) for _ in range(count - 1))
    return [SHORTEST + b - a for a, b in pairwise([0, *cuts, spare])]


TASK = Task(
    name="nesting",
    summary="A bracket is closed by its own kind, after any number of other pairs inside it.",
    choices=CLOSING,
    announcement=ANNOUNCEMENT,
    min_lag=_MIN_LAG,
    chance=1 / len(CLOSING),
    training_characters=2_250_000,
    episode=episode,
)
