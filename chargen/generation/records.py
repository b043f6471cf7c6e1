"""The records that generation yields, one character at a time.

Tens of thousands of them are made each second; a named tuple takes a third of the time of a frozen
dataclass.
"""

from __future__ import annotations

from typing import NamedTuple


class Drawn(NamedTuple):
    """One character of a sample. log_probability: natural log; None unless requested."""

    sample: int
    character: str
    log_probability: float | None


class Stopped(NamedTuple):
    """The end of a sample.

    reason: "length", "confidence", "stop", "newline", "lines", "sentences", "paragraphs" or "end".
    ending: the last characters that were drawn and are not part of the sample, such as the newline
    before which it ends.
    """

    sample: int
    reason: str
    ending: str = ""
