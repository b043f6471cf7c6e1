"""Recall: the weather of the first day, asked for after many other days."""

from __future__ import annotations

from random import Random

from chargen.tasks.episode import Answer, Episode, Task, certain
from chargen.tasks.filler import SHORTEST, fill

WEATHER = ("rain", "snow", "fog", "wind", "hail", "thunder")
ANNOUNCEMENT = "day 1, "

_STOP = ". "
# A short lag has no room for a second day, nor for every word of what follows it.
_LEADS = ("as on day 1, ", "on day 1, ", ANNOUNCEMENT)
_DAY_LENGTHS = (12, 48)
_LEAST_DAY = 18  # with less to fill, all episodes of a lag would be nearly the same


def episode(random: Random, lag: int) -> Episode:
    """Make one such as `day 1: rain. we sang. day 2: a cup fell. day 3: as on day 1, rain.`."""
    between = _between(random, lag)
    # Drawn after the distraction, which therefore cannot tell it.
    weather = random.choice(WEATHER)
    told = f"day 1: {weather}"
    answer = Answer(
        at=len(told) + lag,
        text=weather,
        fact_end=len(told) - 1,
        choices=WEATHER,
        probabilities=certain(WEATHER, weather),
    )
    return Episode(f"{told}{between}{weather}.", (answer,))


def _between(random: Random, lag: int) -> str:
    """What stands between the two mentions of the weather."""
    length = lag - len(_STOP)
    in_days = length - len(_LEADS[0])
    if in_days >= _LEAST_DAY + len(_heading(2)):
        return _STOP + _days(random, in_days) + _LEADS[0]
    # Any that fits: with the longest alone a lag of 25 would have four fillings.
    lead = random.choice([words for words in _LEADS if length - len(words) >= SHORTEST])
    return _STOP + fill(random, length - len(lead)) + lead


def _days(random: Random, length: int) -> str:
    """What people did from the first day on, up to the heading of the last one."""
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


RECALL = Task(
    name="recall",
    summary="the weather of the first day comes back after many days of something else",
    choices=WEATHER,
    announcement=ANNOUNCEMENT,
    least_lag=len(_STOP) + SHORTEST + len(ANNOUNCEMENT),
    chance=1 / len(WEATHER),
    episode=episode,
)
