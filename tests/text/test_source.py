"""Tests of the record of the files that a corpus was read from."""

import os
from pathlib import Path

import pytest

from chargen.text.corpus import Corpus
from chargen.text.source import TextSource


def test_every_file_of_a_corpus_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files and the files of folders have absolute paths, in the order of the texts."""
    for name in ("z.txt", "b/2.txt", "b/1.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"text {name}")
    monkeypatch.chdir(tmp_path)
    corpus = Corpus.read(["z.txt", "b"], encoding="utf-8")
    files = tuple(str(tmp_path / name) for name in ("z.txt", "b/1.txt", "b/2.txt"))
    assert corpus.source == TextSource(files, "utf-8")
    assert Corpus.of(["abc"]).source is None


@pytest.mark.parametrize("name", ["-", "\u660e.txt", "a\n.txt", "\udcff.txt"])
def test_any_name_of_a_file_is_stored(name: str) -> None:
    """The JSON keeps standard input, and names with line breaks and undecodable bytes."""
    source = TextSource.of([name, "b.txt"], "auto")
    assert source.files[0] == (name if name == "-" else os.path.abspath(name))
    assert TextSource.from_json(source.to_json()) == source


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"[]",
        b'{"files": [], "encoding": "auto"}',
        b'{"files": "a.txt", "encoding": "auto"}',
        b'{"files": [1], "encoding": "auto"}',
        b'{"files": ["a.txt"], "encoding": null}',
        b'{"files": ["a.txt"]}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_record_is_an_error(data: bytes) -> None:
    """Anything but a list of names and an encoding raises ValueError."""
    with pytest.raises(ValueError, match="no list of files"):
        TextSource.from_json(data)
