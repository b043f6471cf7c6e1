"""Training in two processes, started with `torchrun`."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.distributed import TCPStore  # type: ignore[attr-defined]

import chargen
from chargen.cli.main import main
from chargen.errors import OptionError, TrainingError
from chargen.model.checkpoint import LOG, TRAINING, Checkpoint
from chargen.training import torchrun
from chargen.training.batches import NO_TARGET, Batch
from chargen.training.ranks import Ranks
from chargen.training.state import TrainingState
from tests.cli.outcome import Outcome
from tests.faults.commands import Commands

SENTENCES = (
    "the cat sat on the mat and sang.\n"
    "a dog ran to the gate in the rain.\n"
    "we saw a red fox by the old box.\n"
    "who made the cake that we ate by the lake?\n"
)
# Long enough for a validation set by default.
OPTIONS = ["--steps", "100", "--save-every", "0.01", "--num-layers", "2", "--dropout", "0.2"]
OPTIONS += ["--hidden-size", "16", "--embedding-size", "8", "--batch-size", "4", "--seed", "5"]
OPTIONS += ["--sequence-length", "24", "--device", "cpu", "--precision", "float32"]

PACKAGE = Path(chargen.__file__).parent

SameRun = Callable[[Path, Path], None]


@dataclass(frozen=True)
class Ended:
    """How a command ended. errors: its lines about chargen on standard error."""

    status: int
    output: str
    errors: list[str]

    @property
    def resume_command(self) -> tuple[list[str], list[str]]:
        """The start of the command that resumes a stopped run, and its arguments."""
        words = shlex.split(self.errors[-1].partition(": ")[2])
        return words[:6], words[6:]


class Processes:
    """`chargen train` in two processes, in a folder with the text story.txt."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        two = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
        self._torchrun = subprocess.Popen(
            [sys.executable, *two, "-m", "chargen", "train", *arguments],
            cwd=folder,
            env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def kill_second(self) -> None:
        """Kill the second process."""
        number = self._torchrun.pid
        children = Path(f"/proc/{number}/task/{number}/children").read_text().split()
        os.kill(max(map(int, children)), signal.SIGKILL)

    def interrupt(self) -> None:
        """Send SIGINT, as Ctrl-C does."""
        self._torchrun.send_signal(signal.SIGINT)

    def wait_for_save(self, state: Path) -> None:
        """Wait until the state is saved again."""
        before = written(state)
        while self._torchrun.poll() is None and written(state) <= before:
            time.sleep(0.01)

    def end(self) -> Ended:
        """Wait until all have ended."""
        output, errors = self._torchrun.communicate()
        ours = [line for line in errors.splitlines() if line.startswith(("chargen: ", "stopped "))]
        assert str(PACKAGE) not in errors, errors  # no traceback of chargen
        return Ended(self._torchrun.returncode, output, ours)


def written(path: Path) -> int:
    """Return when a file was written, in nanoseconds; 0 if it does not exist."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the text."""
    if not torch.distributed.is_available() or not Path("/proc/self/task").is_dir():
        pytest.skip("needs torch.distributed and /proc")
    folder = tmp_path_factory.mktemp("ranks")
    (folder / "story.txt").write_text(SENTENCES * 80)
    return folder


@pytest.fixture(scope="module")
def forked(place: Path) -> Iterator[Commands]:
    """Commands in that folder in forked processes, which start faster than those of torchrun."""
    commands = Commands(place)
    yield commands
    commands.close()


@pytest.fixture(scope="module")
def complete(forked: Commands) -> list[Outcome]:
    """A run in two processes that was not interrupted, in the folder `complete`."""
    return forked.run_two("train", "story.txt", "-o", "complete", *OPTIONS)


@pytest.fixture(scope="module")
def stopped(place: Path) -> Ended:
    """A run in the folder `run` that was stopped with Ctrl-C after a save."""
    processes = Processes(place, "story.txt", "-o", "run", *OPTIONS)
    processes.wait_for_save(place / "run" / TRAINING)
    processes.interrupt()
    return processes.end()


@pytest.fixture(scope="module")
def killed(place: Path, stopped: Ended) -> Ended:
    """The same run, resumed with the printed command. A save later, one process was killed."""
    begin, arguments = stopped.resume_command
    assert begin == ["torchrun", "--nproc-per-node", "2", "-m", "chargen", "train"]
    processes = Processes(place, *arguments)
    processes.wait_for_save(place / "run" / TRAINING)
    processes.kill_second()
    return processes.end()


@pytest.fixture
def here(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder with the text as the current folder."""
    monkeypatch.chdir(place)
    return place


def run(*arguments: str) -> int:
    """Run the command in this process. Return its status."""
    with pytest.raises(SystemExit) as left:
        main(["train", *arguments])
    assert isinstance(left.value.code, int)
    return left.value.code


def losses(folder: Path) -> list[float]:
    """Return the loss of each update."""
    lines = (folder / LOG).read_text(encoding="utf-8").splitlines()
    records: list[dict[str, Any]] = [json.loads(line) for line in lines]
    return [record["loss"] for record in records if record["record"] == "step"]


def test_two_processes_train_like_one(
    forked: Commands, place: Path, complete: list[Outcome]
) -> None:
    """With the same batch, the updates are the same up to the order of sums.

    The differences grow with each update: the first losses agree to 5 digits, the validation loss
    after 100 updates within 0.005 nats.
    """
    assert forked.run("train", "story.txt", "-o", "alone", *OPTIONS).status == 0
    assert [outcome.status for outcome in complete] == [0, 0]
    assert losses(place / "complete")[:50] == pytest.approx(losses(place / "alone")[:50], rel=1e-5)
    two, one = (Checkpoint.load(place / each).measured for each in ("complete", "alone"))
    assert two["validation_nats"] == pytest.approx(one["validation_nats"], abs=0.005)
    assert two["trained_characters"] == one["trained_characters"]


def test_ctrl_c_saves_once(stopped: Ended) -> None:
    """The only line on standard error has the command that resumes the run."""
    (line,) = stopped.errors
    assert line.startswith("stopped and saved; resume with: torchrun ")


def test_a_process_that_dies_ends_all(killed: Ended) -> None:
    """The other process prints one line."""
    assert killed.status == 1
    (line,) = killed.errors
    assert line.startswith("chargen: error: another process of this run has ended")


def test_a_run_that_is_stopped_and_killed_ends_the_same(
    place: Path,
    forked: Commands,
    complete: list[Outcome],
    killed: Ended,
    assert_same_run: SameRun,
) -> None:
    """The model is that of a run that was not interrupted, bit by bit."""
    assert 0 < TrainingState.read(place / "run").progress.step < 100
    outcomes = forked.run_two("train", "--resume", "-o", "run")
    assert [outcome.status for outcome in outcomes] == [0, 0]
    assert_same_run(place / "run", place / "complete")


def test_only_the_first_process_prints(complete: list[Outcome]) -> None:
    """There is one summary and one sample."""
    first, second = complete
    assert first.out.count("\ntrained   ") + first.out.startswith("trained   ") == 1
    assert first.out.count("\n\n") == 1
    assert (second.out, second.err) == ("", "")


def test_another_number_of_processes_is_refused(forked: Commands, complete: list[Outcome]) -> None:
    """The error has both numbers and the command."""
    outcome = forked.run("train", "--resume", "--steps", "10", "-o", "complete")
    assert outcome.err == (
        "chargen: error: the number of processes of complete is 2, not 1"
        " (resume it with torchrun --nproc-per-node 2 -m chargen train)\n"
    )


@pytest.fixture
def three() -> list[Ranks]:
    """The ranks of three processes, without a connection."""
    ranks = [Ranks() for _ in range(3)]
    for number, each in enumerate(ranks):
        each.rank, each.size = number, 3
    return ranks


@pytest.mark.parametrize("width", [2, 3, 7])
def test_a_batch_is_divided(three: list[Ranks], width: int) -> None:
    """Every sequence is trained on by one rank, and each rank has a sequence to read."""
    inputs = np.arange(4 * width).reshape(4, width)
    batch = Batch(inputs, inputs + 1, np.arange(width) % 2 == 0)
    parts = [each.part(batch) for each in three]
    targets = np.concatenate([part.targets for part in parts], axis=1)
    trained = targets[:, (targets != NO_TARGET).all(axis=0)]
    assert sorted(trained.T.tolist()) == batch.targets.T.tolist()
    for part in parts:
        assert part.inputs.shape[1] >= 1
        known = part.targets != NO_TARGET
        assert (part.targets[known] == part.inputs[known] + 1).all()
        assert (part.reset_mask == (part.inputs[0] % 2 == 0)).all()


def test_a_batch_that_cannot_be_divided_is_refused(three: list[Ranks]) -> None:
    """An automatic batch is reduced to a multiple of the number of processes."""
    three[0].check_batch_size(12)
    message = "batch_size must be a multiple of the number of processes, 3, got 16"
    with pytest.raises(OptionError, match=message):
        three[0].check_batch_size(16)
    assert [three[0].divisible(each) for each in (1, 3, 16)] == [3, 3, 15]


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The environment of the first of two processes that torchrun started."""
    store = TCPStore("localhost", 0, is_master=True)
    values = {"RANK": 0, "WORLD_SIZE": 2, "LOCAL_RANK": 0, "LOCAL_WORLD_SIZE": 2}
    place = {"MASTER_ADDR": "localhost", "MASTER_PORT": store.port}
    for name, value in {**values, **place}.items():
        monkeypatch.setenv(name, str(value))
    yield
    del store


@pytest.mark.usefixtures("launched")
def test_one_process_reports_an_error() -> None:
    """The first process to ask reports its error, and the others do not."""
    assert [torchrun.is_first_report() for _ in range(3)] == [True, False, False]


@pytest.mark.usefixtures("launched")
def test_the_python_function_is_refused(here: Path) -> None:
    """Each process would train a model of its own."""
    with pytest.raises(TrainingError, match="one process \\(use torchrun -m chargen train"):
        chargen.train(here / "story.txt")


@pytest.mark.usefixtures("launched")
def test_standard_input_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Several processes cannot read it."""
    assert run("-") == 2
    assert capsys.readouterr().err == (
        "chargen: error: - (standard input) cannot be read by several processes (use a file;"
        " see chargen train --help)\n"
    )
