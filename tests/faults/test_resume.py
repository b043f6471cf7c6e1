"""`chargen train --resume` can be repeated until the run is finished, whatever stopped it."""

import json
import shutil
import time
from pathlib import Path

import pytest

from chargen.model.checkpoint import CONFIG, SOURCE, TRAINING, Checkpoint
from tests.faults.commands import QUICK, TEXT, Commands, error_of, strays
from tests.faults.test_kills import SIGKILL, SameRun

AT_FIRST_SAVE = {"name": "at", "point": "save", "number": 1, "action": "send", "numbers": [9]}
AT_STEP_3 = {**AT_FIRST_SAVE, "point": "_update", "number": 3}


@pytest.fixture
def killed(commands: Commands) -> Path:
    """A run of eight steps that was killed before its first save."""
    arguments = ("train", "text.txt", "-o", "run", "--steps", "8", *QUICK)
    assert commands.run(*arguments, faults=[AT_FIRST_SAVE]).status == SIGKILL
    assert not (commands.folder / "run" / TRAINING).exists()
    return commands.folder / "run"


@pytest.fixture
def stopped(commands: Commands) -> Path:
    """A run of eight steps that was killed at its third step, which it saves before."""
    arguments = ("train", "text.txt", "-o", "run", "--steps", "8", "--save-every", "0", *QUICK)
    assert commands.run(*arguments, faults=[AT_STEP_3]).status == SIGKILL
    return commands.folder / "run"


@pytest.mark.parametrize("left", ["nothing", "an empty folder", "a lock"])
def test_a_run_starts_where_there_is_nothing_yet(commands: Commands, left: str) -> None:
    """The first command of a loop may have been killed at any moment, or never have run."""
    if left != "nothing":
        (commands.folder / "run").mkdir()
    if left == "a lock":
        (commands.folder / "run" / ".lock").write_text("1\n")
    outcome = commands.run("train", "text.txt", "--resume", "-o", "run", "--steps", "2", *QUICK)
    assert outcome.status == 0, outcome.err
    assert Checkpoint.load(commands.folder / "run").finished
    assert strays(commands.folder) == []


def test_a_run_is_resumed_with_its_folder_alone(
    commands: Commands, stopped: Path, assert_same_run: SameRun
) -> None:
    """The folder alone provides the path of the text and the options of the run."""
    shutil.copytree(stopped, commands.folder / "other")
    outcome = commands.run("train", "--resume", "-o", "run")
    assert outcome.status == 0, outcome.err
    assert Checkpoint.load(stopped).measured["run_steps"] == 8
    assert commands.run("train", "--resume", "-o", "other", "text.txt").status == 0
    assert_same_run(stopped, commands.folder / "other")


def test_a_run_without_a_save_starts_with_its_settings(commands: Commands, killed: Path) -> None:
    """The options and the text were stored before the first slow step."""
    outcome = commands.run("train", "--resume", "-o", "run")
    assert outcome.status == 0, outcome.err
    fields = json.loads((killed / CONFIG).read_bytes())
    assert fields["training"]["budget"] == {"kind": "steps", "amount": 8}
    assert fields["options"]["hidden_size"] == 8
    assert strays(commands.folder) == []


CALL = "import chargen; chargen.train('text.txt', output='run', steps=2, hidden_size=8)"


@pytest.mark.parametrize("program", [("-m", "chargen"), ("-c", CALL)], ids=["command", "function"])
def test_settings_are_stored_before_torch_is_imported(
    commands: Commands, program: tuple[str, ...]
) -> None:
    """A process that is killed as soon as they exist has not saved, and is resumed."""
    settings = commands.folder / "run" / "settings.json"
    arguments = ("train", "text.txt", "-o", "run", "--steps", "2", *QUICK)
    with commands.launch(*arguments, program=program) as process:
        while not settings.exists() and process.poll() is None:
            time.sleep(0.002)
        libraries = Path(f"/proc/{process.pid}/maps")
        loaded = libraries.read_text() if libraries.exists() else ""
        process.kill()
    assert "libtorch" not in loaded
    assert not (settings.parent / TRAINING).exists()
    outcome = commands.run("train", "--resume", "-o", "run")
    assert outcome.status == 0, outcome.err
    model = Checkpoint.load(settings.parent)
    assert (model.measured["run_steps"], model.config.hidden_size) == (2, 8)


def test_another_text_and_budget_replace_those_without_a_save(
    commands: Commands, killed: Path
) -> None:
    """A text that was moved in the meantime can be named, and nothing of the budget is spent."""
    (commands.folder / "text.txt").rename(commands.folder / "moved.txt")
    assert "text.txt does not exist" in error_of(commands.run("train", "--resume", "-o", "run"))
    outcome = commands.run("train", "--resume", "-o", "run", "moved.txt", "--steps", "2")
    assert outcome.status == 0, outcome.err
    assert json.loads((killed / CONFIG).read_bytes())["training"]["budget"]["amount"] == 2


def test_the_same_command_without_resume_starts_a_killed_run(
    commands: Commands, killed: Path
) -> None:
    """A folder without a save is not a model that could be lost."""
    outcome = commands.run("train", "text.txt", "-o", "run", "--steps", "1", *QUICK)
    assert outcome.status == 0, outcome.err
    assert Checkpoint.load(killed).measured["run_steps"] == 1


def test_a_finished_run_prints_one_line(commands: Commands) -> None:
    """The exit status is 0, and the line has the command that trains it further."""
    commands.run("train", "text.txt", "-o", "run", "--steps", "2", *QUICK)
    before = (commands.folder / "run" / TRAINING).read_bytes()
    for _ in range(2):
        outcome = commands.run("train", "--resume", "-o", "run")
        assert (outcome.status, outcome.err) == (0, "")
        further = "train it further with: chargen train --resume --steps 2 -o run"
        assert outcome.out == f"run is finished after 2 steps; {further}\n"
    assert (commands.folder / "run" / TRAINING).read_bytes() == before


def test_a_moved_text_can_be_named(commands: Commands, stopped: Path) -> None:
    """A missing text is an error that says so; another name of the same text is not."""
    (commands.folder / "text.txt").rename(commands.folder / "moved.txt")
    message = error_of(commands.run("train", "--resume", "-o", "run"))
    assert message == (
        f"{commands.folder / 'text.txt'}, which run was trained on, does not exist"
        " (if it was moved, pass its new path)"
    )
    outcome = commands.run("train", "--resume", "-o", "run", "moved.txt")
    assert outcome.status == 0, outcome.err
    assert "moved.txt" in (stopped / SOURCE).read_text()


@pytest.mark.parametrize(
    ("text", "change"),
    [
        (TEXT + "more", f"it has {len(TEXT) + 4:,} characters, not {len(TEXT):,}"),
        (TEXT.swapcase(), "its sha256 is "),
    ],
    ids=["length", "content"],
)
def test_a_changed_text_is_refused_with_what_changed(
    commands: Commands, stopped: Path, text: str, change: str
) -> None:
    """The run does not change."""
    before = (stopped / TRAINING).read_bytes()
    (commands.folder / "text.txt").write_text(text)
    message = error_of(commands.run("train", "--resume", "-o", "run"))
    assert message.startswith(f"text is not the text that run was trained on: {change}")
    assert (stopped / TRAINING).read_bytes() == before


@pytest.mark.parametrize("state", ["killed", "stopped"])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--hidden-size 9", "--hidden-size 9 differs from the run to resume, which has 8"),
        ("--cell gru", "--cell gru differs from the run to resume, which has "),
        ("--lines", "--lines differs from the run to resume, which does not have it"),
        ("--normalize nfc", "--normalize nfc differs from the run to resume, which has none"),
    ],
)
def test_contradicting_settings_are_refused(
    commands: Commands, request: pytest.FixtureRequest, state: str, options: str, message: str
) -> None:
    """The error has both values, before and after the first save."""
    request.getfixturevalue(state)
    outcome = commands.run("train", "--resume", "-o", "run", *options.split())
    assert error_of(outcome).startswith(message)


def test_settings_can_be_repeated(commands: Commands, killed: Path, stopped: Path) -> None:
    """The command that started the run, with --resume, is that of a loop."""
    options = ("--steps", "8", "--save-every", "0", *QUICK)
    assert commands.run("train", "text.txt", "--resume", "-o", "run", *options).status == 0


def test_standard_input_must_be_passed_again(commands: Commands, stopped: Path) -> None:
    """The recorded source says that it was not a file."""
    source = json.loads((stopped / SOURCE).read_text())
    (stopped / SOURCE).write_text(json.dumps({**source, "files": ["-"]}))
    message = error_of(commands.run("train", "--resume", "-o", "run"))
    assert message == "run was trained on standard input (pass the same text again)"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--resume", "--resume needs TEXT or -o FOLDER"),
        ("--resume -o nowhere", "nowhere has no run to resume (pass TEXT to start one;"),
        ("--resume -o nowhere --glob *", "--glob has no effect without TEXT"),
        ("--resume -o nowhere absent.txt", "absent.txt does not exist"),
    ],
)
def test_what_is_missing_is_named(commands: Commands, arguments: str, message: str) -> None:
    """The error names the missing argument, and no file is written."""
    assert message in error_of(commands.run("train", *arguments.split()))
    assert not (commands.folder / "nowhere").exists()


def test_damaged_settings_are_named(commands: Commands, killed: Path) -> None:
    """The error says that nothing is lost."""
    (killed / "settings.json").write_text("{")
    message = error_of(commands.run("train", "--resume", "-o", "run"))
    assert message.startswith(f"{Path('run', 'settings.json')} is damaged, and nothing was trained")
