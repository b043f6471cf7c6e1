"""Reading texts from files and folders, and what is reported."""

from collections.abc import Callable
from pathlib import Path

import pytest

from chargen.errors import CorpusError, OptionConflictError
from chargen.text.reading import (
    FileText,
    Note,
    Report,
    find_sources,
    ignore,
    read_file,
    read_sources,
)

Write = Callable[..., Path]
FRENCH = (
    "Cr\u00e8me br\u00fbl\u00e9e tr\u00e8s r\u00e9ussie, d\u00e9j\u00e0 vu \u00e0 la f\u00eate\n"
    * 3
)


def read_files(
    paths: list[Path], pattern: str | None = None, report: Report = ignore
) -> list[FileText]:
    """Find and read files."""
    return list(read_sources(find_sources(paths, pattern=pattern), report=report))


def test_a_detected_encoding_is_noted(write: Write) -> None:
    """The note names the option that overrides it."""
    path = write(FRENCH.encode("cp1252"))
    notes: list[Note] = []
    assert read_file(path, report=notes.append) == FRENCH
    assert notes == [Note(f"{path}: decoded as cp1252", "encoding")]


def test_a_folder_is_summarised_in_one_note(write: Write, tmp_path: Path) -> None:
    """Encodings may differ. Files without text are skipped, with the reason."""
    write(b"plain", "a.txt")
    write(FRENCH.encode("cp1252"), "b.txt")
    write(FRENCH.encode("utf-16"), "c.txt")
    write(b"", "empty.txt")
    write(bytes(99), "image.txt")
    write(b"no", "notes.md")
    notes: list[Note] = []
    files = read_files([tmp_path], report=notes.append)
    assert [file.text for file in files] == ["plain", FRENCH, FRENCH]
    summary = "3 files read, 3 skipped (1 not matching, 1 empty, 1 binary); 1 decoded as cp1252"
    assert notes == [Note(f"{tmp_path}: {summary}", "encoding")]


def test_an_uncertain_file_in_a_folder_is_refused(write: Write, tmp_path: Path) -> None:
    """It could be a text, so it is not skipped."""
    write(b"plain", "a.txt")
    path = write(b"C\xe6sar", "b.txt")
    with pytest.raises(CorpusError, match=rf"^{path} is not UTF-8, and its encoding is uncertain"):
        read_files([tmp_path])


def test_files_keep_their_paths(write: Write, tmp_path: Path) -> None:
    """The kind of a table follows from the name of its file."""
    one, two = write(b"a", "1.txt"), write(b"b", "2.csv")
    files = read_files([tmp_path, two])
    assert [(file.path, file.text) for file in files] == [(str(one), "a"), (str(two), "b")]


def test_warnings_of_a_folder_are_summarised(write: Write, tmp_path: Path) -> None:
    """The first one is shown, and the others are counted."""
    for name in ("a.txt", "b.txt", "c.txt"):
        write(b"don\xc2\x92t", name)
    notes: list[Note] = []
    read_files([tmp_path], report=notes.append)
    (warning,) = (note.reason for note in notes if note.warning)
    assert warning.startswith(f"{tmp_path / 'a.txt'} has 1 invisible control character, such as ")
    assert warning.endswith(", and 2 more files like it")


def test_a_pattern_needs_a_folder(write: Write) -> None:
    """No option is ignored."""
    with pytest.raises(OptionConflictError, match=r"^glob has no effect without a folder$"):
        read_files([write(b"abc")], pattern="*.txt")
