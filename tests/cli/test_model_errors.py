"""Tests of models and runs that are missing, damaged or foreign."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from chargen.model.checkpoint import CONFIG, MODEL, TOKENIZER, TRAINING
from tests.cli.outcome import Refused

WRONG_USE, FAILED = 2, 1


# Models


@pytest.mark.parametrize("command", ["sample", "info", "inspect -p the", "inspect --units"])
def test_without_a_model_the_error_suggests_training(refused: Refused, command: str) -> None:
    """The message says how to train a model, and names the included one."""
    message = refused(FAILED, *command.split())
    assert message.startswith("there is no model in checkpoints/")
    assert "train one: chargen train" in message
    assert "-m english" in message


@pytest.mark.parametrize("command", ["sample", "info"])
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere", "there is no model nowhere (available: "),
        ("text.text", "there is no model text.text (did you mean text? available: text"),
        ("text.txt", "text.txt is not a chargen model"),
        ("empty", f"empty is not a chargen model: it has no {CONFIG}"),
        ("x" * 300, "there is no model xxx"),
    ],
)
def test_a_folder_without_a_model_is_refused(
    here: Path, text: str, model: Path, refused: Refused, command: str, name: str, message: str
) -> None:
    """The message differs for a missing folder, a file and an empty folder."""
    (here / "empty").mkdir()
    shutil.copytree(model, here / "checkpoints" / "text")
    assert message in refused(FAILED, command, "-m", name)


def cut(path: Path) -> None:
    """Remove the last byte."""
    path.write_bytes(path.read_bytes()[:-1])


def flip(path: Path) -> None:
    """Change one bit in the middle."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def empty(path: Path) -> None:
    """Remove the content."""
    path.write_bytes(b"")


def remove(path: Path) -> None:
    """Remove the file."""
    path.unlink()


@pytest.mark.parametrize("damage", [cut, flip, empty, remove])
@pytest.mark.parametrize("name", [CONFIG, TOKENIZER, MODEL, TRAINING])
def test_a_damaged_model_or_run_is_refused(
    here: Path, text: str, model: Path, refused: Refused, name: str, damage: Callable[[Path], None]
) -> None:
    """A single changed bit in any of the four files is detected, and a file is named."""
    shutil.copytree(model, here / "copy")
    damage(here / "copy" / name)
    resume = ["train", text, "--resume", "-o", "copy"]
    sample = ["sample", "-m", "copy", "--length", "5"]
    message = refused(FAILED, *(resume if name == TRAINING else sample))
    assert "copy" in message
    assert any(file in message for file in (CONFIG, TOKENIZER, MODEL, TRAINING))


@pytest.mark.parametrize("content", ['{"model_type": "llama"}', "[]", "null", "7", "not json"])
def test_a_model_of_another_program_is_refused(
    here: Path, model: Path, refused: Refused, content: str
) -> None:
    """The message says that chargen did not write config.json."""
    shutil.copytree(model, here / "copy")
    (here / "copy" / CONFIG).write_text(content)
    assert refused(FAILED, "info", "-m", "copy") == f"copy/{CONFIG} was not written by chargen"


def test_a_model_of_another_version_is_refused(here: Path, model: Path, refused: Refused) -> None:
    """The message names both formats."""
    shutil.copytree(model, here / "copy")
    fields = json.loads((here / "copy" / CONFIG).read_text())
    (here / "copy" / CONFIG).write_text(json.dumps({**fields, "format": 99}))
    message = refused(FAILED, "info", "-m", "copy")
    assert "has format 99; this version of chargen reads formats 2 and 3" in message


def test_fine_tuning_a_missing_model_is_refused(text: str, refused: Refused) -> None:
    """The message names the model of --init-from."""
    message = refused(FAILED, "train", text, "--init-from", "nowhere")
    assert message.startswith("there is no model nowhere (available: ")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--cell", "gru"),
        ("--encoder", "one-hot"),
        ("--hidden-size", "17"),
        ("--num-layers", "2"),
        ("--embedding-size", "9"),
    ],
)
def test_fine_tuning_with_other_sizes_is_refused(
    text: str, model: Path, refused: Refused, option: str, value: str
) -> None:
    """Fine-tuning keeps the cell, the encoder and the sizes of the model."""
    message = refused(
        WRONG_USE, "train", text, "--init-from", str(model), "--steps", "2", option, value
    )
    theirs = "is an LSTM" if option == "--cell" else "has "
    expected = f"{option} {value} does not match the model in {model}, which {theirs}"
    assert message.startswith(expected)
    assert message.endswith(f"(omit {option})")


# Resuming


def test_a_finished_run_keeps_its_settings(
    here: Path, text: str, model: Path, refused: Refused
) -> None:
    """The message has the new and the old value, and the run is not trained further."""
    shutil.copytree(model, here / "copy")
    message = refused(
        WRONG_USE, "train", text, "--resume", "-o", "copy", "--steps", "9", "--hidden-size", "17"
    )
    assert message == (
        "--hidden-size 17 differs from the run to resume, which has 16"
        " (omit it, or start a new run)"
    )


def test_resume_excludes_overwrite(text: str, refused: Refused) -> None:
    """The conflict is refused before the run is looked for."""
    message = refused(WRONG_USE, "train", text, "--resume", "--overwrite", "-o", "out")
    assert message.startswith("--resume and --overwrite are mutually exclusive")
