"""What a memory task is, and what it makes: a line of text with marked answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random


@dataclass(frozen=True)
class Answer:
    """A place in a text where only what was told before can say how it goes on.

    at: where the answer begins, an index into the text.
    fact_end: where the last character of what tells it stands.
    choices: every answer that the task knows; no two begin with the same character.
    probabilities: of each choice, given everything before the answer.
    """

    at: int
    text: str
    fact_end: int
    choices: tuple[str, ...]
    probabilities: tuple[float, ...]

    @property
    def lag(self) -> int:
        """The number of characters between the fact and the answer."""
        return self.at - self.fact_end - 1

    @property
    def right(self) -> str:
        """The likeliest choice; the text may hold another one where chance has a say."""
        return self.choices[self.probabilities.index(max(self.probabilities))]


@dataclass(frozen=True)
class Episode:
    """One line of text, without its newline, and its answers from left to right.

    depth: how many brackets open and close again between the fact and the answer.
    """

    text: str
    answers: tuple[Answer, ...]
    depth: int = 0

    @property
    def answer(self) -> Answer:
        """The last answer, the one whose lag was asked for."""
        return self.answers[-1]


@dataclass(frozen=True)
class Task:
    """A kind of text that cannot be continued without memory.

    summary: one sentence for people, what the task shows.
    announcement: what stands before every answer, and nowhere else in the text.
    least_lag: the shortest lag that an episode can have; every longer one can be had too.
    chance: the share of right answers that the best guess has without the fact.
    episode: makes one from a generator and a lag of at least `least_lag`.
    settings: where the fact leaves the answer open, each kind of fact by name, with the
    probabilities of the choices that it leads to.
    """

    name: str
    summary: str
    choices: tuple[str, ...]
    announcement: str
    least_lag: int
    chance: float
    episode: Callable[[Random, int], Episode]
    settings: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


def certain(choices: tuple[str, ...], right: str) -> tuple[float, ...]:
    """The probabilities of the choices where the text leaves no doubt."""
    return tuple(float(choice == right) for choice in choices)
