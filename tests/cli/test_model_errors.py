"""A model or a run that is not there, not whole or not ours is told in one line."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from chargen.model.checkpoint import CONFIG, MODEL, TOKENIZER, TRAINING

WRONG_USE, FAILED = 2, 1


# Models.


@pytest.mark.parametrize("command", ["sample", "info"])
def test_without_a_model_the_way_to_one_is_told(refused: Callable[..., str], command: str) -> None:
    """Who has trained nothing yet is told to."""
    said = refused(FAILED, command)
    assert said.startswith("there is no model under checkpoints/ yet")
    assert "train one: chargen train" in said


@pytest.mark.parametrize("command", ["sample", "info"])
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere", "nowhere does not exist"),
        ("text.txt", "text.txt is not a model of chargen"),
        ("empty", f"empty is not a model of chargen: it holds no {CONFIG}"),
        ("x" * 300, "File name too long"),
    ],
)
def test_a_model_that_is_none_is_refused(
    here: Path, text: str, refused: Callable[..., str], command: str, name: str, said: str
) -> None:
    """A missing folder, a file, an empty folder and an impossible name are told apart."""
    (here / "empty").mkdir()
    assert said in refused(FAILED, command, "-m", name)


def cut(path: Path) -> None:
    """Take the last byte away."""
    path.write_bytes(path.read_bytes()[:-1])


def flip(path: Path) -> None:
    """Change one bit in the middle."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def empty(path: Path) -> None:
    """Take everything away."""
    path.write_bytes(b"")


def remove(path: Path) -> None:
    """Take the file itself away."""
    path.unlink()


@pytest.mark.parametrize("name", [CONFIG, TOKENIZER, MODEL])
@pytest.mark.parametrize("damage", [cut, flip, empty, remove])
def test_a_damaged_model_is_refused(
    here: Path,
    model: Path,
    refused: Callable[..., str],
    name: str,
    damage: Callable[[Path], None],
) -> None:
    """One wrong bit in any of the three files is found, and the message names a file."""
    shutil.copytree(model, here / "copy")
    damage(here / "copy" / name)
    said = refused(FAILED, "sample", "-m", "copy", "--length", "5")
    assert "copy" in said
    assert any(file in said for file in (CONFIG, TOKENIZER, MODEL))


@pytest.mark.parametrize("content", ['{"model_type": "llama"}', "[]", "null", "7", "not json"])
def test_a_model_of_another_program_is_refused(
    here: Path, model: Path, refused: Callable[..., str], content: str
) -> None:
    """A config.json that chargen did not write is said to be foreign."""
    shutil.copytree(model, here / "copy")
    (here / "copy" / CONFIG).write_text(content)
    assert refused(FAILED, "info", "-m", "copy") == f"copy/{CONFIG} was not written by chargen"


def test_a_model_of_another_version_is_refused(
    here: Path, model: Path, refused: Callable[..., str]
) -> None:
    """A newer format is not guessed at."""
    shutil.copytree(model, here / "copy")
    fields = json.loads((here / "copy" / CONFIG).read_text())
    (here / "copy" / CONFIG).write_text(json.dumps({**fields, "format": 99}))
    assert "has format 99; this chargen reads format 1" in refused(FAILED, "info", "-m", "copy")


def test_fine_tuning_without_its_model_is_refused(text: str, refused: Callable[..., str]) -> None:
    """The model to begin with has to be there."""
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
    text: str, model: Path, refused: Callable[..., str], option: str, value: str
) -> None:
    """A model keeps its sizes."""
    said = refused(
        WRONG_USE, "train", text, "--init-from", str(model), "--steps", "2", option, value
    )
    assert said.startswith(f"{option} {value} does not fit --init-from")


# Going on.


def test_there_must_be_a_run_to_go_on_with(
    here: Path, text: str, refused: Callable[..., str]
) -> None:
    """Neither by the text's name nor by -o is a run found where none was."""
    assert "there is no run on text under checkpoints/" in refused(
        FAILED, "train", text, "--resume"
    )
    assert "nowhere does not exist" in refused(FAILED, "train", text, "--resume", "-o", "nowhere")
    (here / "empty").mkdir()
    said = refused(FAILED, "train", text, "--resume", "-o", "empty")
    assert said.startswith(f"empty holds no {TRAINING} to resume from")


def test_a_finished_run_is_not_gone_on_with(
    here: Path, text: str, model: Path, refused: Callable[..., str]
) -> None:
    """What is done is done; the message tells how to train on."""
    shutil.copytree(model, here / "copy")
    said = refused(FAILED, "train", text, "--resume", "-o", "copy")
    assert said.startswith("copy is finished (150 steps)")
    assert "--init-from copy" in said


def test_going_on_in_the_current_folder_is_no_crash(
    here: Path,
    text: str,
    model: Path,
    refused: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A dot names a folder like any other name."""
    shutil.copytree(model, here / "copy")
    monkeypatch.chdir(here / "copy")
    assert "is finished" in refused(FAILED, "train", f"../{text}", "--resume", "-o", ".")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ("--overwrite", "-o", "out"),
            "--resume goes on with a run, --overwrite begins one: choose",
        ),
        (("--init-from", "x"), "--resume goes on with a run, --init-from begins one: choose"),
    ],
)
def test_going_on_and_beginning_exclude_each_other(
    text: str, refused: Callable[..., str], options: tuple[str, ...], said: str
) -> None:
    """Contradicting options are refused before anything is looked for."""
    assert said in refused(WRONG_USE, "train", text, "--resume", *options)


@pytest.mark.parametrize("damage", [cut, flip, empty])
def test_a_damaged_run_is_not_gone_on_with(
    here: Path,
    text: str,
    model: Path,
    refused: Callable[..., str],
    damage: Callable[[Path], None],
) -> None:
    """A changed training.safetensors is found by its checksum."""
    shutil.copytree(model, here / "copy")
    damage(here / "copy" / TRAINING)
    assert f"copy/{TRAINING} is damaged" in refused(FAILED, "train", text, "--resume", "-o", "copy")
