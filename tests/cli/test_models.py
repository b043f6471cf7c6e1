"""Tests of `chargen models`, and of how commands take the name of a model."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from chargen.cli.models import Row, table
from chargen.model.checkpoint import CONFIG, MODEL, SETTINGS, TOKENIZER, TRAINING, Checkpoint
from chargen.model.find import tour_names
from chargen.text.display import text_width
from tests.cli.outcome import Command, Refused

FAILURE, USAGE_ERROR = 1, 2
ROWS = [
    Row("a-long-name-of-a-model-of-spring-2026", "f", False, "diary", "gru", 2, 128, 1.5, "2026"),
    Row("diary", "f", False, "昔話の本", "feedforward", 1, 1024, None, "2026-11-27 06:16", False),
    Row("half", "f", False, error=f"{MODEL} is damaged: it is not a complete safetensors file"),
    Row("english", "f", True, "english", "lstm", 1, 512, 1.294, None, True),
]


@pytest.fixture
def checkpoints(here: Path, model: Path) -> Path:
    """A folder with a trained model, an older one, and what is left of two others."""
    root = here / "checkpoints"
    for age, name in enumerate(("new", "old", "damaged", "started")):
        shutil.copytree(model, root / name)
        for file in (root / name).iterdir():
            os.utime(file, (1e9 - age, 1e9 - age))
    (root / "damaged" / TOKENIZER).unlink()
    for name in (MODEL, TRAINING):
        (root / "started" / name).unlink()
    (root / "notes").mkdir()
    (root / "README.md").write_text("no model")
    return root


def test_models_are_listed_newest_first(chargen: Command, checkpoints: Path, model: Path) -> None:
    """The models in ./checkpoints come before the included one; a damaged one has a reason."""
    outcome = chargen("models", "--json")
    assert (outcome.status, outcome.err) == (0, "")
    rows = [json.loads(line) for line in outcome.out.splitlines()]
    assert [row["name"] for row in rows] == ["new", "old", "damaged", "started", "english"]
    assert [row["error"] for row in rows] == [
        None,
        None,
        f"is not a chargen model: it has no {TOKENIZER}",
        f"is not a chargen model: it has no {MODEL}",
        None,
    ]
    nats = Checkpoint.load(model).measured["validation_nats"]
    facts = ("text", "cell", "num_layers", "hidden_size", "validation_nats", "finished", "included")
    assert [rows[0][name] for name in facts] == ["text", "lstm", 1, 16, nats, True, False]
    assert rows[0]["folder"] == str(Path("checkpoints", "new"))
    assert rows[-1]["included"]
    shown = chargen("models").out.splitlines()
    assert shown[1].split()[:6] == ["new", "text", "lstm", "1x16", f"{nats:.3f}", "2001-09-09"]


def test_an_unfinished_run_says_so(
    chargen: Command, here: Path, make_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The measured values of its weights have no total of steps yet."""
    make_model(here / "checkpoints" / "run")
    load = Checkpoint.load.__func__  # type: ignore[attr-defined]

    def unfinished(cls: type[Checkpoint], folder: Path) -> Checkpoint:
        loaded: Checkpoint = load(cls, folder)
        object.__setattr__(loaded, "measured", {**loaded.measured, "run_steps": None})
        return loaded

    assert json.loads(chargen("models", "--json").out.splitlines()[0])["finished"]
    monkeypatch.setattr(Checkpoint, "load", classmethod(unfinished))
    assert not json.loads(chargen("models", "--json").out.splitlines()[0])["finished"]
    assert chargen("models").out.splitlines()[1].endswith("  unfinished")


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120])
def test_the_table_fits_the_terminal(width: int) -> None:
    """Columns are left out where the terminal is narrow; a row never loses its name and loss."""
    lines = list(table(ROWS, width))
    assert max(map(text_width, lines)) <= max(width, 30)
    assert [line for line in lines if line.startswith("english ") and "1.294" in line]
    assert "unfinished" in "\n".join(lines)
    if width >= 80:
        assert all(fact in lines[1] for fact in ("g-2026", "diary", "gru 2x128", "1.500", "2026"))


def test_the_models_of_the_lecture_are_named(chargen: Command, here: Path) -> None:
    """The last line has the names that `-m` finds; a wrong one gets the most similar of them."""
    *_, last = chargen("models").out.split("\nmodels of chargen tour: ")
    assert last.replace(",", " ").split() == tour_names()
    outcome = chargen("info", "tour/recal")
    assert "(did you mean tour/recall? available: tour/agreement, " in outcome.err


def test_no_models(chargen: Command, here: Path) -> None:
    """Without a folder ./checkpoints, the included model is listed."""
    name, *rest = chargen("models").out.split("\nmodels of chargen tour: ")[0].splitlines()
    assert name.split() == ["name", "text", "network", "loss", "written"]
    assert [line.split()[0] for line in rest] == ["english"]


@pytest.mark.parametrize(
    "arguments",
    [
        "sample -n 5 -m new",
        "score the -m new",
        "repl -m new",
        "info -m new",
        "info new",
        "info new -m new",
        "info new/",
        "inspect -p the -m new",
        "export page -m new",
        "train text.txt --steps 1 --init-from new --device cpu",
    ],
)
def test_every_command_takes_a_name(
    chargen: Command,
    checkpoints: Path,
    text: str,
    arguments: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name stands for the folder in ./checkpoints."""
    monkeypatch.setattr(sys, "stdin", None)
    outcome = chargen(*arguments.split())
    assert outcome.status == 0, outcome.err


def test_a_run_without_a_model_is_named(chargen: Command, refused: Refused, here: Path) -> None:
    """A run that was killed before it saved a model is listed, with the command that resumes it."""
    (here / "checkpoints" / "killed").mkdir(parents=True)
    (here / "checkpoints" / "killed" / SETTINGS).write_text("{}")
    reason = "has no model yet: its training has not saved one"
    advice = "(resume it: chargen train --resume -o checkpoints/killed)"
    for command in ("sample", "info", "score the"):
        message = refused(FAILURE, *command.split(), "-m", "killed")
        assert message == f"checkpoints/killed {reason} {advice}"
    assert f"killed {reason}" in " ".join(chargen("models").out.split())


def test_two_different_names_are_refused(refused: Refused, checkpoints: Path) -> None:
    """The message has both."""
    assert refused(USAGE_ERROR, "info", "new", "-m", "old").startswith(
        "MODEL new and --model old are different (pass one of them"
    )


def test_a_config_of_another_program_is_listed(chargen: Command, here: Path) -> None:
    """A folder of another kind of model is not an error."""
    (here / "checkpoints" / "llama").mkdir(parents=True)
    for name in (CONFIG, TOKENIZER, MODEL):
        (here / "checkpoints" / "llama" / name).write_text("{}")
    outcome = chargen("models")
    assert outcome.status == 0
    assert "config.json was not written by chargen" in " ".join(outcome.out.split())
