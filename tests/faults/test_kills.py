"""A run that is killed at any instant is resumed and ends as one that was never killed."""

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from chargen import load
from chargen.model.checkpoint import MODEL, SETTINGS, TRAINING, Checkpoint
from tests.faults.commands import QUICK, Commands, strays

SIGKILL = -signal.SIGKILL
# A run of about a second, half of which is saves.
TRAIN = ("train", "text.txt", "--steps", "100", "--save-every", "0.02", *QUICK)
CHAIN = 12  # the most kills of one run

SameRun = Callable[[Path, Path], None]


@pytest.fixture
def complete(commands: Commands) -> tuple[Path, float]:
    """A run that was never killed, and the seconds that it took."""
    began = time.monotonic()
    outcome = commands.run(*TRAIN, "-o", "complete")
    assert outcome.status == 0, outcome.err
    return commands.folder / "complete", time.monotonic() - began


def check_killed(folder: Path) -> None:
    """Check a folder after a kill: its model writes, or there is no model yet."""
    if (folder / MODEL).exists():
        assert len(load(folder).generate(length=3)) == 3


def command_for(folder: Path) -> tuple[str, ...]:
    """Return the command that starts a run, or resumes it if it was started."""
    started = any((folder / name).exists() for name in (TRAINING, SETTINGS))
    # A budget would train a run further that was killed after its last save.
    return ("train", "--resume", "-o", str(folder)) if started else (*TRAIN, "-o", str(folder))


def kill_at_random(
    commands: Commands, folder: Path, draw: random.Random, seconds: float
) -> tuple[int, float]:
    """Kill a run at random instants, and resume it, until it is finished.

    Return the number of kills, and the seconds in which the next run is killed.
    """
    kills = 0
    for _ in range(CHAIN):
        outcome = commands.run(*command_for(folder), kill_after=draw.uniform(0, seconds))
        if outcome.status == 0:
            seconds *= 0.8  # the machine is faster than before
            break
        assert outcome.status == SIGKILL, outcome.err
        kills += 1
        check_killed(folder)
        if not (folder / TRAINING).exists():
            seconds *= 1.1
    if (folder / MODEL).exists():
        for command in ("info", "sample"):
            assert commands.run(command, "-m", folder).status == 0
    outcome = commands.run(*command_for(folder))
    assert outcome.status == 0, outcome.err
    return kills, seconds


@pytest.mark.parametrize("wanted", [45, pytest.param(1_000, marks=pytest.mark.long)])
def test_a_run_that_is_killed_at_random_instants_ends_the_same(
    commands: Commands, complete: tuple[Path, float], assert_same_run: SameRun, wanted: int
) -> None:
    """After each kill, the model writes or does not exist; the end is bit-identical."""
    whole, seconds = complete
    draw, kills, number = random.Random(wanted), 0, 0
    while kills < wanted:
        folder, number = commands.folder / f"run-{number}", number + 1
        more, seconds = kill_at_random(commands, folder, draw, seconds)
        kills += more
        assert_same_run(folder, whole)
        assert strays(commands.folder) == []


@pytest.mark.parametrize("count", [3, pytest.param(50, marks=pytest.mark.long)])
def test_a_run_that_is_killed_in_its_first_seconds_can_be_resumed(
    commands: Commands, complete: tuple[Path, float], assert_same_run: SameRun, count: int
) -> None:
    """Python is started and torch is imported in each process."""
    draw, folder = random.Random(count), commands.folder / "run"
    for _ in range(count):
        with commands.launch(*command_for(folder)) as process:
            time.sleep(draw.uniform(0, 3))
            process.kill()
        assert process.returncode in (SIGKILL, 0)
        check_killed(folder)
    outcome = commands.run(*command_for(folder))
    assert outcome.status == 0, outcome.err
    assert strays(commands.folder) == []
    assert_same_run(folder, complete[0])


@pytest.mark.parametrize("number", [1, 2])
def test_a_run_killed_while_it_replaces_a_model_loses_neither(
    commands: Commands, number: int
) -> None:
    """The next start ends the replacement, and removes the hidden folders."""
    first = ("train", "text.txt", "-o", "model", "--steps", "1", *QUICK)
    assert commands.run(*first).status == 0
    kill = {"name": "at", "point": "_finish", "number": 1, "action": "kill at rename"}
    replace = ("--overwrite", "--seed", "2")
    outcome = commands.run(*first, *replace, faults=[{**kill, "rename_number": number}])
    assert outcome.status == SIGKILL, outcome.err
    outcome = commands.run("train", "--resume", "-o", "model")
    assert outcome.out.startswith("model is finished after 1 step;")
    assert Checkpoint.load(commands.folder / "model").description.training["seed"] == 2
    assert strays(commands.folder) == []
