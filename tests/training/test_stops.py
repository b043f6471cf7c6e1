"""A run in a process of its own, stopped at any moment, ends as one that never was."""

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

# Long enough that a tenth is held out by default.
LONG = (
    "the cat sat on the mat and sang.\n"
    "a dog ran to the gate in the rain.\n"
    "we saw a red fox by the old box.\n"
    "who made the cake that we ate by the lake?\n"
) * 80

SameRun = Callable[[Path, Path], None]

COMMANDS: dict[str, list[str]] = {
    "streams": ["--num-layers", "2", "--dropout", "0.3", "--steps", "600"],
    "lines": ["--lines", "--cell", "gru", "--epochs", "2"],
    "feedforward": ["--cell", "feedforward", "--epochs", "4"],
}
STOPS: dict[str, list[signal.Signals]] = {
    "streams": [signal.SIGKILL, signal.SIGINT, signal.SIGKILL],
    "lines": [signal.SIGKILL, signal.SIGTERM],
    "feedforward": [signal.SIGKILL],
}
SIZES = ["--hidden-size", "16", "--embedding-size", "8", "--batch-size", "4"]
SIZES += ["--sequence-length", "24", "--device", "cpu", "--precision", "float32"]


def launch(folder: Path, arguments: list[str]) -> subprocess.Popen[str]:
    """`python -m chargen` with these arguments, in a folder."""
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
    """The arguments of one kind of run. It saves far more often than anybody would."""
    fixed = ["train", text, "-o", output, "--save-every", "0.05", "--seed", "5"]
    return fixed + SIZES + COMMANDS[kind]


def wait_for_a_save(process: subprocess.Popen[str], state: Path, after: int) -> None:
    """Return when the state was saved later than `after`, or the process has ended."""
    while process.poll() is None and written(state) <= after:
        time.sleep(0.002)


def written(path: Path) -> int:
    """When a file was written, in nanoseconds; 0 where it is not there."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


@pytest.fixture(scope="module")
def unkilled(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Runs that nobody stopped, one of each kind, made when first asked for."""
    folder = tmp_path_factory.mktemp("unkilled")
    (folder / "long.txt").write_text(LONG)

    def make(kind: str) -> Path:
        if not (folder / kind).exists():
            with pytest.raises(SystemExit, check=lambda error: error.code == 0):
                main(train(str(folder / "long.txt"), str(folder / kind), kind))
        return folder / kind

    return make


@pytest.mark.parametrize("kind", COMMANDS)
def test_a_run_that_is_stopped_again_and_again_ends_the_same(
    tmp_path: Path, unkilled: Callable[[str], Path], kind: str, assert_same_run: SameRun
) -> None:
    """Stopped by signals at moments drawn by a seed, then resumed, it ends bit-identical.

    SIGKILL leaves it as its last save was. After Ctrl-C and SIGTERM it saves and prints the
    command that goes on.
    """
    (tmp_path / "long.txt").write_text(LONG)
    state = tmp_path / "stopped" / TRAINING
    first = train("long.txt", "stopped", kind)
    arguments = first
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
            arguments = [*first, "--resume"]
        else:
            assert process.returncode == 128 + number, errors
            arguments = command_to_go_on(errors)
    else:
        process = launch(tmp_path, arguments)
        _, errors = process.communicate()
    # It may have been killed when all was done, between its last save and its last word.
    assert process.returncode == 0 or "stopped is finished" in errors, errors
    assert stops >= min(2, len(STOPS[kind]))
    assert_same_run(tmp_path / "stopped", unkilled(kind))


def command_to_go_on(errors: str) -> list[str]:
    """The arguments of the command that a stopped run prints last."""
    before, command = errors.splitlines()[-1].split(": ")
    assert before == "stopped and saved; to go on"
    program, *arguments = shlex.split(command)
    assert program == "chargen"
    return arguments
