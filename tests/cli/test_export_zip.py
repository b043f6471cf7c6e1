"""Tests of `chargen export zip`, and of an archive in the place of a model folder."""

import json
import shutil
import sys
import zipfile
from pathlib import Path

import pytest

from chargen.model.checkpoint import CARD, CONFIG, MODEL, SOURCE, TOKENIZER, TRAINING, read_files
from tests.cli.outcome import Command, Refused

FAILURE = 1


@pytest.fixture
def archive(chargen: Command, here: Path, model: Path) -> str:
    """An archive of the model in the current folder, under another name."""
    assert chargen("export", "zip", "-m", str(model), "-o", "shared.zip").status == 0
    return "shared.zip"


def test_an_archive_is_named_after_its_model(chargen: Command, here: Path, model: Path) -> None:
    """Without -o it is <model>.zip, and one line tells its name, its size and its use."""
    outcome = chargen("export", "zip", str(model))
    size = (here / "model.zip").stat().st_size / 1e3
    assert outcome.out == f"archive   model.zip ({size:.1f} kB; use it with -m model.zip)\n"
    with zipfile.ZipFile(here / "model.zip") as written:
        names = [CONFIG, TOKENIZER, MODEL, CARD]
        assert written.namelist() == [f"model/{name}" for name in names]


def test_an_archive_does_not_tell_where_the_text_is(
    chargen: Command, here: Path, text: str, quick: tuple[str, ...]
) -> None:
    """The folder records the path of the training text; no file of the archive contains it."""
    assert chargen("train", text, *quick).status == 0
    path = str(here).encode()
    assert path in (here / "checkpoints" / "text" / SOURCE).read_bytes()
    assert chargen("export", "zip", "-m", "text").status == 0
    with zipfile.ZipFile(here / "text.zip") as written:
        assert not any(path in written.read(name) for name in written.namelist())


def test_an_existing_file_is_kept(
    chargen: Command, here: Path, model: Path, archive: str, refused: Refused
) -> None:
    """--overwrite replaces it with the same bytes."""
    before = (here / archive).read_bytes()
    arguments = ("export", "zip", "-m", str(model), "-o", archive)
    assert refused(FAILURE, *arguments).startswith(f"{archive} exists (use --overwrite, ")
    assert chargen(*arguments, "--overwrite").status == 0
    assert (here / archive).read_bytes() == before


@pytest.mark.parametrize(
    "arguments",
    [
        "sample -n 5 --seed 1",
        "sample -n 5 --seed 1 --num-samples 2",
        "score the",
        "score --choices a,b",
        "repl --seed 1 -n 5",
        "inspect -p the",
        "inspect -p the --unfold",
    ],
)
def test_commands_read_an_archive(
    chargen: Command,
    here: Path,
    model: Path,
    archive: str,
    arguments: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They print what they print for the folder, and write nothing."""
    monkeypatch.setattr(sys, "stdin", None)
    command, *options = arguments.split()
    expected = chargen(command, "-m", str(model), *options)
    assert expected.status == 0
    assert chargen(command, "-m", archive, *options) == expected
    assert [path.name for path in here.iterdir()] == [archive]


def test_an_archive_in_checkpoints_has_a_name(
    chargen: Command, here: Path, archive: str, model: Path
) -> None:
    """-m shared.zip finds checkpoints/shared.zip, and a page is named after it."""
    (here / "checkpoints").mkdir()
    shutil.move(archive, here / "checkpoints" / archive)
    assert chargen("export", "page", "-m", archive).out.startswith("page      shared.html (")
    found = json.loads(chargen("info", archive, "--json").out)
    assert found["folder"] == str(Path("checkpoints", archive))


def test_info_says_what_to_share(chargen: Command, here: Path, model: Path, archive: str) -> None:
    """The files and their size; the state of the training is not among them."""
    found = json.loads(chargen("info", "-m", str(model), "--json").out)
    assert found["shared_files"] == f"{CONFIG}, {TOKENIZER}, {MODEL}, {CARD}"
    assert found["shared_bytes"] == sum(map(len, read_files(model, card=True).values()))
    assert found["training_state_bytes"] == (model / TRAINING).stat().st_size
    lines = chargen("info", "-m", str(model)).out.splitlines()
    assert lines[-3].endswith(found["shared_files"])
    assert lines[-2].endswith(f"{found['shared_bytes']:,} bytes (chargen export zip)")
    assert lines[-1].startswith(TRAINING)
    assert lines[-1].endswith("bytes, only to resume training")
    shared = json.loads(chargen("info", "-m", archive, "--json").out)
    assert shared["shared_bytes"] == found["shared_bytes"]
    assert shared["training_state_bytes"] is None


def test_training_starts_from_an_archive(
    chargen: Command, text: str, model: Path, archive: str
) -> None:
    """--init-from takes it, and stores the digest of its weights."""
    options = ["--steps", "1", "--device", "cpu", "--precision", "float32", "-o", "new"]
    outcome = chargen("train", text, "--init-from", archive, *options)
    assert outcome.status == 0, outcome.err
    found = json.loads(chargen("info", "new", "--json").out)
    assert found["start"] == archive
    assert chargen("train", text, "--init-from", str(model), *options[:-1], "other").status == 0
    other = json.loads(chargen("info", "other", "--json").out)
    assert found["start_sha256"] == other["start_sha256"]


@pytest.mark.parametrize("command", ["sample", "info", "score the", "export page"])
def test_a_damaged_archive_is_one_line(
    refused: Refused, here: Path, archive: str, command: str
) -> None:
    """The message names the archive."""
    (here / archive).write_bytes((here / archive).read_bytes()[:-5])
    assert refused(FAILURE, *command.split(), "-m", archive) == (
        f"{archive} is damaged: it is not a complete zip archive (copy it again)"
    )
