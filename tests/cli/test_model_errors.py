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


@pytest.mark.parametrize("command", ["sample", "info"])
def test_without_a_model_the_error_suggests_training(refused: Refused, command: str) -> None:
    """The message says how to train a model."""
    message = refused(FAILED, command)
    assert message.startswith("there is no model in checkpoints/")
    assert "train one: chargen train" in message


@pytest.mark.parametrize("command", ["sample", "info"])
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere", "nowhere does not exist"),
        ("text.txt", "text.txt is not a chargen model"),
        ("empty", f"empty is not a chargen model: it has no {CONFIG}"),
        ("x" * 300, "File name too long"),
    ],
)
def test_a_folder_without_a_model_is_refused(
    here: Path, text: str, refused: Refused, command: str, name: str, message: str
) -> None:
    """The message differs for a missing folder, a file, an empty folder and a long name."""
    (here / "empty").mkdir()
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
    assert "has format 99; this version of chargen reads format 2" in message


def test_fine_tuning_a_missing_model_is_refused(text: str, refused: Refused) -> None:
    """The message names the folder of --init-from."""
    assert "nowhere does not exist" in refused(FAILED, "train", text, "--init-from", "nowhere")


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
    assert message.startswith(f"{option} {value} does not match the model in {model}, which has")


# Resuming


def test_resuming_a_missing_run_is_refused(here: Path, text: str, refused: Refused) -> None:
    """A run is looked for by the name of the text, or in the folder of -o."""
    assert "no run of text to resume in checkpoints/" in refused(FAILED, "train", text, "--resume")
    assert "nowhere does not exist" in refused(FAILED, "train", text, "--resume", "-o", "nowhere")
    (here / "empty").mkdir()
    message = refused(FAILED, "train", text, "--resume", "-o", "empty")
    assert message.startswith(f"empty has no {TRAINING}, which is needed to resume")


def test_resuming_a_finished_run_is_refused(
    here: Path, text: str, model: Path, refused: Refused
) -> None:
    """The message says how to train the model further."""
    shutil.copytree(model, here / "copy")
    message = refused(WRONG_USE, "train", text, "--resume", "-o", "copy")
    assert message == (
        "copy is finished after 150 steps"
        " (to train it further, use --init-from instead of --resume)"
    )


def test_a_run_in_the_current_folder_is_found(
    here: Path, text: str, model: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    """-o . names the current folder."""
    shutil.copytree(model, here / "copy")
    monkeypatch.chdir(here / "copy")
    assert "is finished" in refused(WRONG_USE, "train", f"../{text}", "--resume", "-o", ".")


@pytest.mark.parametrize("option", [("--overwrite", "-o", "out"), ("--init-from", "x")])
def test_resume_excludes_options_of_a_new_run(
    text: str, refused: Refused, option: tuple[str, ...]
) -> None:
    """Conflicting options are refused before the run is looked for."""
    message = refused(WRONG_USE, "train", text, "--resume", *option)
    assert message.startswith(f"--resume and {option[0]} are mutually exclusive")
