"""A memory task and its episodes: lines of text with marked answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from random import Random

from chargen.errors import OptionError

MAX_LAG = 3_200


@dataclass(frozen=True)
class Answer:
    """A place in a text where only an earlier fact determines what follows.

    at: index of the first character of the answer. fact_end: index of the last character of the
    fact. choices: all answers of the task, with different first characters.
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
        """The most likely choice; the text can contain another one unless this one is certain."""
        return self.choices[self.probabilities.index(max(self.probabilities))]


@dataclass(frozen=True)
class Episode:
    """One line of text without its newline, and its answers from left to right.

    depth: the number of brackets that open and close between the fact and the answer.
    """

    text: str
    answers: tuple[Answer, ...]
    depth: int = 0

    @property
    def answer(self) -> Answer:
        """The last answer, which has the requested lag."""
        return self.answers[-1]


@dataclass(frozen=True, eq=False)
class Task:
    """A kind of text that cannot be predicted without memory.

    summary: one sentence about what the task shows. announcement: the text before every answer,
    which occurs nowhere else. min_lag: the shortest lag; every longer one is possible.
    chance: the accuracy of the best guess without the fact.
    training_characters: the number of characters from which 100,000 parameters learn the task.
    episode: draws an episode with a lag of at least `min_lag`.
    example_lag, is_good_example: select the episode that is shown to readers.
    settings: if the fact leaves the answer open, the probabilities of the choices by kind of
    fact.
    """

    name: str
    summary: str
    choices: tuple[str, ...]
    announcement: str
    min_lag: int
    chance: float
    training_characters: int
    episode: Callable[[Random, int], Episode]
    example_lag: int = 60
    is_good_example: Callable[[Episode], bool] = lambda _: True
    settings: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def check_lags(self, lags: Iterable[int]) -> None:
        """Raise OptionError if an episode cannot have one of the lags."""
        for lag in lags:
            if not self.min_lag <= lag <= MAX_LAG:
                allowed = f"between {self.min_lag} and {MAX_LAG:,} for {self.name}"
                raise OptionError("lags", lag, allowed)


def certain(choices: tuple[str, ...], right: str) -> tuple[float, ...]:
    """Return the probabilities of the choices if one of them is certain."""
    return tuple(float(choice == right) for choice in choices)
