"""From the bytes of a file to its text."""

from __future__ import annotations

import codecs
import collections
import io
import itertools
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from chargen.errors import CorpusError, OptionError
from chargen.text.display import character_name, one_line, plural
from chargen.text.files import HEAD, Content
from chargen.text.normal_form import last_boundary

AUTO = "auto"  # the encoding is detected

_MARKS = {  # the mark of UTF-32 begins with that of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_BINARY_CONTROLS = bytes(sorted(set(range(32)) - set(b"\t\n\r\f\v\b\x1b")))
_C1_LEAD = b"\xc2"  # the first byte of each C1 control character in UTF-8
_C1_CONTROLS = re.compile("[\x80-\x9f]")
_SAMPLE = 1 << 22  # bytes of a large file from which its encoding is detected
_BEFORE, _AFTER = 12, 20  # characters of a sample around its first non-ASCII character


class UnusableFileError(CorpusError):
    """A file is empty or binary. In a folder, it is skipped. kind: "empty" or "binary"."""

    def __init__(self, message: str, kind: str) -> None:
        self.kind = kind
        super().__init__(message)


class _NotInEncodingError(Exception):
    """A file is not in an encoding. byte: the first invalid one, None at the end of the file."""

    def __init__(self, offset: int, byte: int | None) -> None:
        self.offset, self.byte = offset, byte
        super().__init__(offset)

    def __str__(self) -> str:
        value = "the end" if self.byte is None else f"byte 0x{self.byte:02X}"
        return f"{value} at offset {self.offset}"


@dataclass(frozen=True)
class Decoded:
    """A text in a file: a sequence of pieces, which can be read several times.

    detected: its encoding, if it was detected; warning: what is likely wrong with it.
    """

    content: Content
    encoding: str
    detected: str = ""
    warning: str = ""

    def __iter__(self) -> Iterator[str]:
        """Yield the normalised text in pieces, none of which begins with a combining character.

        So each piece can be converted to a Unicode normal form on its own.
        """
        if self.content.data is not None:
            yield normalise(self.content.data.decode(self.encoding))
            return
        newlines = io.IncrementalNewlineDecoder(None, translate=True)
        rest, is_first = "", True
        try:
            for text in _decode(self.content, self.encoding):
                if is_first and text:
                    text, is_first = text.removeprefix("\ufeff"), False  # noqa: PLW2901
                rest += newlines.decode(text)
                if cut := last_boundary(rest):
                    yield rest[:cut]
                    rest = rest[cut:]
        except _NotInEncodingError:
            raise CorpusError(f"{self.content.shown} changed while it was read") from None
        if rest := rest + newlines.decode("", final=True):
            yield rest


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


def decode(content: Content, encoding: str = AUTO) -> Decoded:
    """Find the encoding of a file, and check the whole file.

    encoding: a result of `check_encoding`. With "auto", it is UTF-8, or UTF-16 or UTF-32 with a
    byte order mark, or the encoding is detected.
    Raises CorpusError if the file is not in the encoding or the detection is uncertain, and
    UnusableFileError if it is empty or binary.
    """
    if not content.size:
        raise UnusableFileError(f"{content.shown} is empty", "empty")
    detected, given = "", encoding
    if given == AUTO:
        encoding, detected = _likely_encoding(content)
    try:
        return _checked(content, encoding, detected)
    except _NotInEncodingError as error:
        if given != AUTO or encoding != "utf-8":
            raise _not_in(encoding, content, error) from None
        encoding = _detect(content, error)
        return _checked(content, encoding, encoding)


def normalise(text: str) -> str:
    """Return a text without byte order mark and with Unix newlines."""
    text = text.removeprefix("\ufeff")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _likely_encoding(content: Content) -> tuple[str, str]:
    """Return the encoding that a file seems to have, and its name again if it was detected."""
    for mark, encoding in _MARKS.items():
        if content.head.startswith(mark):
            return encoding, ""
    if b"\0" in content.head:  # bytes of UTF-16 can be valid UTF-8
        from chargen.text.detection import utf_16_order

        if content.size % 2 == 0 and (order := utf_16_order(content.head)):
            return order, order
    return "utf-8", ""


def _decode(content: Content, encoding: str) -> Iterator[str]:
    """Yield the text of a file in pieces. Raises _NotInEncodingError."""
    if content.data is not None:
        try:
            yield content.data.decode(encoding)
        except UnicodeDecodeError as error:
            byte = content.data[error.start] if error.start < content.size else None
            raise _NotInEncodingError(error.start, byte) from None
        return
    if codecs.lookup(encoding).name in ("utf-16", "utf-32") and not content.head.startswith(
        tuple(_MARKS)
    ):  # without a mark, an incremental decoder refuses what bytes.decode reads
        encoding += f"-{sys.byteorder[0]}e"
    decoder = codecs.getincrementaldecoder(encoding)()
    stop = 0
    for chunk in itertools.chain(content.chunks(), [b""]):
        stop += len(chunk)
        try:
            yield decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:  # error.object can begin with bytes of earlier chunks
            data = error.object
            byte = data[error.start] if error.start < len(data) else None
            raise _NotInEncodingError(stop - len(data) + error.start, byte) from None


def _checked(content: Content, encoding: str, detected: str) -> Decoded:
    """Decode a whole file once. Raises CorpusError, and _NotInEncodingError."""
    controls, first, shown = 0, "", content.shown
    for number, text in enumerate(_decode(content, encoding)):
        if number == 0:
            _refuse_binary(text, shown)
        if text.isascii():
            continue
        try:
            data = text.encode("utf-8")  # some codecs accept lone surrogates
        except UnicodeError as error:
            reason = getattr(error, "reason", None) or error
            raise CorpusError(f"{shown} is not {encoding.upper()}: {reason}") from None
        if _C1_LEAD in data and (found := _C1_CONTROLS.findall(text)):
            controls, first = controls + len(found), first or found[0]
    warning = _c1_warning(controls, first, shown, encoding) if controls else ""
    return Decoded(content, encoding, detected, warning)


def _detect(content: Content, error: _NotInEncodingError) -> str:
    """Return the encoding of a file that is not UTF-8. Raises CorpusError if it is uncertain."""
    from chargen.text.detection import detect, utf_16_order

    if content.size % 2 == 0 and (order := utf_16_order(content.head)):
        return order
    where = f"{content.shown} is not UTF-8: {error}"
    if _looks_binary(content.head):
        raise UnusableFileError(f"{where} (it looks like a binary file)", "binary")
    sample = _sample(content, error.offset)
    mended = sample.decode("utf-8", "replace")
    valid = sum(c > "\x7f" and c != "\ufffd" for c in mended)
    if valid > mended.count("\ufffd"):
        raise CorpusError(
            f"{where}, but most of it is (repair the file, or choose one with {{encoding}})",
            "encoding",
        )
    found = detect(sample)
    readings = []
    for guess in found.guesses:
        try:
            collections.deque(_decode(content, guess.encoding), maxlen=0)
        except _NotInEncodingError:
            continue
        if found.certain and guess is found.guesses[0]:
            return guess.encoding
        excerpt = _excerpt(sample.decode(guess.encoding, "replace"))
        readings.append(f'{guess.encoding} ("{excerpt}")')
    if not readings:
        raise CorpusError(f"{where} (choose one with {{encoding}})", "encoding")
    listed = " or ".join(filter(None, [", ".join(readings[:-1]), readings[-1]]))
    raise CorpusError(
        f"{content.shown} is not UTF-8, and its encoding is uncertain: {listed}"
        " (choose the one that gives readable text with {encoding})",
        "encoding",
    )


def _sample(content: Content, offset: int) -> bytes:
    """Return the bytes to detect an encoding from: all of a small file.

    A large file gives whole lines from its start and from around its first byte that is not UTF-8.
    """
    if content.data is not None:
        return content.data
    start = content.read(0, _SAMPLE)
    if offset < _SAMPLE:
        return start[: start.rfind(b"\n", offset) + 1] or start
    before = _SAMPLE // 8
    around = content.read(offset - before, _SAMPLE)
    return start[: start.rfind(b"\n") + 1] + around[around.find(b"\n", 0, before) + 1 :]


def _excerpt(text: str) -> str:
    """Return the part of a text around its first non-ASCII character."""
    at = next(k for k, c in enumerate(text) if c > "\x7f")
    return one_line(text[max(0, at - _BEFORE) : at + _AFTER]).strip()


def _not_in(encoding: str, content: Content, error: _NotInEncodingError) -> CorpusError:
    message = f"{content.shown} is not {encoding.upper()}: {error}"
    if _looks_binary(content.head) and not content.head.startswith(tuple(_MARKS)):
        return UnusableFileError(f"{message} (it looks like a binary file)", "binary")
    if content.head.startswith(tuple(_MARKS)) and encoding.startswith(("utf-16", "utf-32")):
        # No other encoding has this mark, so another one would decode the file wrongly.
        return CorpusError(f"{message} (the file is damaged there: repair it, or save it again)")
    return CorpusError(f"{message} (try {{encoding}} {AUTO})", "encoding")


def _looks_binary(head: bytes) -> bool:
    return b"\0" in head or _controls(head) > len(head) // 50


def _refuse_binary(text: str, shown: str) -> None:
    head = text[:HEAD]
    if (controls := _controls(head.encode("latin-1", "replace"))) > len(head) // 10:
        raise UnusableFileError(
            f"{shown} looks like a binary file: {controls:,} of its first {len(head):,} characters"
            " are control characters (only plain text is supported)",
            "binary",
        )


def _controls(head: bytes) -> int:
    return len(head) - len(head.translate(None, _BINARY_CONTROLS))


def _c1_warning(count: int, first: str, shown: str, encoding: str) -> str:
    """Return a warning about control characters, which suggest a wrong encoding."""
    name = character_name(first)
    message = f"{shown} has {plural(count, 'invisible control character')}, such as {name}: "
    if encoding.startswith(("utf", "UTF")):
        return message + "it was probably decoded as latin-1 instead of cp1252"
    return message + f"it is probably not {encoding} (try {{encoding}} cp1252 or {AUTO})"
