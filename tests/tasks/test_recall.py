"""Recall states the weather once and counts the days."""

import re

import pytest

from chargen.tasks.recall import WEATHER
from chargen.tasks.registry import TASKS, episodes, example

RECALL = TASKS["recall"]


@pytest.mark.parametrize("lag", [40, 41, 50, 100, 200, 3_200])
def test_days_are_counted(lag: int) -> None:
    """From lag 40 on, days 2, 3 ... follow the first one."""
    for episode in episodes(RECALL, 30, [lag], seed=0):
        days = [int(day) for day in re.findall(r"day (\d+): ", episode.text)]
        assert days == list(range(1, days[-1] + 1))
        assert days[-1] >= 2
        weather = episode.answer.text
        assert episode.text.startswith(f"day 1: {weather}. ")
        assert episode.text.endswith(f"day {days[-1]}: as on day 1, {weather}.")
        assert not re.search(r"day \d+: day", episode.text)


@pytest.mark.parametrize("lag", range(13, 26))
def test_short_lags_have_one_day(lag: int) -> None:
    """The introduction of the answer is cut to fit."""
    for episode in episodes(RECALL, 10, [lag], seed=2):
        weather = episode.answer.text
        form = rf"day 1: {weather}\. ([a-z ]+\. )+((as )?on )?day 1, {weather}\."
        assert re.fullmatch(form, episode.text)


def test_the_weather_occurs_twice() -> None:
    """The weather is the fact and the answer, and no other weather occurs."""
    for episode in episodes(RECALL, 200, [13, 25, 100, 3_200], seed=3):
        answer = episode.answer
        words = [w for w in re.findall(r"[a-z]+", episode.text) if w in WEATHER]
        assert words == [answer.text] * 2
        assert episode.text[: answer.fact_end + 1] == f"day 1: {answer.text}"


@pytest.mark.parametrize(("lag", "minimum"), [(25, 100), (30, 300), (40, 200), (50, 400)])
def test_short_lags_have_many_episodes(lag: int, minimum: int) -> None:
    """A network cannot memorise all of them."""
    assert len({episode.text for episode in episodes(RECALL, 1_000, [lag], seed=5)}) >= minimum


def test_the_example_spans_five_days() -> None:
    text = example(RECALL).text
    assert re.findall(r"day (\d): ", text) == list("12345")
    assert example(RECALL).text == text
