"""Texts that cannot be read are refused in one line that says why."""

import codecs
import io
import os
import sys
from pathlib import Path

import pytest

from chargen.errors import CorpusError, OptionError
from chargen.text.corpus import (
    Corpus,
    read_file,
)


def write(folder: Path, content: bytes, name: str = "corpus.txt") -> Path:
    """A file of the folder with this content."""
    path = folder / name
    path.write_bytes(content)
    return path


def refusal(*paths: str | Path, encoding: str = "utf-8", lines: bool = False) -> str:
    """The message with which these paths are refused: always one line."""
    with pytest.raises(CorpusError) as caught:
        Corpus.read(paths, encoding=encoding, lines=lines)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


def stdin(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """Put these bytes into standard input, behind a wrapper of another encoding."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), encoding="ascii"))


def test_no_paths_are_refused() -> None:
    """Without a path there is nothing to read."""
    assert refusal() == "no text was given (name a file, a folder of .txt files, or -)"


@pytest.mark.parametrize("encoding", ["klingon", "rot13", "hex", "base64", "", "utf\0", "\udcff"])
def test_an_unknown_encoding_is_refused(tmp_path: Path, encoding: str) -> None:
    """What Python does not know as a text encoding is named, before any file is opened."""
    with pytest.raises(OptionError) as caught:
        Corpus.read([tmp_path / "absent"], encoding=encoding)
    assert str(caught.value) == (
        f"--encoding {ascii(encoding)[1:-1]} is not a text encoding that Python knows"
        " (try utf-8, utf-16, latin-1, cp1252, gb18030 or shift_jis)"
    )


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """A missing file is named, with what could be."""
    path = tmp_path / "absent.txt"
    assert refusal(path) == f"{path} does not exist (name a text file, a folder or -)"


@pytest.mark.parametrize(
    "name", ["x" * 300, "nul\0", "corpus.txt/inside"], ids=["too long", "NUL", "below a file"]
)
def test_an_impossible_path_is_refused(tmp_path: Path, name: str) -> None:
    """A path that no file can have is an error like others."""
    write(tmp_path, b"abc")
    assert "cannot be read: " in refusal(tmp_path / name)


def test_a_circle_of_links_is_refused(tmp_path: Path) -> None:
    """A link to itself cannot be read."""
    path = tmp_path / "circle.txt"
    path.symlink_to(path)
    assert refusal(path).startswith(f"{path} cannot be read: ")


def test_a_folder_without_texts_is_refused(tmp_path: Path) -> None:
    """A folder is of use only with .txt files in it."""
    write(tmp_path, b"abc", "notes.md")
    assert refusal(tmp_path) == (
        f"{tmp_path} is a folder without .txt files (name the files themselves)"
    )


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    """No bytes are no text."""
    path = write(tmp_path, b"")
    assert refusal(path) == f"{path} is empty"


def test_a_file_that_is_not_utf_8_names_byte_and_offset(tmp_path: Path) -> None:
    """The first byte that does not fit is named with its place in the file."""
    path = write(tmp_path, b"x" * 1042 + b"\xe9t\xe9")
    assert refusal(path) == (
        f"{path} is not UTF-8: byte 0xE9 at offset 1042 (try --encoding latin-1)"
    )


def test_the_offset_counts_bytes(tmp_path: Path) -> None:
    """Characters of several bytes before it move the offset by their bytes."""
    path = write(tmp_path, "\u660e\u6708".encode() + b"\xff")
    assert "byte 0xFF at offset 6" in refusal(path)


def test_a_character_cut_off_at_the_end_is_refused(tmp_path: Path) -> None:
    """A file that ends within a character is named by the byte at which that one begins."""
    path = write(tmp_path, "abc\u660e".encode()[:-1])
    assert "byte 0xE6 at offset 3" in refusal(path)


def test_the_offset_counts_the_byte_order_mark(tmp_path: Path) -> None:
    """An encoding that strips the mark still names the place in the file."""
    path = write(tmp_path, codecs.BOM_UTF8 + b"ab\xffcd")
    assert "byte 0xFF at offset 5" in refusal(path, encoding="utf-8")
    assert "byte 0xFF at offset 5" in refusal(path, encoding="utf-8-sig")


def test_utf_16_is_recognised_by_its_mark(tmp_path: Path) -> None:
    """The hint for a UTF-16 file is the encoding that reads it."""
    path = write(tmp_path, "abc".encode("utf-16"))
    assert refusal(path) == (f"{path} is not UTF-8: byte 0xFF at offset 0 (try --encoding utf-16)")
    assert Corpus.read([path], encoding="utf-16").texts == ("abc",)


def test_the_hint_is_never_the_encoding_that_failed(tmp_path: Path) -> None:
    """Where UTF-16 fails by itself, trying UTF-16 is no advice."""
    path = write(tmp_path, "abc".encode("utf-16") + b"\0")
    message = refusal(path, encoding="utf-16")
    assert message.startswith(f"{path} is not UTF-16: byte 0x00 at offset 8 ")
    assert "utf-16)" not in message


def test_another_encoding_is_named_where_it_fails(tmp_path: Path) -> None:
    """The encoding in the message is the one that was asked for."""
    path = write(tmp_path, b"ab\x81")
    assert refusal(path, encoding="cp1252").startswith(
        f"{path} is not CP1252: byte 0x81 at offset 2 "
    )


def test_an_encoding_that_lets_surrogates_through_is_refused(tmp_path: Path) -> None:
    """Half of a surrogate pair is no character, whatever the codec thinks."""
    path = write(tmp_path, b"ab+2AA-cd")
    assert "\ud800" in path.read_bytes().decode("utf-7")
    assert refusal(path, encoding="utf-7") == f"{path} is not UTF-7: surrogates not allowed"


def test_bytes_that_are_no_text_look_binary(tmp_path: Path) -> None:
    """A file with NUL bytes that is not UTF-8 gets no advice on encodings."""
    path = write(tmp_path, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    assert refusal(path) == (
        f"{path} is not UTF-8: byte 0x89 at offset 0 (it looks like a binary file)"
    )


def test_control_characters_look_binary(tmp_path: Path) -> None:
    """UTF-8 with more than a tenth of control characters is refused with the count."""
    path = write(tmp_path, "abc".encode("utf-16-le"))
    assert refusal(path) == (
        f"{path} looks like a binary file: 3 of its first 6 characters"
        " are control characters (give plain text)"
    )
    path = write(tmp_path, b"x\0" * 100_000)
    assert "32,768 of its first 65,536 characters" in refusal(path)


def test_a_few_control_characters_are_text(tmp_path: Path) -> None:
    """A tenth of control characters is allowed, and tabs, feeds and escapes do not count."""
    assert Corpus.read([write(tmp_path, b"abcdefghi\0")]).texts == ("abcdefghi\0",)
    tabs = b"\t\n\f\v\b\x1b[1m"
    assert Corpus.read([write(tmp_path, tabs)]).texts == (tabs.decode(),)
    assert "binary" in refusal(write(tmp_path, b"abcdefgh\0\0"))


def test_one_character_is_too_little(tmp_path: Path) -> None:
    """Fewer than two characters leave nothing to learn; a lone mark is none at all."""
    assert refusal(write(tmp_path, b"x")) == "corpus holds 1 character; training takes two or more"
    mark = write(tmp_path, codecs.BOM_UTF8)
    assert refusal(mark) == "corpus holds 0 characters; training takes two or more"
    assert Corpus.read([write(tmp_path, b"xy")]).characters == 2


def test_one_distinct_character_is_too_little(tmp_path: Path) -> None:
    """A text of one character repeated, in however many files, is refused."""
    path, other = write(tmp_path, b"xxxx"), write(tmp_path, b"xx", "b.txt")
    message = "corpus holds one distinct character, 'x'; training takes two or more"
    assert refusal(path) == message
    assert refusal(path, other) == message.replace("corpus", "corpus-and-1-more")
    write(tmp_path, b"xy", "b.txt")
    assert Corpus.read([path, other]).characters == 6


def test_newlines_alone_are_one_distinct_character(tmp_path: Path) -> None:
    """A file of empty lines is named as such, in one line."""
    assert refusal(write(tmp_path, b"\r\n\n\r")) == (
        "corpus holds one distinct character, '\\n'; training takes two or more"
    )


def test_the_smallest_corpora_of_lines(tmp_path: Path) -> None:
    """With lines the newline is the second character, but one letter is still too little."""
    assert Corpus.read([write(tmp_path, b"xx\n")], lines=True).texts == ("xx",)
    assert Corpus.read([write(tmp_path, b"x\nx\n")], lines=True).texts == ("x", "x")
    one = refusal(write(tmp_path, b"\nx\n\n"), lines=True)
    assert one == "corpus holds 1 character; training takes two or more"
    none = refusal(write(tmp_path, b"\n\n"), lines=True)
    assert none == "corpus holds 0 characters; training takes two or more"


def test_a_lone_surrogate_in_memory_is_refused() -> None:
    """A text that no file could hold is refused as `read` would, not met later."""
    with pytest.raises(CorpusError):
        Corpus.of(["ab\ud800cd"])


# Standard input and devices


def test_empty_standard_input_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error on standard input calls it by its name."""
    stdin(monkeypatch, b"")
    assert refusal("-") == "standard input is empty"


def test_damaged_standard_input_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The byte and the place are told for standard input as for a file."""
    stdin(monkeypatch, b"abc\xe9")
    assert refusal("-") == (
        "standard input is not UTF-8: byte 0xE9 at offset 3 (try --encoding latin-1)"
    )


def test_closed_standard_input_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python has no sys.stdin at all where the shell closed it; that is an error like others."""
    monkeypatch.setattr(sys, "stdin", None)
    assert refusal("-").startswith("standard input ")


def test_unreadable_standard_input_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Standard input that was opened for writing alone is an error like others."""
    handle = os.open(tmp_path / "written", os.O_WRONLY | os.O_CREAT)
    with open(handle, "rb", buffering=0) as raw:
        # What the interpreter builds of descriptor 0, whatever its access mode is.
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(raw)))
        assert refusal("-").startswith("standard input ")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there is no such device")
def test_a_device_without_end_is_refused() -> None:
    """A character device that is no terminal is not read."""
    with pytest.raises(CorpusError, match=r"^/dev/zero is a device, not a text"):
        read_file("/dev/zero")
