"""Tests of the choice of the number of threads, on simulated machines."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from chargen.model.config import ModelConfig
from chargen.text.corpus import Corpus
from chargen.training import precision
from chargen.training.options import TrainingOptions
from chargen.training.precision import training_speeds
from chargen.training.records import Step
from chargen.training.spec import make_spec
from chargen.training.threads import ThreadChoice, best_count, race, thread_counts
from chargen.training.train import start
from tests.training.runs import resume

# Characters/s with one thread and with two: alone, and next to a busy process, as measured with
# spinning threads on 2 cores.
ALONE = {1: 65_000.0, 2: 75_000.0}
BUSY = {1: 65_000.0, 2: 3_900.0}
UPDATE = 1_024  # characters

Speeds = Callable[[float], dict[int, float]]


@dataclass
class Machine:
    """Trains with the chosen number of threads. speeds: by number of threads, at a time."""

    speeds: Speeds
    now: float = 0.0
    characters: int = 0
    counts: list[tuple[float, int]] = field(default_factory=list)

    def train(self, choice: ThreadChoice, seconds: float) -> float:
        """Return the mean speed."""
        began, before = self.now, self.characters
        while self.now < began + seconds:
            took = UPDATE / self.speeds(self.now)[choice.count]
            self.counts.append((self.now, choice.count))
            self.now += took
            self.characters += UPDATE
            choice.add(UPDATE, took)
        return (self.characters - before) / (self.now - began)

    @property
    def changes(self) -> int:
        """How often the number of threads changed."""
        used = [count for _, count in self.counts]
        return sum(a != b for a, b in pairwise(used))


@pytest.mark.parametrize(
    ("hidden_size", "counts"),
    [(32, (1,)), (64, (1,)), (128, (1, 2)), (256, (1, 4, 8)), (1024, (1, 4, 8))],
)
def test_small_networks_have_no_choice(hidden_size: int, counts: tuple[int, ...]) -> None:
    """Larger ones may use one thread, all that have enough to do, or half of them."""
    torch.set_num_threads(8)  # `one_thread` restores the number
    assert thread_counts(ModelConfig(60, hidden_size=hidden_size), 16) == counts


@pytest.mark.parametrize(
    ("speeds", "count"),
    [
        (ALONE, 2),
        (BUSY, 1),
        ({1: 100.0, 2: 102.0}, 1),  # too little to disturb other programs
        ({1: 100.0, 2: 104.0}, 2),
        ({1: 100.0, 4: 250.0, 8: 120.0}, 4),
        ({8: 1.0}, 8),
    ],
)
def test_the_fewest_threads_of_equal_speed_are_best(speeds: dict[int, float], count: int) -> None:
    assert best_count(speeds) == count


def test_a_race_measures_all_candidates_alternately() -> None:
    """The first pass and the slowest one are not counted."""
    order: list[str] = []

    def passes(name: str, seconds: list[float]) -> Callable[[], tuple[int, float]]:
        left = iter(seconds)

        def run() -> tuple[int, float]:
            order.append(name)
            return 100, next(left)

        return run

    speeds = race(
        {
            "a": passes("a", [0.05, 0.01, 0.01, 0.04]),
            "b": passes("b", [0.02, 0.0125, 0.0125, 0.013]),
        },
        60.0,
        most=4,
    )
    assert order == ["a", "b"] * 4
    assert speeds == pytest.approx({"a": 10_000.0, "b": 8_000.0})


def test_a_slow_candidate_leaves_a_race_early() -> None:
    """One pass suffices if it takes long; otherwise, each candidate has three."""
    runs = {"fast": 0, "slow": 0, "slower": 0}
    took = {"fast": 0.01, "slow": 0.016, "slower": 0.5}

    def run(name: str) -> tuple[int, float]:
        runs[name] += 1
        return 1, took[name]

    speeds = race({name: lambda name=name: run(name) for name in runs}, 60.0)  # type: ignore[misc]
    assert runs == {"fast": 8, "slow": 3, "slower": 1}
    assert speeds == pytest.approx({name: 1 / seconds for name, seconds in took.items()})


def test_a_race_ends_after_its_time() -> None:
    """Every candidate has three passes, even if they take longer."""
    runs = 0

    def run() -> tuple[int, float]:
        nonlocal runs
        runs += 1
        return 1, 0.7

    race({"a": run, "b": run}, 1.0)
    assert runs == 6


@pytest.mark.parametrize("first", [1, 2])
def test_alone_the_comparisons_cost_little(first: int) -> None:
    """After five seconds at the latest all threads are used, and 0.98 of their speed is kept."""
    machine, choice = Machine(lambda _: ALONE), ThreadChoice(first, (1, 2))
    machine.train(choice, 6.0)
    assert choice.chosen == 2
    assert machine.train(choice, 100.0) > 0.98 * ALONE[2]


def test_a_comparison_ends_when_its_result_is_clear() -> None:
    """Two updates show that one thread is slower: 0.99 of the speed is kept for 14 seconds."""
    speeds = {1: 12_000.0, 2: 23_000.0}
    machine = Machine(lambda _: speeds)
    assert machine.train(ThreadChoice(2, (1, 2)), 14.0) > 0.99 * speeds[2]
    assert [count for _, count in machine.counts].count(1) == 2


@pytest.mark.parametrize("seconds", [15.0, 30.0, 300.0])
def test_next_to_a_busy_process_one_thread_is_used(seconds: float) -> None:
    """More than 0.9 of its speed is kept, including the comparisons."""
    machine, choice = Machine(lambda _: BUSY), ThreadChoice(1, (1, 2))
    assert machine.train(choice, seconds) > 0.9 * BUSY[1]
    assert choice.chosen == 1


def test_a_busy_process_is_noticed_at_once() -> None:
    """Within a second of its start, one thread is used."""
    machine = Machine(lambda now: ALONE if now < 33.3 else BUSY)
    choice = ThreadChoice(2, (1, 2))
    machine.train(choice, 33.2)
    machine.train(choice, 1.1)
    assert choice.chosen == 1
    assert machine.train(choice, 20.0) > 0.9 * BUSY[1]


def test_the_end_of_a_busy_process_is_noticed() -> None:
    """After a minute at the latest, all threads are used again."""
    machine = Machine(lambda now: BUSY if now < 200 else ALONE)
    choice = ThreadChoice(1, (1, 2))
    machine.train(choice, 200.0)
    machine.train(choice, 62.0)
    assert choice.chosen == 2


def test_comparisons_without_a_change_become_rare() -> None:
    """The intervals are 5, 10, 20, 40 and then 60 seconds; each tries the other number once."""
    machine, choice = Machine(lambda _: ALONE), ThreadChoice(2, (1, 2))
    machine.train(choice, 210.0)
    tried = [now for now, count in machine.counts if count == 1]
    starts = [now for before, now in pairwise([0.0, *tried]) if now - before > 1]
    intervals = [end - start for start, end in pairwise([0.0, *starts])]
    assert intervals == pytest.approx([5, 10, 20, 40, 60, 60], abs=1)


def test_all_numbers_are_compared() -> None:
    """With half of the threads free, half of them are used."""
    speeds = {1: 100e3, 4: 300e3, 8: 50e3}
    for first in speeds:
        machine, choice = Machine(lambda _: speeds), ThreadChoice(first, (1, 4, 8))
        machine.train(choice, 10.0)
        assert choice.chosen == 4


def test_updates_longer_than_a_round_are_compared() -> None:
    """An update of a large network takes seconds: one with each number suffices."""
    speeds = {1: UPDATE / 3.0, 2: UPDATE / 2.0}
    machine, choice = Machine(lambda _: speeds), ThreadChoice(1, (1, 2))
    machine.train(choice, 9.0)
    assert choice.chosen == 2
    assert machine.changes == 1


def test_a_single_number_never_changes() -> None:
    machine, choice = Machine(lambda now: ALONE if now < 20 else BUSY), ThreadChoice(2, (2,))
    machine.train(choice, 60.0)
    assert machine.changes == 0


def test_every_precision_is_measured_with_every_number() -> None:
    """Afterwards torch uses the same number of threads as before."""
    model = ModelConfig(20, hidden_size=8, embedding_size=4)
    speeds = training_speeds(model, 2, 8, "cpu", precisions=["float32"], counts=[1, 2])
    assert set(speeds) == {("float32", 1), ("float32", 2)}
    assert min(speeds.values()) > 0
    assert torch.get_num_threads() == 1


def test_large_networks_are_timed_on_shorter_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison of speeds takes about as long for them as for small ones."""
    model = ModelConfig(20, hidden_size=8, embedding_size=4)
    monkeypatch.setattr(precision, "race", lambda passes, _: {k: p()[0] for k, p in passes.items()})
    for steps, characters in ((5, 10), (100, 16), (0, 2)):
        monkeypatch.setattr(precision, "_MAX_WORK", steps * 2 * model.parameters)
        timed = training_speeds(model, 2, 8, "cpu", precisions=["float32"], counts=[1])
        assert timed == {("float32", 1): characters}


def test_a_run_with_steps_keeps_its_number(
    corpus: Corpus, options: TrainingOptions, tmp_path: Path
) -> None:
    """A resumed run uses the stored number, not the one that torch has by default."""
    text = tmp_path / "story.txt"
    text.write_text(next(corpus.texts()), encoding="utf-8")
    large = replace(options, steps=4, hidden_size=128, batch_size=16, sequence_length=4)
    torch.set_num_threads(2)
    trainer = start(Corpus.read([text]), large, output=tmp_path / "run")
    stored = trainer.config.threads
    assert stored in (1, 2)
    records = trainer.run()
    first = next(record for record in records if isinstance(record, Step))
    trainer.save()
    records.close()  # type: ignore[attr-defined]
    trainer.folder.close()
    torch.set_num_threads(3 - stored)
    again = resume([text], {}, output=tmp_path / "run")
    used = {record.threads for record in again.run() if isinstance(record, Step)}
    again.folder.close()
    assert used == {first.threads} == {stored}


def test_a_small_network_is_not_measured(corpus: Corpus, options: TrainingOptions) -> None:
    """Its number of threads does not depend on the machine."""
    torch.set_num_threads(2)
    assert make_spec(corpus, options).training.threads == 1
