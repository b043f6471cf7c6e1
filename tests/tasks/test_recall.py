"""Recall tells the weather once and counts the days."""

import re

import pytest

from chargen.tasks.recall import WEATHER
from chargen.tasks.table import TASKS, episodes

RECALL = TASKS["recall"]


@pytest.mark.parametrize("lag", [40, 41, 50, 100, 200, 3_200])
def test_days_are_counted(lag: int) -> None:
    """From lag 40 on, days 2, 3 ... follow the first without a gap, the last one as on day 1."""
    for episode in episodes(RECALL, 30, [lag], seed=0):
        days = [int(day) for day in re.findall(r"day (\d+): ", episode.text)]
        assert days == list(range(1, days[-1] + 1))
        assert days[-1] >= 2
        weather = episode.answer.text
        assert episode.text.startswith(f"day 1: {weather}. ")
        assert episode.text.endswith(f"day {days[-1]}: as on day 1, {weather}.")


def test_every_day_but_the_last_tells_something() -> None:
    """Between two headings stands at least one sentence."""
    for episode in episodes(RECALL, 300, [30, 100, 400], seed=1):
        assert not re.search(r"day \d+: day", episode.text)


@pytest.mark.parametrize("lag", range(13, 26))
def test_short_lags_have_one_day(lag: int) -> None:
    """Where there is no room for a second day, the announcement follows the first, cut to fit."""
    for episode in episodes(RECALL, 10, [lag], seed=2):
        weather = episode.answer.text
        told = rf"day 1: {weather}\. ([a-z ]+\. )+((as )?on )?day 1, {weather}\."
        assert re.fullmatch(told, episode.text)


def test_weather_is_told_twice_and_no_more() -> None:
    """The weather stands as the fact and as the answer, and no other weather stands anywhere."""
    for episode in episodes(RECALL, 200, [13, 25, 100, 3_200], seed=3):
        found = [w for w in re.findall(r"[a-z]+", episode.text) if w in WEATHER]
        assert found == [episode.answer.text] * 2
        answer = episode.answer
        assert episode.text[: answer.fact_end + 1] == f"day 1: {answer.text}"


@pytest.mark.parametrize(("lag", "least"), [(25, 100), (30, 300), (40, 200), (50, 400)])
def test_short_lags_have_many_episodes(lag: int, least: int) -> None:
    """Of 1,000 drawn so many differ, so that being right in all is not knowing them by heart."""
    made = {episode.text for episode in episodes(RECALL, 1_000, [lag], seed=5)}
    assert len(made) >= least
