"""What holds for the episodes of every memory task."""

import importlib
import re
from collections import Counter
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargen.errors import OptionError
from chargen.tasks.episode import Answer, Episode, Task
from chargen.tasks.table import LONGEST_LAG, TASKS, chosen, episodes

every_task = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
# A sum of squares beyond which a fair draw of so many choices falls once in 10,000 times.
CHI_SQUARE = {3: 18.42, 4: 21.11, 6: 25.74}
LAGS = [25, 50, 100, 200]
# What the facts are drawn from: the module's table that a test turns by one.
FACTS = {
    "recall": "WEATHER",
    "agreement": "PRONOUNS",
    "context": "SETTINGS",
    "nesting": "BRACKETS",
}
# The first episode of seed 0 at lag 30.
PINNED = [
    "day 1: hail. sorry. we waited. on day 1, hail.",
    "in came karl. hm. we hid. then he sneezed. in came tom. we waited. ha. we ate. then he bowed.",
    "we were on the sofa. we ate. we found jam. oh, a dog.",
    "<sorry. [it broke. end] ha. end>",
]


def one(task: Task, lag: int, seed: int = 0) -> Episode:
    """The first episode of a seed."""
    return next(episodes(task, 1, [lag], seed))


def unevenness(counts: Counter[str], choices: tuple[str, ...]) -> float:
    """Pearson's sum of squares against equal frequencies."""
    mean = counts.total() / len(choices)
    return sum((counts[choice] - mean) ** 2 / mean for choice in choices)


def test_names_are_the_tasks_own() -> None:
    """The table holds the four tasks under their names, with a sentence on each."""
    assert list(TASKS) == ["recall", "agreement", "context", "nesting"]
    assert all(task.name == name for name, task in TASKS.items())
    assert all(task.summary and "\n" not in task.summary for task in TASKS.values())


@every_task
def test_answers_differ_in_their_first_letter(task: Task) -> None:
    """One character tells which of a task's answers is meant."""
    assert len({choice[0] for choice in task.choices}) == len(task.choices) >= 3


@every_task
def test_the_least_lag_is_short(task: Task) -> None:
    """A curriculum can begin with 13 characters or fewer between the fact and the answer."""
    assert 5 <= task.least_lag <= 13


@every_task
def test_every_lag_is_exact(task: Task) -> None:
    """Every lag from the least to 300, and some up to 3,200, is had to the character."""
    lags = [*range(task.least_lag, 300), 400, 777, 800, 1_600, 3_199, 3_200]
    for lag in lags:
        assert {one(task, lag, seed).answer.lag for seed in range(5)} == {lag}


@every_task
@given(data=st.data())
def test_answers_are_marked_where_they_stand(task: Task, data: st.DataObject) -> None:
    """At each marked place stands the answer, right after the announcement, and nowhere else."""
    lag = data.draw(st.integers(task.least_lag, LONGEST_LAG))
    episode = one(task, lag, data.draw(st.integers(0, 10_000)))
    places = [m.end() for m in re.finditer(re.escape(task.announcement), episode.text)]
    assert places == [answer.at for answer in episode.answers]
    for answer in episode.answers:
        assert episode.text.startswith(answer.text, answer.at)
        assert 0 <= answer.fact_end < answer.at
        assert answer.lag >= task.least_lag
        assert answer.text in answer.choices == task.choices


@every_task
@given(data=st.data())
def test_episodes_are_plain_lines(task: Task, data: st.DataObject) -> None:
    """An episode is one line of few kinds of characters, with single spaces inside."""
    lag = data.draw(st.integers(task.least_lag, LONGEST_LAG))
    text = one(task, lag, data.draw(st.integers(0, 10_000))).text
    assert re.fullmatch(r"[a-z0-9 .,:()\[\]{}<>]+", text)
    assert "  " not in text
    assert text == text.strip()


@every_task
def test_probabilities_are_the_generator_s(task: Task) -> None:
    """Probabilities add up to 1, the right answer is the likeliest, and only context has doubts."""
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
    """Drawn and right answers are equally frequent (one false alarm in 10,000; fixed seed)."""
    counts = Counter(getattr(e.answer, kind) for e in episodes(task, 6_000, LAGS, seed=1))
    assert unevenness(counts, task.choices) < CHI_SQUARE[len(task.choices)]


@every_task
def test_distraction_does_not_know_the_fact(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same draws with another fact make another answer after the same distraction."""
    module = importlib.import_module(f"chargen.tasks.{task.name}")
    facts = getattr(module, FACTS[task.name])
    before = list(episodes(task, 300, LAGS, seed=2))
    monkeypatch.setattr(module, FACTS[task.name], (*facts[1:], facts[0]))
    after = list(episodes(task, 300, LAGS, seed=2))
    for a, b in zip(before, after, strict=True):
        assert a.answer.right != b.answer.right
        assert distraction(a) == distraction(b)


def distraction(episode: Episode) -> str:
    """What stands between the fact and the answer, with all brackets made alike."""
    answer = episode.answer
    return re.sub(r"[][(){}<>]", "|", episode.text[answer.fact_end + 1 : answer.at])


@every_task
def test_an_episode_depends_on_its_seed_and_number_alone(task: Task) -> None:
    """Episode k is the same however many are made, and other seeds and numbers make others."""
    many = list(episodes(task, 50, LAGS, seed=3))
    assert list(episodes(task, 10, LAGS, seed=3)) == many[:10]
    late = islice(episodes(task, 50, LAGS, seed=3), 49, None)
    assert next(late) == many[49]
    assert len({episode.text for episode in many}) >= 45
    again = {episode.text for episode in episodes(task, 50, LAGS, seed=4)}
    assert len(again & {episode.text for episode in many}) <= 5


def test_episodes_do_not_change() -> None:
    """The generator's output is pinned, since measurements are compared across versions."""
    assert [one(task, 30).text for task in TASKS.values()] == PINNED


@every_task
def test_lags_are_drawn_evenly(task: Task) -> None:
    """Each lag asked for is as frequent as the others (one false alarm in 10,000; fixed seed)."""
    counts = Counter(str(e.answer.lag) for e in episodes(task, 4_000, LAGS, seed=5))
    assert unevenness(counts, tuple(map(str, LAGS))) < CHI_SQUARE[4]


@every_task
def test_lags_out_of_range_are_refused_at_once(task: Task) -> None:
    """A lag that cannot be had is an error of one line before any episode is made."""
    least = task.least_lag
    with pytest.raises(OptionError) as short:
        episodes(task, 1, [25, least - 1], seed=0)
    assert str(short.value) == (
        f"--lags must be at least {least} for {task.name}, got {least - 1}"
        f" (the shortest episode has {least} characters between)"
    )
    with pytest.raises(OptionError, match=r"^--lags must be at most 3200, got 3201$"):
        episodes(task, 1, [3_201], seed=0)
    with pytest.raises(OptionError, match=r"^--lags must be one number or more, got none"):
        episodes(task, 1, [], seed=0)


def test_tasks_are_chosen_by_name() -> None:
    """A name chooses its task, "all" every one in order, and another word is an error."""
    assert all(chosen(name) == [task] for name, task in TASKS.items())
    assert chosen("all") == list(TASKS.values())
    with pytest.raises(OptionError) as unknown:
        chosen("juggling")
    assert str(unknown.value) == (
        "--task must be one of recall, agreement, context, nesting or all, got 'juggling'"
    )


def test_lag_counts_the_characters_between() -> None:
    """A lag is the number of characters strictly between the fact and the answer."""
    answer = Answer(at=len("rain 12345 "), text="rain", fact_end=3, choices=(), probabilities=())
    assert answer.lag == len(" 12345 ")
