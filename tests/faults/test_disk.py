"""A write that fails ends a run with one line, and nothing that was saved is lost."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chargen.model.checkpoint import MODEL, TRAINING, Checkpoint
from tests.faults.commands import QUICK, TEXT, Commands, error_of

CODES = {
    "ENOSPC": "No space left on device",
    "EIO": "Input/output error",
    "EROFS": "Read-only file system",
}
TRAIN = ("train", "text.txt", "--steps", "2", *QUICK)
is_root = hasattr(os, "geteuid") and os.geteuid() == 0


def at_update(number: int, action: str, **arguments: Any) -> dict[str, Any]:
    """Return a fault that takes an action before an update."""
    return {"name": "at", "point": "_update", "number": number, "action": action, **arguments}


@pytest.fixture
def model(commands: Commands) -> Path:
    """A finished model, which the tests replace."""
    assert commands.run(*TRAIN, "-o", "model").status == 0
    return commands.folder / "model"


def check_failure(commands: Commands, number: int, code: str, before: bytes) -> bool:
    """Replace the model while the n-th call fails. Return whether the run passed."""
    fault = {"name": "failing call", "number": number, "code": code}
    outcome = commands.run(*TRAIN, "-o", "model", "--overwrite", "--seed", "2", faults=[fault])
    assert not list(commands.folder.rglob("*.tmp")), number
    loaded = Checkpoint.load(commands.folder / "model")
    if outcome.status == 0:
        return True
    message = error_of(outcome)
    assert message.startswith("model") or message.startswith((".model.new", ".")), message
    assert CODES[code] in message
    if loaded.description.training["seed"] == 1:
        assert (commands.folder / "model" / MODEL).read_bytes() == before
    else:  # only the last flush to the disk failed
        assert "cannot be flushed" in message
    return False


@pytest.mark.parametrize("every", [11, pytest.param(1, marks=pytest.mark.long)])
def test_the_nth_write_fails(commands: Commands, model: Path, every: int) -> None:
    """The old model stays intact, whichever write, fsync or rename fails."""
    before, original = (model / MODEL).read_bytes(), commands.folder / "original"
    shutil.copytree(model, original)
    codes = list(CODES)
    for number in range(1, 1_000, every):
        passed = False
        for code in codes if every == 1 else [codes[number % len(codes)]]:
            passed = check_failure(commands, number, code, before)
            shutil.rmtree(model)
            shutil.copytree(original, model)
        if passed:
            break
    assert number > 20


def test_a_failed_run_is_resumed(commands: Commands) -> None:
    """After the disk has space again, the same folder is resumed."""
    fault = {"name": "failing call", "number": 30, "code": "ENOSPC"}
    error_of(commands.run(*TRAIN, "-o", "run", faults=[fault]))
    outcome = commands.run("train", "--resume", "-o", "run")
    assert outcome.status == 0, outcome.err


def test_files_are_limited(commands: Commands, model: Path) -> None:
    """RLIMIT_FSIZE lets the first large write fail."""
    before = (model / MODEL).read_bytes()
    limit = {"name": "file size limit", "size": 4096}
    outcome = commands.run(*TRAIN, "-o", "model", "--overwrite", faults=[limit])
    assert error_of(outcome).endswith("cannot be written: File too large")
    assert (model / MODEL).read_bytes() == before
    assert not list(commands.folder.rglob("*.tmp"))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)]
    if not is_root or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the permission to mount a file system")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_disk_is_full(commands: Commands, small_disk: Path) -> None:
    """The run ends with one line, and continues when there is space."""
    (small_disk / "ballast").write_bytes(bytes(235_000))
    outcome = commands.run(*TRAIN, "-o", "disk/run")
    assert error_of(outcome).endswith("cannot be written: No space left on device")
    assert not list(small_disk.rglob("*.tmp"))
    (small_disk / "ballast").unlink()
    outcome = commands.run("train", "--resume", "-o", "disk/run")
    assert outcome.status == 0, outcome.err


def test_the_folder_is_deleted_while_training(commands: Commands) -> None:
    """The next write fails, and nothing is created again."""
    outcome = commands.run(*TRAIN, "-o", "run", faults=[at_update(2, "remove folder")])
    assert error_of(outcome).endswith("cannot be written: No such file or directory")
    assert not (commands.folder / "run").exists()


@pytest.mark.skipif(is_root, reason="root can write anywhere")
def test_the_folder_becomes_read_only_while_training(commands: Commands) -> None:
    """The next save fails, and the last one is intact."""
    outcome = commands.run(*TRAIN, "-o", "run", faults=[at_update(2, "lock folder")])
    (commands.folder / "run").chmod(0o755)
    assert error_of(outcome).endswith("cannot be written: Permission denied")
    assert commands.run("train", "--resume", "-o", "run").status == 0


@pytest.mark.parametrize(
    "change",
    [
        {"action": "write text", "path": "text.txt", "text": "other"},
        {"action": "write text", "path": "text.txt", "text": TEXT[:50]},
        {"action": "remove text", "path": "text.txt"},
    ],
    ids=["changed", "shortened", "deleted"],
)
def test_the_text_changes_while_training(commands: Commands, change: dict[str, str]) -> None:
    """The run continues with the text that it has read."""
    outcome = commands.run(*TRAIN, "-o", "run", faults=[at_update(1, **change)])
    assert outcome.status == 0, outcome.err
    assert Checkpoint.load(commands.folder / "run").finished


def test_a_network_is_larger_than_the_memory(commands: Commands) -> None:
    """The line has the size that failed and the options to lower; no folder remains."""
    large = ("--hidden-size", "8000", "--init-from", "none", "--steps", "1")
    limit = {"name": "memory limit", "more": 300_000_000}
    outcome = commands.run("train", "text.txt", "-o", "run", *large, faults=[limit])
    assert error_of(outcome) == (
        "out of memory: 1.0 GB could not be allocated"
        " (use a smaller --batch-size, --sequence-length or --hidden-size)"
    )
    assert not (commands.folder / "run").exists()


def test_memory_runs_out_while_training(commands: Commands) -> None:
    """The last save is intact, and the run is resumed from it."""
    run = ("train", "text.txt", "-o", "run", "--steps", "6", "--save-every", "0", *QUICK)
    message = error_of(commands.run(*run, faults=[at_update(4, "limit memory")]))
    assert message.startswith("out of memory: 8.6 GB could not be allocated (use a smaller ")
    assert message.endswith("; the last save is intact)")
    assert (commands.folder / "run" / TRAINING).exists()
    outcome = commands.run("train", "--resume", "-o", "run")
    assert outcome.status == 0, outcome.err
