"""Nesting: brackets of four kinds, one within the other, each closed by its own kind."""

from __future__ import annotations

from itertools import pairwise
from random import Random

from chargen.tasks.episode import Answer, Episode, Task, certain
from chargen.tasks.filler import SHORTEST, fill

BRACKETS = (("(", ")"), ("[", "]"), ("{", "}"), ("<", ">"))
CLOSERS = tuple(closer for _, closer in BRACKETS)
ANNOUNCEMENT = "end"
DEEPEST = 3

_LEAST_LAG = SHORTEST + len(ANNOUNCEMENT)
# What a bracket within another adds: itself, its announcement, a space, and two distractions.
_FRAME = len("[end] ")
_INNER = _FRAME + 2 * SHORTEST


def episode(random: Random, lag: int) -> Episode:
    """Make one such as `(we sang. [a cup fell. end] soup again. end)`."""
    depth = random.randint(0, min(DEEPEST, (lag - _LEAST_LAG) // _INNER))
    room = lag - len(ANNOUNCEMENT) - depth * _FRAME
    fills = [fill(random, part) for part in _parts(random, room, 2 * depth + 1)]
    # Drawn after the distraction, which therefore cannot tell them.
    brackets = [random.choice(BRACKETS) for _ in range(depth + 1)]

    text = ""
    open_at = []
    for (opener, _), words in zip(brackets, fills[: depth + 1], strict=True):
        open_at.append(len(text))
        text += opener + words
    answers = []
    for (_, closer), words in zip(reversed(brackets), [*fills[depth + 1 :], ""], strict=True):
        text += ANNOUNCEMENT
        answers.append(Answer(len(text), closer, open_at.pop(), CLOSERS, certain(CLOSERS, closer)))
        text += f"{closer} {words}" if words else closer
    return Episode(text, tuple(answers), depth)


def _parts(random: Random, length: int, count: int) -> list[int]:
    """Lengths that can be filled, as many as asked for, adding up to the whole."""
    spare = length - count * SHORTEST
    cuts = sorted(random.randint(0, spare) for _ in range(count - 1))
    return [SHORTEST + b - a for a, b in pairwise([0, *cuts, spare])]


NESTING = Task(
    name="nesting",
    summary="a bracket closes as it was opened, however many came and went within it",
    choices=CLOSERS,
    announcement=ANNOUNCEMENT,
    least_lag=_LEAST_LAG,
    chance=1 / len(CLOSERS),
    episode=episode,
)
