"""From bytes to text: which encoding is used, what is reported, and what is refused."""

# ruff: noqa: RUF001 - letters of other scripts are the subject of this file

import subprocess
import sys

import pytest

from chargen.errors import CorpusError
from chargen.text.decoding import Decoded, UnusableFileError
from chargen.text.decoding import decode as decode_content
from chargen.text.files import Content

ENGLISH = "He said “don’t” in the café — and the naïve waiter smiled “really?” at us.\n" * 2
RUSSIAN = "Мой дядя самых честных правил, когда не в шутку занемог.\n"


def decode(data: bytes, name: str, encoding: str = "auto") -> Decoded:
    """Decode the content of a file."""
    return decode_content(Content(name, data), encoding)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_utf_8_and_byte_order_marks_are_read_without_a_word(encoding: str) -> None:
    """Nothing is detected, so nothing is reported."""
    decoded = decode(ENGLISH.encode(encoding), "a.txt")
    assert (decoded.detected, decoded.warning) == ("", "")
    assert "".join(decoded) == ENGLISH


@pytest.mark.parametrize(
    ("text", "encoding"),
    [(ENGLISH, "cp1252"), (RUSSIAN, "koi8-r"), (RUSSIAN, "utf-16-le"), (ENGLISH, "utf-16-be")],
)
def test_a_detected_encoding_is_reported(text: str, encoding: str) -> None:
    """The whole text is decoded in it."""
    decoded = decode(text.encode(encoding), "a.txt")
    assert (decoded.detected, "".join(decoded)) == (encoding, text)


def test_an_uncertain_encoding_is_refused_with_samples() -> None:
    """The error lists encodings with the text around the first non-ASCII character."""
    with pytest.raises(CorpusError) as caught:
        decode(b"x" * 100 + b" old C\xe6sar\n", "a.txt")
    message = str(caught.value)
    assert message.startswith("a.txt is not UTF-8, and its encoding is uncertain: cp1252 (")
    assert 'xx old Cæsar⏎")' in message
    assert " or " in message
    assert message.endswith('") (choose the one that gives readable text with encoding)')


def test_damaged_utf_8_is_not_another_encoding() -> None:
    """One invalid byte in a UTF-8 text is an error with its position."""
    with pytest.raises(CorpusError, match=r"^a is not UTF-8: byte 0xE9 at offset \d+, but most"):
        decode(ENGLISH.encode() * 5 + b"caf\xe9 au lait\n" + ENGLISH.encode(), "a")


def test_an_explicit_encoding_is_obeyed() -> None:
    """A UTF-8 text can be read as latin-1, and a cp1252 text cannot be read as UTF-8."""
    assert "".join(decode("é".encode(), "a.txt", "latin-1")) == "Ã©"
    with pytest.raises(CorpusError, match=r"^a is not UTF-8: .* \(try encoding auto\)$"):
        decode(b"caf\xe9", "a", "utf-8")


@pytest.mark.parametrize(
    ("data", "encoding", "end"),
    [
        (ENGLISH.encode("cp1252"), "latin-1", "it is probably not latin-1 (try {encoding} cp1252"),
        (b"don\xc2\x92t", "auto", "it was probably decoded as latin-1 instead of cp1252"),
    ],
)
def test_invisible_controls_raise_a_warning(data: bytes, encoding: str, end: str) -> None:
    """They would become characters of the vocabulary."""
    warning = decode(data, "a.txt", encoding).warning
    assert warning.startswith("a.txt has ")
    assert ", such as U+009" in warning
    assert end in warning


@pytest.mark.parametrize(
    ("data", "kind"),
    [(b"", "empty"), (bytes(500), "binary"), (b"\xff\xd8\xff\xe0\0\x10JFIF" * 9, "binary")],
)
def test_a_file_without_text_is_named(data: bytes, kind: str) -> None:
    """An empty or binary file is told from a text in an unknown encoding."""
    with pytest.raises(UnusableFileError) as caught:
        decode(data, "a.txt")
    assert caught.value.kind == kind


def test_utf_8_is_read_without_the_detection() -> None:
    """The module is imported only for a text that is not UTF-8."""
    program = (
        "import sys; from chargen.text.decoding import decode;"
        " from chargen.text.files import Content; decode(Content('a', b'caf\\xc3\\xa9'));"
        " sys.exit('chargen.text.detection' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
