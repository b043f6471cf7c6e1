"""The standard streams: UTF-8 unless the user chose another encoding; escapes if it lacks any."""

from __future__ import annotations

import codecs
import os
import sys
from typing import Any

_ESCAPE = "chargen.escape"


class Escapes:
    """The characters that were escaped, because the encoding of standard output lacks them."""

    def __init__(self) -> None:
        self._characters: dict[str, None] = {}

    def __call__(self, error: UnicodeError) -> tuple[str | bytes, int]:
        """Return escapes for characters, such as `\\u65e5`, and remember the characters."""
        assert isinstance(error, UnicodeEncodeError)
        characters = error.object[error.start : error.end]
        self._characters |= dict.fromkeys(characters)
        return "".join(map(_escape, characters)), error.end

    def warn(self) -> None:
        """Print a warning if a character was escaped."""
        if self._characters:
            from chargen.text.display import list_characters

            print(
                f"chargen: warning: standard output is {sys.stdout.encoding}; characters that"
                " it does not support are written as \\u escapes:"
                f" {list_characters(''.join(self._characters))}"
                " (set PYTHONIOENCODING=utf-8 to write UTF-8)",
                file=sys.stderr,
            )


def prepare_streams() -> Escapes:
    """Prepare the standard streams, so that no text fails to be written or is written as "?".

    In the locale C or POSIX, Python selects ASCII, whatever the terminal or the pipe accepts.
    UTF-8 is used instead. An encoding that PYTHONIOENCODING, another locale or a Windows code page
    sets is kept. A closed output is None; everything written to it is discarded.
    """
    escapes = Escapes()
    codecs.register_error(_ESCAPE, escapes)
    for name in ("stdin", "stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None and name != "stdin":
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif hasattr(stream, "reconfigure"):
            if _encoding(stream) == "ascii" and not _is_chosen():
                stream.reconfigure(encoding="utf-8")
            if name != "stdin":
                lossy = name == "stdout" and not is_utf8(stream)
                stream.reconfigure(errors=_ESCAPE if lossy else "backslashreplace")
    return escapes


def is_utf8(stream: Any) -> bool:
    """Return whether a stream writes UTF-8, or text that is not encoded."""
    return _encoding(stream) in ("utf-8", "")


def _encoding(stream: Any) -> str:
    encoding = getattr(stream, "encoding", None)
    return codecs.lookup(encoding).name if encoding else ""


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _is_chosen() -> bool:
    """Return whether PYTHONIOENCODING names an encoding; ":replace" names only an error handler."""
    return bool(os.environ.get("PYTHONIOENCODING", "").partition(":")[0])
