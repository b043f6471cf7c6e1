"""Recall: the weather of the first day, repeated after many other days."""

from __future__ import annotations

from random import Random

from chargen.tasks.episode import Answer, Episode, Task, certain
from chargen.tasks.filler import SHORTEST, fill

WEATHER = ("rain", "snow", "fog", "wind", "hail", "thunder")
ANNOUNCEMENT = "day 1, "

_STOP = ". "
# A short lag has no room for a second day or for all words that introduce the answer.
_INTRODUCTIONS = ("as on day 1, ", "on day 1, ", ANNOUNCEMENT)
_DAY_LENGTHS = (12, 48)
_MIN_DAY = 18  # with less to fill, all episodes of a lag would be nearly the same


def episode(random: Random, lag: int) -> Episode:
    """Draw text such as `day 1: rain. we sang. day 2: a cup fell. day 3: as on day 1, rain.`."""
    filler = _filler(random, lag)
    # The weather is drawn after the filler, so that the filler cannot depend on it.
    weather = random.choice(WEATHER)
    fact = f"day 1: {weather}"
    answer = Answer(
        at=len(fact) + lag,
        text=weather,
        fact_end=len(fact) - 1,
        choices=WEATHER,
        probabilities=certain(WEATHER, weather),
    )
    return Episode(f"{fact}{filler}{weather}.", (answer,))


def _filler(random: Random, lag: int) -> str:
    """Draw the text between the two mentions of the weather."""
    length = lag - len(_STOP)
    in_days = length - len(_INTRODUCTIONS[0])
    if in_days >= _MIN_DAY + len(_heading(2)):
        return _STOP + _days(random, in_days) + _INTRODUCTIONS[0]
    # Any heading that fits: with only the longest one, a lag of 25 would have four fillers.
    fitting = [words for words in _INTRODUCTIONS if length - len(words) >= SHORTEST]
    introduction = random.choice(fitting)
    return _STOP + fill(random, length - len(introduction)) + introduction


def _days(random: Random, length: int) -> str:
    """Draw the events from the first day to the heading of the last one."""
    text = ""
    day = 2
    while True:
        length -= len(_heading(day))
        spent = random.randint(*_DAY_LENGTHS)
        if length - spent < SHORTEST + len(_heading(day + 1)):
            return text + fill(random, length) + _heading(day)
        text += fill(random, spent) + _heading(day)
        length -= spent
        day += 1


def _heading(day: int) -> str:
    return f"day {day}: "


TASK = Task(
    name="recall",
    summary="The weather of the first day is repeated after many other days.",
    choices=WEATHER,
    announcement=ANNOUNCEMENT,
    min_lag=len(_STOP) + SHORTEST + len(ANNOUNCEMENT),
    chance=1 / len(WEATHER),
    training_characters=2_250_000,
    episode=episode,
    example_lag=110,
    is_good_example=lambda drawn: "day 5: as on" in drawn.text,
)
