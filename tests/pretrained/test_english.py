"""Tests of the English model in the package: its files, its card and its use."""

import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import chargen
from chargen.cli.main import main
from chargen.evaluation.units import bits_per_character
from chargen.generation.context import Reader
from chargen.model.checkpoint import CARD, CONFIG, MODEL, TOKENIZER, Checkpoint
from chargen.model.find import PRETRAINED, find, names, newest
from chargen.repl.commands import run
from chargen.repl.session import Session
from chargen.repl.settings import SessionSettings

FOLDER = PRETRAINED / "english"


@pytest.fixture(scope="module")
def english() -> Checkpoint:
    """The model."""
    return Checkpoint.load(FOLDER)


@pytest.fixture(scope="module")
def card() -> str:
    """The text of its card, on one line."""
    return " ".join((FOLDER / CARD).read_text("utf-8").split())


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


# Files


def test_the_folder_has_four_files() -> None:
    """It has no training state, no log and no lock, and at most 6 MB."""
    files = sorted(FOLDER.iterdir())
    assert [file.name for file in files] == sorted([CARD, CONFIG, MODEL, TOKENIZER])
    assert sum(file.stat().st_size for file in files) <= 6_000_000


def test_the_weights_are_stored_as_float16(english: Checkpoint) -> None:
    """The file has two bytes per parameter."""
    assert english.weights_dtype == "float16"
    assert (FOLDER / MODEL).stat().st_size < 2 * english.config.parameters + 20_000


def test_the_files_name_no_folder_of_the_machine(english: Checkpoint) -> None:
    """No value in config.json or among the measured values is an absolute path."""
    values = (FOLDER / CONFIG).read_text("utf-8") + json.dumps(dict(english.measured))
    assert re.search(r'"(/|~|[A-Z]:\\)', values) is None
    assert english.description.corpus["name"] == "english"


# The card


def test_the_card_has_the_figures_of_the_model(english: Checkpoint, card: str) -> None:
    """Sizes, sha256 and losses agree with the files, and no placeholder remains."""
    config, measured, corpus = english.config, english.measured, english.description.corpus
    nats = measured["validation_nats"]
    for figure in (
        f"{config.cell}, {config.num_layers} x {config.hidden_size} units",
        f"embedding size {config.embedding_size}, {config.vocab_size:,} characters",
        f"{config.parameters:,} parameters, stored as float16",
        f"{corpus['characters']:,} characters (sha256 `{corpus['sha256']}`)",
        f"{measured['step']:,} steps on {measured['trained_characters']:,} characters",
        f"{nats:.4f} nats per character ({bits_per_character(nats):.4f} bits per character",
        f"on {corpus['held_out_characters']:,} held-out characters",
    ):
        assert figure in card
    assert re.search(r"@[A-Z_]+@", card) is None


def test_the_card_lists_the_books() -> None:
    """There are 55 books with different titles and Gutenberg numbers."""
    text = (FOLDER / CARD).read_text("utf-8")
    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \| (\d+) \|$", text, re.MULTILINE)
    assert len(rows) == 55
    assert len({title for title, _ in rows}) == len({number for _, number in rows}) == 55
    assert ("Alice's Adventures in Wonderland", "11") in rows


# Use


def test_the_name_finds_the_model(here: Path, make_model: Callable[..., Path]) -> None:
    """Every folder has the model; a model of the same name in ./checkpoints has precedence."""
    assert find("english") == FOLDER
    assert chargen.load("english").checkpoint.folder == FOLDER
    assert names() == ["english"]
    with pytest.raises(chargen.CheckpointError, match=r"did you mean english\? available: english"):
        find("englsh")
    with pytest.raises(chargen.CheckpointError, match=r"-m english"):
        newest()
    make_model(here / "checkpoints" / "english")
    assert find("english") == Path("checkpoints/english")
    assert names() == ["english"]


@pytest.mark.parametrize(
    "command",
    [
        "sample -m english --length 20",
        "info -m english",
        "score -m english the",
        "repl -m english",
        "train text.txt --init-from english --steps 1 --batch-size 1 --sequence-length 8",
    ],
)
def test_commands_only_read_the_folder(
    here: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No command writes, locks or touches anything in the folder of the package."""

    def state() -> dict[str, tuple[bytes | None, int]]:
        return {
            path.name: (path.read_bytes() if path.is_file() else None, path.stat().st_mtime_ns)
            for path in (FOLDER, *FOLDER.iterdir())
        }

    (here / "text.txt").write_text("The cat sat on the mat.\n" * 4)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    before = state()
    with pytest.raises(SystemExit) as left:
        main(command.split())
    assert left.value.code == 0
    assert state() == before


def test_a_session_loads_the_model(
    here: Path, english: Checkpoint, make_model: Callable[..., Path]
) -> None:
    """`/load english` works without a path."""
    other = Checkpoint.load(make_model(here / "other"))
    session = Session(Reader.of(other), SessionSettings(), name="other")
    assert "".join(run(session, "/load english")) == "switched to english\n"
    assert session.reader.vocabulary == english.vocabulary


def test_the_model_knows_english(repository: Path) -> None:
    """It predicts a text that it has not seen better than the text's own bigrams, 2.31 nats."""
    text = (repository / "corpora" / "neurons.txt").read_text("utf-8")
    assert chargen.load("english").score(text).nats_per_character < 2.0
