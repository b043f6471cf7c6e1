"""Tests of what samples copy from a training text."""

from collections.abc import Callable
from pathlib import Path

import pytest

from chargen.errors import CorpusError
from chargen.evaluation.training_text import TrainingText
from chargen.model.checkpoint import Checkpoint
from chargen.text.corpus import Corpus
from chargen.text.kind import LINE, STREAM, TextKind
from chargen.text.source import TextSource

DOCUMENTS = TextKind("document", separator="%")
LONG = "a line of more than twenty characters"


@pytest.mark.parametrize(
    ("kind", "prompt", "text", "expected"),
    [
        (LINE, "", "anna", True),
        (LINE, "an", "na", True),
        (LINE, "x\nan", "na ", True),
        (LINE, "", "ann", False),
        (LINE, "", "Anna", False),
        (LINE, "", "anna\nbob", False),
        (DOCUMENTS, "", "anna", True),
        (STREAM, "", "nna", True),
        (STREAM, "novel ", "nna", True),
        (STREAM, "an", "nae", False),
        (STREAM, "", " nna\n", True),
        (STREAM, "", "annabob", False),
    ],
)
def test_what_occurs(kind: TextKind, prompt: str, text: str, expected: bool) -> None:
    """A separate text is compared as a whole, with its prompt; a stream may be any part."""
    assert TrainingText(["bob", "anna "], kind).contains(prompt, text) is expected


def test_a_part_of_a_separate_text_occurs_anywhere() -> None:
    """A document that ends early is compared like a stream, without its prompt."""
    text = TrainingText(["It rains. Bob sleeps."], DOCUMENTS)
    assert text.contains("It", " rains.", False)
    assert not text.contains("It", " rains.", True)
    assert not text.contains("It", " snows.", False)


def test_short_separate_texts_are_copied_as_a_whole() -> None:
    """A whole line is copied at any length, and a stretch of twenty characters in any line."""
    text = TrainingText(["anna", LONG], LINE)
    samples = ["anna", "annas", f"x{LONG[3:23]}x", LONG[:19], LONG]
    sizes = [len(places) for places in text.copied("", samples)]
    assert sizes == [4, 0, 20, 0, len(LONG)]


def test_stretches_of_a_stream() -> None:
    """Stretches of twenty characters are copied from each file, but not from two together."""
    text = TrainingText([LONG[:25], LONG[25:] + "0123456789"], STREAM)
    samples = ["x" + LONG[:25] + "y", LONG, LONG[:19], ""]
    assert text.copied("", samples) == [set(range(1, 26)), set(range(25)), set(), set()]


@pytest.mark.parametrize(
    ("kind", "name", "content", "texts"),
    [
        (STREAM, "a.txt", "anna\nbob\n", ["anna\nbob\n"]),
        (LINE, "a.txt", "anna\r\n\nbob", ["anna", "bob"]),
        (DOCUMENTS, "a.txt", "anna\n\nbob\n%\ncleo\n", ["anna\n\nbob", "cleo"]),
        (DOCUMENTS, "a.txt", "anna\nbob\n", ["anna\nbob"]),
        (TextKind("cell", column="name"), "a.csv", "name,age\nanna,1\nbob,2\n", ["anna", "bob"]),
    ],
)
def test_files_are_split_as_in_training(
    make_model: Callable[..., Path],
    tmp_path: Path,
    kind: TextKind,
    name: str,
    content: str,
    texts: list[str],
) -> None:
    """Lines, documents and cells are separate texts; a stream is the whole file."""
    (tmp_path / name).write_bytes(content.encode())
    loaded = Checkpoint.load(make_model(tmp_path / "model", kind=kind))
    assert TrainingText.of_files([tmp_path / name], loaded).texts == texts


def test_a_folder_is_read_as_in_training(make_model: Callable[..., Path], tmp_path: Path) -> None:
    """A model of cells reads the tables in a folder."""
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.csv").write_text("name\nanna\n")
    (tmp_path / "texts" / "a.txt").write_text("no table")
    kind = TextKind("cell", column="name")
    loaded = Checkpoint.load(make_model(tmp_path / "model", kind=kind))
    assert TrainingText.of_files([tmp_path / "texts"], loaded).texts == ["anna"]


@pytest.mark.parametrize("kind", [STREAM, LINE, DOCUMENTS])
def test_recorded_files_are_recognised(
    make_model: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: TextKind,
) -> None:
    """They have the digest of the corpus. They are not encoded, which can need temporary files."""
    contents = {"a.txt": "anna\n%\nbob", "b.txt": "\n", "c.txt": "cleo\n%\ndora"}
    for name, content in contents.items():
        (tmp_path / name).write_text(content)
    paths = [str(tmp_path / name) for name in contents]
    corpus = Corpus.read(paths, kind=kind)
    loaded = Checkpoint.load(make_model(tmp_path / "model", kind=kind))
    monkeypatch.setitem(loaded.description.corpus, "sha256", corpus.sha256)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    monkeypatch.setattr("chargen.text.ids.IN_MEMORY", 4)
    text = TrainingText.of_model(loaded, TextSource.of(paths, "auto"))
    assert text.texts == list(corpus.texts())


def test_files_without_a_text_are_an_error(make_model: Callable[..., Path], tmp_path: Path) -> None:
    """An empty file next to others is skipped; empty files alone are refused."""
    loaded = Checkpoint.load(make_model(tmp_path / "model", kind=LINE))
    paths = [tmp_path / "a.txt", tmp_path / "b.txt"]
    paths[0].write_text("\n")
    paths[1].write_text("anna\n")
    assert TrainingText.of_files(paths, loaded).texts == ["anna"]
    with pytest.raises(CorpusError, match=r"no text in .*a\.txt \(each line is a separate text\)"):
        TrainingText.of_files(paths[:1], loaded)
