"""What ends one of two processes that train together ends both, and the run is resumed."""

import re
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from chargen.model.checkpoint import MODEL, TRAINING
from tests.cli.outcome import Outcome
from tests.faults.commands import QUICK, TEXT, Commands, strays
from tests.faults.test_divergence import TRAIN as DIVERGE
from tests.faults.test_divergence import diverging, records
from tests.faults.test_kills import SIGKILL, SameRun

TRAIN = ("train", "text.txt", "-o", "run", "--steps", "12", "--save-every", "0", *QUICK)
RESUME = "torchrun --nproc-per-node 2 -m chargen train --resume -o run"
WHO = {"first": [0], "second": [1], "both": [0, 1]}

pytestmark = pytest.mark.skipif(
    not torch.distributed.is_available(), reason="needs torch.distributed"
)


@pytest.fixture(scope="module")
def complete(server: Commands, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in two processes that was never interrupted."""
    server.folder = tmp_path_factory.mktemp("complete")
    (server.folder / "text.txt").write_text(TEXT)
    check(server.run_two(*TRAIN), 0, 0)
    return server.folder / "run"


def at(point: str, number: int, action: str, **arguments: Any) -> dict[str, Any]:
    """Return a fault that takes an action when a method of the trainer is called."""
    return {"name": "at", "point": point, "number": number, "action": action, **arguments}


def signals(point: str, number: int, *numbers: int) -> dict[str, Any]:
    """Return a fault that sends signals to the process itself."""
    return at(point, number, "send", numbers=list(map(int, numbers)))


def in_ranks(ranks: list[int], *faults: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """Return the faults of each process, of which some have these."""
    return [list(faults) if rank in ranks else [] for rank in range(2)]


def check(outcomes: list[Outcome], *statuses: int) -> list[str]:
    """Check how the processes ended. Return their error messages."""
    errors = "".join(outcome.err for outcome in outcomes)
    assert [outcome.status for outcome in outcomes] == list(statuses), errors
    assert "Traceback" not in errors, errors
    return re.findall("^chargen: error: (.*)", errors, re.MULTILINE)


@pytest.mark.parametrize("factor", [float("nan"), 3000.0], ids=["nan", "jump"])
def test_divergence_in_one_process_returns_both(commands: Commands, factor: float) -> None:
    """Both processes have the same weights at the end, and the run ends with a good model."""
    end = [at("_finish", 1, "write weights", path=f"weights-{rank}") for rank in range(2)]
    faults = [[end[0]], [end[1], *diverging(21, factor=factor)]]
    assert check(commands.run_two(*DIVERGE, "-o", "run", faults=faults), 0, 0) == []
    (returned,) = records(commands.folder / "run", "returned")
    assert returned["good_step"] <= 20 <= returned["step"]
    weights = [(commands.folder / f"weights-{rank}").read_bytes() for rank in range(2)]
    assert weights[0] == weights[1]
    losses = [step["loss"] for step in records(commands.folder / "run", "step")]
    assert losses[-1] < losses[10]


def test_the_third_divergence_in_one_process_ends_both(commands: Commands) -> None:
    """There is one error, and the last good weights are saved."""
    faults = in_ranks([1], *diverging(29, 31, 33))
    (message,) = check(commands.run_two(*DIVERGE, "-o", "run", faults=faults), 1, 1)
    assert message.startswith("the loss became nan after step 30, although the run returned to")
    assert (commands.folder / "run" / TRAINING).exists()


@pytest.mark.parametrize(
    ("who", "fault"),
    [
        ("first", signals("save", 1, signal.SIGKILL)),
        ("second", {"name": "killed while reading"}),
        ("first", {"name": "killed while reading"}),
    ],
)
def test_a_run_that_is_killed_before_its_first_save_is_resumed(
    commands: Commands, complete: Path, assert_same_run: SameRun, who: str, fault: dict[str, Any]
) -> None:
    """Whichever process is killed, the folder alone is enough to start the run again."""
    statuses = [SIGKILL if rank in WHO[who] else 1 for rank in range(2)]
    errors = check(commands.run_two(*TRAIN, faults=in_ranks(WHO[who], fault)), *statuses)
    assert len(errors) == statuses.count(1)
    assert not (commands.folder / "run" / TRAINING).exists()
    check(commands.run_two("train", "--resume", "-o", "run"), 0, 0)
    assert_same_run(commands.folder / "run", complete)
    assert strays(commands.folder) == []


@pytest.mark.parametrize(
    ("how", "then"), [("stopped", "repeated"), ("killed", "repeated"), ("stopped", "resumed")]
)
def test_an_interrupted_replacement_is_repeated_or_resumed(
    commands: Commands, complete: Path, assert_same_run: SameRun, how: str, then: str
) -> None:
    """The old model is intact until then, and the new one does not depend on the interruption."""
    assert commands.run(*TRAIN[:4], "--steps", "1", "--seed", "7", *QUICK).status == 0
    before = (commands.folder / "run" / MODEL).read_bytes()
    replace = (*TRAIN, "--overwrite")
    number = signal.SIGTERM if how == "stopped" else signal.SIGKILL
    outcomes = commands.run_two(*replace, faults=in_ranks([1], signals("_update", 5, number)))
    if how == "stopped":
        check(outcomes, 128 + number, 128 + number)
        assert outcomes[0].err.splitlines()[-1] == f"stopped and saved; resume with: {RESUME}"
    else:
        check(outcomes, 1, SIGKILL)
    assert (commands.folder / "run" / MODEL).read_bytes() == before
    again = replace if then == "repeated" else ("train", "--resume", "-o", "run")
    check(commands.run_two(*again), 0, 0)
    assert_same_run(commands.folder / "run", complete)
    assert strays(commands.folder) == []


@pytest.mark.parametrize("who", WHO)
def test_a_second_signal_ends_both_at_once(
    commands: Commands, complete: Path, assert_same_run: SameRun, who: str
) -> None:
    """It comes during a save. The one before is intact, and the run is resumed from it."""
    fault = signals("save", 4, signal.SIGINT, signal.SIGINT)
    statuses = [130 if rank in WHO[who] else 1 for rank in range(2)]
    outcomes = commands.run_two(*TRAIN, faults=in_ranks(WHO[who], fault))
    assert len(check(outcomes, *statuses)) == statuses.count(1)
    if statuses[0] == 130:
        assert outcomes[0].err.splitlines()[-1] == f"stopped; resume with: {RESUME}"
    check(commands.run_two("train", "--resume", "-o", "run"), 0, 0)
    assert_same_run(commands.folder / "run", complete)


def test_one_process_encodes_a_long_text(commands: Commands) -> None:
    """The other one reads what the first one has stored, at the start and when it is resumed."""
    stop = signals("_update", 5, signal.SIGTERM)
    faults = [[{"name": "every text is long", "can_encode": rank == 0}, stop] for rank in range(2)]
    check(commands.run_two(*TRAIN, faults=faults), 143, 143)
    shutil.rmtree(commands.folder / ".chargen-cache")
    check(commands.run_two("train", "--resume", "-o", "run", faults=faults), 143, 143)


def test_both_processes_end_if_the_text_is_missing(commands: Commands) -> None:
    """The error is that of the text, not that the other process has ended."""
    (commands.folder / "text.txt").unlink()
    (message,) = check(commands.run_two(*TRAIN), 1, 1)
    assert "text.txt does not exist" in message
    assert not (commands.folder / "run").exists()
