"""Errors of reading a corpus. Each message is one line."""

import codecs
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from chargen.errors import CorpusError, OptionError
from chargen.text.corpus import Corpus
from chargen.text.kind import LINE, STREAM
from chargen.text.reading import read_file

Write = Callable[..., Path]
Stdin = Callable[[bytes], None]


def refusal(*paths: str | Path, encoding: str = "auto", lines: bool = False) -> str:
    """Return the error message for these paths, which has one line."""
    with pytest.raises(CorpusError) as caught:
        Corpus.read(paths, encoding=encoding, kind=LINE if lines else STREAM)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


def test_no_paths_are_refused() -> None:
    """At least one path is needed."""
    assert refusal() == "no text given (pass a file, a folder or -)"


@pytest.mark.parametrize("encoding", ["klingon", "rot13", "hex", "base64", "", "utf\0", "\udcff"])
def test_an_unknown_encoding_is_refused(tmp_path: Path, encoding: str) -> None:
    """The error lists common encodings, and no file is opened."""
    with pytest.raises(OptionError) as caught:
        Corpus.read([tmp_path / "absent"], encoding=encoding)
    assert str(caught.value) == (
        f"encoding must be auto or a text encoding that Python supports, got {encoding!r}"
        " (try utf-8, utf-16, cp1252, latin-1, gb18030 or shift_jis)"
    )


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """The error names the file."""
    path = tmp_path / "absent.txt"
    assert refusal(path) == f"{path} does not exist (pass a text file, a folder or -)"


@pytest.mark.parametrize(
    "name", ["x" * 300, "nul\0", "corpus.txt/inside"], ids=["too long", "NUL", "below a file"]
)
def test_an_impossible_path_is_refused(write: Write, tmp_path: Path, name: str) -> None:
    """A path that the file system rejects raises a chargen error."""
    write(b"abc")
    assert "cannot be read: " in refusal(tmp_path / name)


def test_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    """A link to itself cannot be read."""
    path = tmp_path / "circle.txt"
    path.symlink_to(path)
    assert refusal(path).startswith(f"{path} cannot be read: ")


def test_a_folder_without_texts_is_refused(write: Write, tmp_path: Path) -> None:
    """A folder needs .txt files; the error says why the others were skipped."""
    write(b"abc", "notes.md")
    write(b"", "empty.txt")
    assert refusal(tmp_path) == (
        f"{tmp_path} is a folder without texts that match **/*.txt, 2 skipped (1 not matching,"
        " 1 empty) (pass the files, or another pattern as glob)"
    )


def test_an_empty_file_is_refused(write: Write) -> None:
    """An empty file has no text."""
    path = write(b"")
    assert refusal(path) == f"{path} is empty"


def test_a_file_that_is_not_utf_8_names_byte_and_offset(write: Write) -> None:
    """The error has the first invalid byte and its offset."""
    path = write(b"x" * 1042 + b"\xe9t\xe9")
    assert refusal(path, encoding="utf-8") == (
        f"{path} is not UTF-8: byte 0xE9 at offset 1042 (try encoding auto)"
    )


def test_the_offset_counts_bytes(write: Write) -> None:
    """Characters before it count with all their bytes."""
    path = write("\u660e\u6708".encode() + b"\xff")
    assert "byte 0xFF at offset 6, but most of it is (repair" in refusal(path)


def test_a_character_cut_off_at_the_end_is_refused(write: Write) -> None:
    """The offset is that of the first byte of the incomplete character."""
    path = write("abc\u660e".encode()[:-1])
    assert "byte 0xE6 at offset 3" in refusal(path, encoding="utf-8")


def test_the_offset_counts_the_byte_order_mark(write: Write) -> None:
    """The offset is that in the file, for encodings that remove the mark, too."""
    path = write(codecs.BOM_UTF8 + b"ab\xffcd")
    assert "byte 0xFF at offset 5" in refusal(path, encoding="utf-8")
    assert "byte 0xFF at offset 5" in refusal(path, encoding="utf-8-sig")


def test_a_file_with_a_mark_is_not_utf_8(write: Write) -> None:
    """An explicit encoding is obeyed; without one, the mark decides."""
    path = write("abc".encode("utf-16"))
    message = f"{path} is not UTF-8: byte 0xFF at offset 0 (try encoding auto)"
    assert refusal(path, encoding="utf-8") == message
    assert tuple(Corpus.read([path]).texts()) == ("abc",)


def test_an_invalid_file_with_a_mark_is_refused(write: Write) -> None:
    """The error names the encoding of the mark."""
    path = write("abc".encode("utf-16") + b"\0")
    assert refusal(path) == (
        f"{path} is not UTF-16: byte 0x00 at offset 8"
        " (the file is damaged there: repair it, or save it again)"
    )


def test_the_error_names_the_encoding(write: Write) -> None:
    """The encoding in the message is the one that was given."""
    path = write(b"ab\x81")
    assert refusal(path, encoding="cp1252").startswith(
        f"{path} is not CP1252: byte 0x81 at offset 2 "
    )


def test_an_encoding_that_accepts_surrogates_is_refused(write: Write) -> None:
    """A lone surrogate is not a character."""
    path = write(b"ab+2AA-cd")
    assert "\ud800" in path.read_bytes().decode("utf-7")
    assert refusal(path, encoding="utf-7") == f"{path} is not UTF-7: surrogates not allowed"


def test_a_binary_file_is_recognised(write: Write) -> None:
    """The error for a file with NUL bytes that is not UTF-8 suggests no encoding."""
    path = write(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    assert refusal(path) == (
        f"{path} is not UTF-8: byte 0x89 at offset 0 (it looks like a binary file)"
    )


def test_many_control_characters_are_refused(write: Write) -> None:
    """UTF-8 text with more than a tenth of control characters is binary."""
    path = write(b"abc\1\2\3")
    assert refusal(path) == (
        f"{path} looks like a binary file: 3 of its first 6 characters"
        " are control characters (only plain text is supported)"
    )
    path = write(b"x\0" * 100_000)
    assert "32,768 of its first 65,536 characters" in refusal(path)


def test_a_few_control_characters_are_allowed(write: Write) -> None:
    """A tenth is allowed, and tabs, feeds and escapes do not count."""
    assert tuple(Corpus.read([write(b"abcdefghi\0")]).texts()) == ("abcdefghi\0",)
    tabs = b"\t\n\f\v\b\x1b[1m"
    assert tuple(Corpus.read([write(tabs)]).texts()) == (tabs.decode(),)
    assert "binary" in refusal(write(b"abcdefgh\0\0"))


def test_one_character_is_refused(write: Write) -> None:
    """Training needs two characters; a byte order mark does not count."""
    assert refusal(write(b"x")) == "corpus has 1 character; training needs at least 2"
    mark = write(codecs.BOM_UTF8)
    assert refusal(mark) == "corpus has 0 characters; training needs at least 2"
    assert Corpus.read([write(b"xy")]).characters == 2


def test_one_distinct_character_is_refused(write: Write) -> None:
    """A corpus needs two distinct characters in total."""
    path, other = write(b"xxxx"), write(b"xx", "b.txt")
    message = "corpus has one distinct character, x; training needs at least 2"
    assert refusal(path) == message
    assert refusal(path, other) == message.replace("corpus", "corpus-and-1-more")
    write(b"xy", "b.txt")
    assert Corpus.read([path, other]).characters == 6


def test_newlines_are_one_distinct_character(write: Write) -> None:
    """A file of empty lines is refused."""
    assert refusal(write(b"\r\n\n\r")) == (
        "corpus has one distinct character, newline; training needs at least 2"
    )


def test_the_smallest_corpora_of_lines(write: Write) -> None:
    """With lines, the newline is the second character; one letter is too few."""
    assert tuple(Corpus.read([write(b"xx\n")], kind=LINE).texts()) == ("xx",)
    assert tuple(Corpus.read([write(b"x\nx\n")], kind=LINE).texts()) == ("x", "x")
    one = refusal(write(b"\nx\n\n"), lines=True)
    assert one == "corpus has 1 character; training needs at least 2"
    none = refusal(write(b"\n\n"), lines=True)
    assert none == "corpus has 0 characters; training needs at least 2"


def test_a_lone_surrogate_in_memory_is_refused() -> None:
    """A text in memory is checked like a file."""
    with pytest.raises(CorpusError):
        Corpus.of(["ab\ud800cd"])


# Standard input and devices


def test_empty_standard_input_is_refused(stdin: Stdin) -> None:
    """The error names standard input."""
    stdin(b"")
    assert refusal("-") == "standard input is empty"


def test_damaged_standard_input_is_refused(stdin: Stdin) -> None:
    """The error has the byte and its offset, as for a file."""
    stdin(b"abc\xe9")
    assert refusal("-", encoding="utf-8") == (
        "standard input is not UTF-8: byte 0xE9 at offset 3 (try encoding auto)"
    )


def test_closed_standard_input_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python has no sys.stdin if the shell closed it."""
    monkeypatch.setattr(sys, "stdin", None)
    assert refusal("-").startswith("standard input ")


def test_unreadable_standard_input_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Standard input that is only writable raises a chargen error."""
    handle = os.open(tmp_path / "written", os.O_WRONLY | os.O_CREAT)
    with open(handle, "rb", buffering=0) as raw:
        # The interpreter creates this object for descriptor 0 with any access mode.
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(raw)))
        assert refusal("-").startswith("standard input ")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="the device does not exist")
def test_an_endless_device_is_refused() -> None:
    """A character device is only read if it is a terminal."""
    with pytest.raises(CorpusError, match=r"^/dev/zero is a device, not a text"):
        read_file("/dev/zero")
