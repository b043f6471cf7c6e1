"""Properties that the episodes of every memory task have."""

import importlib
import re
from collections import Counter
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargen.errors import OptionError
from chargen.tasks.episode import MAX_LAG, Answer, Episode, Task
from chargen.tasks.registry import TASKS, episodes

every_task = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
# Critical values by number of choices, exceeded once in 10,000 times.
CHI_SQUARE = {3: 18.42, 4: 21.11, 6: 25.74}
LAGS = [25, 50, 100, 200]
# The table from which each module draws its facts.
FACTS = {
    "recall": "WEATHER",
    "agreement": "PRONOUNS",
    "context": "SETTINGS",
    "nesting": "BRACKETS",
}
# The first episode of seed 0 at lag 30.
PINNED = {
    "recall": "day 1: hail. sorry. we waited. on day 1, hail.",
    "nesting": "<sorry. [it broke. end] ha. end>",
    "agreement": "in came karl. hm. we hid. then he sneezed."
    " in came tom. we waited. ha. we ate. then he bowed.",
    "context": "we were on the sofa. we ate. we found jam. oh, a dog.",
}


def one(task: Task, lag: int, seed: int = 0) -> Episode:
    """The first episode of a seed."""
    return next(episodes(task, 1, [lag], seed))


def chi_square(counts: Counter[str], choices: tuple[str, ...]) -> float:
    """Pearson's chi-square statistic for equal frequencies."""
    mean = counts.total() / len(choices)
    return sum((counts[choice] - mean) ** 2 / mean for choice in choices)


def test_tasks_are_found_in_their_modules() -> None:
    """Tasks are sorted by chance level, and each has a one-sentence summary."""
    assert list(TASKS) == ["recall", "nesting", "agreement", "context"]
    assert all(task.name == name for name, task in TASKS.items())
    assert all(re.fullmatch(r"[A-Z][^\n]*\.", task.summary) for task in TASKS.values())


@every_task
def test_answers_differ_in_their_first_letter(task: Task) -> None:
    """The first character identifies an answer."""
    assert len({choice[0] for choice in task.choices}) == len(task.choices) >= 3


@every_task
def test_the_shortest_lag_is_short(task: Task) -> None:
    """A curriculum can begin with 13 characters or fewer."""
    assert 5 <= task.min_lag <= 13


@every_task
def test_every_lag_is_exact(task: Task) -> None:
    """This covers all lags up to 300 and some up to 3,200."""
    lags = [*range(task.min_lag, 300), 400, 777, 800, 1_600, 3_199, 3_200]
    for lag in lags:
        assert {one(task, lag, seed).answer.lag for seed in range(5)} == {lag}


@every_task
@given(data=st.data())
def test_answers_are_marked_at_their_places(task: Task, data: st.DataObject) -> None:
    """Each answer follows an announcement, and nothing else does."""
    lag = data.draw(st.integers(task.min_lag, MAX_LAG))
    episode = one(task, lag, data.draw(st.integers(0, 10_000)))
    places = [m.end() for m in re.finditer(re.escape(task.announcement), episode.text)]
    assert places == [answer.at for answer in episode.answers]
    for answer in episode.answers:
        assert episode.text.startswith(answer.text, answer.at)
        assert 0 <= answer.fact_end < answer.at
        assert answer.lag >= task.min_lag
        assert answer.text in answer.choices == task.choices


@every_task
@given(data=st.data())
def test_episodes_are_plain_lines(task: Task, data: st.DataObject) -> None:
    """An episode is one line of few different characters, with single spaces."""
    lag = data.draw(st.integers(task.min_lag, MAX_LAG))
    text = one(task, lag, data.draw(st.integers(0, 10_000))).text
    assert re.fullmatch(r"[a-z0-9 .,:()\[\]{}<>]+", text)
    assert "  " not in text
    assert text == text.strip()


@every_task
def test_probabilities_are_those_of_the_generator(task: Task) -> None:
    """They sum to 1, the right choice has the largest one, and only "context" is uncertain."""
    for episode in episodes(task, 200, LAGS, seed=0):
        for answer in episode.answers:
            assert sum(answer.probabilities) == pytest.approx(1, abs=1e-12)
            chance = dict(zip(answer.choices, answer.probabilities, strict=True))
            assert chance[answer.right] == max(chance.values())
            if task.name != "context":
                assert chance[answer.text] == 1


@every_task
@pytest.mark.parametrize("kind", ["text", "right"])
def test_answers_are_equally_frequent(task: Task, kind: str) -> None:
    """This covers the drawn and the right ones (one false alarm in 10,000; the seed is fixed)."""
    counts = Counter(getattr(e.answer, kind) for e in episodes(task, 6_000, LAGS, seed=1))
    assert chi_square(counts, task.choices) < CHI_SQUARE[len(task.choices)]


@every_task
def test_filler_does_not_depend_on_the_fact(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same draws with another fact give another answer after the same filler."""
    module = importlib.import_module(f"chargen.tasks.{task.name}")
    facts = getattr(module, FACTS[task.name])
    before = list(episodes(task, 300, LAGS, seed=2))
    monkeypatch.setattr(module, FACTS[task.name], (*facts[1:], facts[0]))
    after = list(episodes(task, 300, LAGS, seed=2))
    for a, b in zip(before, after, strict=True):
        assert a.answer.right != b.answer.right
        assert filler(a) == filler(b)


def filler(episode: Episode) -> str:
    """The text between the fact and the answer, with all brackets replaced by one character."""
    answer = episode.answer
    return re.sub(r"[][(){}<>]", "|", episode.text[answer.fact_end + 1 : answer.at])


@every_task
def test_an_episode_depends_only_on_its_seed_and_number(task: Task) -> None:
    """The number of drawn episodes has no effect. Other seeds and numbers give other episodes."""
    many = list(episodes(task, 50, LAGS, seed=3))
    assert list(episodes(task, 10, LAGS, seed=3)) == many[:10]
    late = islice(episodes(task, 50, LAGS, seed=3), 49, None)
    assert next(late) == many[49]
    assert len({episode.text for episode in many}) >= 45
    again = {episode.text for episode in episodes(task, 50, LAGS, seed=4)}
    assert len(again & {episode.text for episode in many}) <= 5


def test_episodes_do_not_change() -> None:
    """Episodes are the same in every version, so that measurements can be compared."""
    assert {name: one(task, 30).text for name, task in TASKS.items()} == PINNED


@every_task
def test_lags_are_drawn_evenly(task: Task) -> None:
    """All are equally frequent (one false alarm in 10,000; the seed is fixed)."""
    counts = Counter(str(e.answer.lag) for e in episodes(task, 4_000, LAGS, seed=5))
    assert chi_square(counts, tuple(map(str, LAGS))) < CHI_SQUARE[4]


@every_task
@pytest.mark.parametrize("lag", [4, MAX_LAG + 1])
def test_impossible_lags_are_refused(task: Task, lag: int) -> None:
    """The error is raised before the first episode is drawn."""
    allowed = f"lags must be between {task.min_lag} and 3,200 for {task.name}, got {lag}"
    with pytest.raises(OptionError, match=allowed):
        episodes(task, 1, [25, lag], seed=0)


def test_lag_counts_the_characters_between() -> None:
    """Characters of the fact and the answer do not count."""
    answer = Answer(at=len("rain 12345 "), text="rain", fact_end=3, choices=(), probabilities=())
    assert answer.lag == len(" 12345 ")
