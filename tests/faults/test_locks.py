"""One process at a time writes to a folder."""

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from chargen.model.locked_folder import FolderInUseError, LockedFolder
from tests.faults.commands import QUICK, Commands, error_of
from tests.faults.test_kills import SIGKILL

TRAIN = ("train", "text.txt", "-o", "run", "--steps", "3", *QUICK)


@pytest.mark.parametrize("options", [(), ("--resume",)])
def test_a_second_training_names_the_first(commands: Commands, options: tuple[str, ...]) -> None:
    """The second training fails with the process ID of the first, which continues."""
    first = LockedFolder(commands.folder / "run")
    message = error_of(commands.run(*TRAIN, *options))
    assert message == (
        f"run is in use by process {os.getpid()} (stop it, or choose another folder)"
    )
    assert os.listdir(commands.folder / "run") == [".lock"]
    first.close()
    assert commands.run(*TRAIN, *options).status == 0


def test_the_lock_of_a_killed_process_does_not_hold(commands: Commands) -> None:
    """A killed process leaves its lock file, but the system has released the lock."""
    kill = {"name": "at", "point": "_update", "number": 2, "action": "send"}
    fault = {**kill, "numbers": [int(signal.SIGKILL)]}
    assert commands.run(*TRAIN, faults=[fault]).status == SIGKILL
    assert (commands.folder / "run" / ".lock").exists()
    assert commands.run("train", "--resume", "-o", "run").status == 0
    assert not (commands.folder / "run" / ".lock").exists()


def take_turns(path: Path, turns: int) -> None:
    """Lock a folder many times; while it is locked, no other process may be inside."""
    inside = path / "inside"
    for _ in range(turns):
        while True:
            try:
                folder = LockedFolder(path)
                break
            except FolderInUseError:
                continue
        inside.mkdir()  # fails if another process is inside
        inside.rmdir()
        folder.close()


def test_a_release_has_no_race(tmp_path: Path) -> None:
    """Of processes that create, lock and remove the file all the time, one holds it."""
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=take_turns, args=(tmp_path, 200)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert os.listdir(tmp_path) == []
