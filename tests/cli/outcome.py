"""The result of a call of the command line."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """The exit status of a call, and what it printed."""

    status: int
    out: str
    err: str


Command = Callable[..., Outcome]
Refused = Callable[..., str]  # returns the error
