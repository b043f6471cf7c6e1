"""From the bytes of a file to its text."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from chargen.errors import CorpusError, OptionError
from chargen.text.display import character_name, one_line, plural

AUTO = "auto"  # the encoding is detected

_MARKS = {  # the mark of UTF-32 begins with that of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_TEXT_CONTROLS = frozenset("\t\n\r\f\v\b\x1b")
_C1_CONTROLS = re.compile("[\x80-\x9f]")
_HEAD = 1 << 16
_BEFORE, _AFTER = 12, 20  # characters of a sample around its first non-ASCII character


class UnusableFileError(CorpusError):
    """A file is empty or binary. In a folder, it is skipped. kind: "empty" or "binary"."""

    def __init__(self, message: str, kind: str) -> None:
        self.kind = kind
        super().__init__(message)


@dataclass(frozen=True)
class Decoded:
    """A text. detected: its encoding, if it was detected; warning: what is likely wrong with it."""

    text: str
    detected: str = ""
    warning: str = ""


def check_encoding(encoding: str) -> str:
    """Return the encoding if it is "auto" or Python supports it. Raises OptionError."""
    if encoding == AUTO:
        return encoding
    try:
        b"a".decode(encoding)
    except UnicodeDecodeError:
        pass  # a valid encoding with two bytes per character, such as UTF-16
    except (LookupError, ValueError):
        raise OptionError(
            "encoding",
            encoding,
            "auto or a text encoding that Python supports",
            "try utf-8, utf-16, cp1252, latin-1, gb18030 or shift_jis",
        ) from None
    # `normalise` removes a byte order mark.
    return "utf-8" if codecs.lookup(encoding).name == "utf-8-sig" else encoding


def decode(data: bytes, shown: str, encoding: str = AUTO) -> Decoded:
    """Decode the content of a file in an encoding that `check_encoding` returned.

    With "auto", it is UTF-8, or UTF-16 or UTF-32 with a byte order mark, or the encoding is
    detected. shown: the name of the file in messages.
    Raises CorpusError if the file is not in the encoding or the detection is uncertain, and
    UnusableFileError if it is empty or binary.
    """
    if not data:
        raise UnusableFileError(f"{shown} is empty", "empty")
    detected = ""
    if encoding == AUTO:
        encoding, detected = _find_encoding(data, shown)
    try:
        text = data.decode(encoding)
        text.encode("utf-8")  # some codecs accept lone surrogates
    except UnicodeDecodeError as error:
        raise _not_in(encoding, data, error, shown) from None
    except UnicodeError as error:
        reason = getattr(error, "reason", None) or error
        raise CorpusError(f"{shown} is not {encoding.upper()}: {reason}") from None
    _refuse_binary(text, shown)
    return Decoded(text, detected, _c1_warning(text, shown, encoding))


def normalise(text: str) -> str:
    """Return a text without byte order mark and with Unix newlines."""
    text = text.removeprefix("\ufeff")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _find_encoding(data: bytes, shown: str) -> tuple[str, str]:
    """Return the encoding, and its name again if it was detected."""
    for mark, encoding in _MARKS.items():
        if data.startswith(mark):
            return encoding, ""
    if b"\0" in data[:_HEAD]:  # bytes of UTF-16 can be valid UTF-8
        from chargen.text.detection import utf_16_order

        if order := utf_16_order(data):
            return order, order
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        encoding = _detect(data, error, shown)
        return encoding, encoding
    return "utf-8", ""


def _detect(data: bytes, error: UnicodeDecodeError, shown: str) -> str:
    """Return the encoding of data that is not UTF-8. Raises CorpusError if it is uncertain."""
    from chargen.text.detection import detect, utf_16_order

    if order := utf_16_order(data):
        return order
    where = f"{shown} is not UTF-8: {_byte(data, error)}"
    if _looks_binary(data):
        raise UnusableFileError(f"{where} (it looks like a binary file)", "binary")
    mended = data.decode("utf-8", "replace")
    valid = sum(c > "\x7f" and c != "\ufffd" for c in mended)
    if valid > mended.count("\ufffd"):
        raise CorpusError(
            f"{where}, but most of it is (repair the file, or choose one with {{encoding}})",
            "encoding",
        )
    found = detect(data)
    readings = []
    for guess in found.guesses:
        try:
            text = data.decode(guess.encoding)
        except UnicodeDecodeError:
            continue
        if found.certain and guess is found.guesses[0]:
            return guess.encoding
        readings.append(f'{guess.encoding} ("{_excerpt(text)}")')
    if not readings:
        raise CorpusError(f"{where} (choose one with {{encoding}})", "encoding")
    listed = " or ".join(filter(None, [", ".join(readings[:-1]), readings[-1]]))
    raise CorpusError(
        f"{shown} is not UTF-8, and its encoding is uncertain: {listed}"
        " (choose the one that gives readable text with {encoding})",
        "encoding",
    )


def _excerpt(text: str) -> str:
    """Return the part of a text around its first non-ASCII character."""
    at = next(k for k, c in enumerate(text) if c > "\x7f")
    return one_line(text[max(0, at - _BEFORE) : at + _AFTER]).strip()


def _not_in(encoding: str, data: bytes, error: UnicodeDecodeError, shown: str) -> CorpusError:
    message = f"{shown} is not {encoding.upper()}: {_byte(data, error)}"
    if _looks_binary(data) and not data.startswith(tuple(_MARKS)):
        return UnusableFileError(f"{message} (it looks like a binary file)", "binary")
    return CorpusError(f"{message} (try {{encoding}} {AUTO})", "encoding")


def _byte(data: bytes, error: UnicodeDecodeError) -> str:
    value = f"byte 0x{data[error.start]:02X}" if error.start < len(data) else "the end"
    return f"{value} at offset {error.start}"


def _looks_binary(data: bytes) -> bool:
    head = data[:_HEAD]
    return b"\0" in head or _controls(head.decode("latin-1")) > len(head) // 50


def _refuse_binary(text: str, shown: str) -> None:
    head = text[:_HEAD]
    if (controls := _controls(head)) > len(head) // 10:
        raise UnusableFileError(
            f"{shown} looks like a binary file: {controls:,} of its first {len(head):,} characters"
            " are control characters (only plain text is supported)",
            "binary",
        )


def _controls(text: str) -> int:
    return sum(text.count(c) for c in map(chr, range(32)) if c not in _TEXT_CONTROLS)


def _c1_warning(text: str, shown: str, encoding: str) -> str:
    """Return a warning if a text has characters that no text has on purpose."""
    if text.isascii() or not (found := _C1_CONTROLS.findall(text)):
        return ""
    first = character_name(found[0])
    message = f"{shown} has {plural(len(found), 'invisible control character')}, such as {first}: "
    if encoding.startswith(("utf", "UTF")):
        return message + "it was probably decoded as latin-1 instead of cp1252"
    return message + f"it is probably not {encoding} (try {{encoding}} cp1252 or {AUTO})"
