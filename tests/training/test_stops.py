"""A process that is stopped by signals and resumed ends like one that was not stopped."""

import os
import random
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from chargen.cli.main import main
from chargen.model.checkpoint import TRAINING

# Long enough for a validation set by default.
LONG = (
    "the cat sat on the mat and sang.\n"
    "a dog ran to the gate in the rain.\n"
    "we saw a red fox by the old box.\n"
    "who made the cake that we ate by the lake?\n"
) * 80

SameRun = Callable[[Path, Path], None]

COMMANDS: dict[str, list[str]] = {
    "streams": ["--num-layers", "2", "--dropout", "0.3", "--steps", "300"],
    "lines": ["--lines", "--cell", "gru", "--epochs", "1"],
}
STOPS: dict[str, list[signal.Signals]] = {
    "streams": [signal.SIGKILL, signal.SIGINT],
    "lines": [signal.SIGKILL, signal.SIGTERM],
}
SIZES = ["--hidden-size", "16", "--embedding-size", "8", "--batch-size", "4"]
SIZES += ["--sequence-length", "24", "--device", "cpu", "--precision", "float32"]


def launch(folder: Path, arguments: list[str]) -> subprocess.Popen[str]:
    """Start `python -m chargen` in a folder."""
    return subprocess.Popen(
        [sys.executable, "-m", "chargen", *arguments],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def train(text: str, output: str, kind: str) -> list[str]:
    """Return the arguments of one kind of run, which saves very often."""
    fixed = ["train", text, "-o", output, "--save-every", "0.05", "--seed", "5"]
    return fixed + SIZES + COMMANDS[kind]


def wait_for_a_save(process: subprocess.Popen[str], state: Path, after: int) -> None:
    """Wait until the state is saved later than `after`, or the process ends."""
    while process.poll() is None and written(state) <= after:
        time.sleep(0.002)


def written(path: Path) -> int:
    """Return when a file was written, in nanoseconds; 0 if it does not exist."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function that makes a run of each kind without interruption."""
    folder = tmp_path_factory.mktemp("complete")
    (folder / "long.txt").write_text(LONG)

    def make(kind: str) -> Path:
        if not (folder / kind).exists():
            with pytest.raises(SystemExit, check=lambda error: error.code == 0):
                main(train(str(folder / "long.txt"), str(folder / kind), kind))
        return folder / kind

    return make


@pytest.mark.parametrize("kind", COMMANDS)
def test_a_run_that_is_stopped_by_signals_ends_the_same(
    tmp_path: Path, complete: Callable[[str], Path], kind: str, assert_same_run: SameRun
) -> None:
    """A run that is stopped at random moments and resumed ends bit-identical.

    After SIGKILL, the last save is resumed. After SIGINT and SIGTERM, the run saves and prints
    the command that resumes it.
    """
    (tmp_path / "long.txt").write_text(LONG)
    state = tmp_path / "stopped" / TRAINING
    arguments = train("long.txt", "stopped", kind)
    draw = random.Random(kind)
    stops = 0
    for number in STOPS[kind]:
        before = written(state)
        process = launch(tmp_path, arguments)
        wait_for_a_save(process, state, before)
        time.sleep(draw.uniform(0, 0.1))
        process.send_signal(number)
        _, errors = process.communicate()
        assert "Traceback" not in errors
        if process.returncode == 0:
            break
        stops += 1
        if number == signal.SIGKILL:
            assert process.returncode == -signal.SIGKILL, errors
            arguments = ["train", "long.txt", "-o", "stopped", "--resume"]
        else:
            assert process.returncode == 128 + number, errors
            arguments = resume_command(errors)
    else:
        process = launch(tmp_path, arguments)
        _, errors = process.communicate()
    # The process may have been killed after its last save: the run is then finished.
    assert process.returncode == 0, errors
    assert stops == 2
    assert_same_run(tmp_path / "stopped", complete(kind))


def resume_command(errors: str) -> list[str]:
    """Return the arguments of the command that a stopped run prints."""
    before, command = errors.splitlines()[-1].split(": ")
    assert before == "stopped and saved; resume with"
    program, *arguments = shlex.split(command)
    assert program == "chargen"
    return arguments
