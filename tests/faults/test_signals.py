"""A signal stops a run after one save; a second one stops it at once."""

import random
import signal
import time
from pathlib import Path

import pytest

from chargen.model.checkpoint import LOG, TRAINING
from tests.faults.commands import QUICK, Commands, strays
from tests.faults.test_kills import SameRun

NUMBERS = {"SIGINT": signal.SIGINT, "SIGTERM": signal.SIGTERM, "SIGHUP": signal.SIGHUP}
# Where the signal comes: the method of the trainer, and its call.
POINTS = {
    "the start": ("__init__", 1),
    "the first save": ("save", 1),
    "training": ("_update", 4),
    "an evaluation": ("_evaluate", 1),
    "a later save": ("save", 4),
}
TRAIN = ("train", "text.txt", "-o", "run", "--steps", "12", "--save-every", "0", *QUICK)


def send(point: str, *numbers: int) -> dict[str, object]:
    """A fault that sends signals to the process itself."""
    method, number = POINTS[point]
    sent = {"action": "send", "numbers": list(map(int, numbers))}
    return {"name": "at", "point": method, "number": number, **sent}


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("point", POINTS)
def test_a_signal_stops_a_run(commands: Commands, name: str, point: str) -> None:
    """The exit status has the signal, and the last line the command that resumes the run."""
    if signal.getsignal(NUMBERS[name]) is signal.SIG_IGN:
        pytest.skip("the signal is ignored, as with nohup")
    outcome = commands.run(*TRAIN, faults=[send(point, NUMBERS[name])])
    assert outcome.status == 128 + NUMBERS[name]
    assert "Traceback" not in outcome.err
    *_, last = outcome.err.splitlines()
    stopped = "stopped" if point == "the start" else "stopped and saved"
    assert last == f"{stopped}; resume with: chargen train --resume -o run"
    outcome = commands.run("train", "--resume", "-o", "run")
    assert outcome.status == 0, outcome.err
    assert strays(commands.folder) == []


def test_a_signal_causes_one_save(commands: Commands) -> None:
    """A signal causes one save, at the step at which the run stops."""
    options = ("train", "text.txt", "-o", "run", "--steps", "12", "--save-every", "1000", *QUICK)
    commands.run(*options, faults=[send("training", signal.SIGINT)])
    log = (commands.folder / "run" / LOG).read_text()
    assert '"record": "saved"' not in log
    outcome = commands.run("train", "--resume", "-o", "run", "--steps", "1")
    assert "1 step more, after 4 steps" in outcome.err


@pytest.mark.parametrize("point", ["training", "an evaluation", "a later save"])
def test_a_second_signal_ends_a_run_at_once(
    commands: Commands, point: str, assert_same_run: SameRun
) -> None:
    """A second signal ends the run, and the last save stays intact."""
    outcome = commands.run(*TRAIN, faults=[send(point, signal.SIGINT, signal.SIGINT)])
    assert outcome.status == 128 + signal.SIGINT
    assert "Traceback" not in outcome.err
    assert outcome.err.splitlines()[-1] == "stopped; resume with: chargen train --resume -o run"
    assert (commands.folder / "run" / TRAINING).exists()
    outcome = commands.run("train", "--resume", "-o", "run")
    assert outcome.status == 0, outcome.err
    commands.run(*TRAIN[:3], "whole", *TRAIN[4:])
    assert_same_run(commands.folder / "run", commands.folder / "whole")


@pytest.mark.parametrize("count", [2, pytest.param(60, marks=pytest.mark.long)])
def test_no_signal_causes_a_traceback(commands: Commands, tmp_path: Path, count: int) -> None:
    """A signal at any moment after the start of Python, even during imports, is handled."""
    draw = random.Random(count)
    for k in range(count):
        number = (signal.SIGINT, signal.SIGTERM)[k % 2]
        with commands.launch(*TRAIN[:2], "--resume", *TRAIN[2:]) as process:
            # Python's own start, which takes about 20 ms, cannot be changed by a program.
            time.sleep(draw.uniform(0.1, 3))
            process.send_signal(number)
            _, errors = process.communicate()
        assert process.returncode in (0, 128 + number, -signal.SIGTERM), errors
        assert "Traceback" not in errors
    assert commands.run(*TRAIN[:2], "--resume", *TRAIN[2:]).status == 0
