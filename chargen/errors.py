"""The errors that a user can meet.

    ChargenError
    ├── OptionError        a value that was asked for is not allowed
    │   └── TooShortError  the time that was given for a part of a comparison
    ├── CorpusError        a text cannot be read or is of no use for training
    ├── CheckpointError    a model folder cannot be found, read or written
    ├── TrainingError      training cannot go on
    └── ComparisonError    a stored comparison cannot be read

A message is one line: what was wrong, the value that came, what is allowed, what to do next.
"""


class ChargenError(Exception):
    """Every error that is the input's fault and not the program's."""

    exit_status = 1


class OptionError(ChargenError):
    """A value that was asked for is not allowed."""

    exit_status = 2


class CorpusError(ChargenError):
    """A text cannot be read or is of no use for training."""


class CheckpointError(ChargenError):
    """A model folder cannot be found, read or written."""


class TrainingError(ChargenError):
    """Training cannot go on."""


class TooShortError(OptionError):
    """A part of a comparison cannot be done in its time. seconds: the least that it takes."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the time is too short: it takes {seconds:.0f} s or more")
        self.seconds = seconds


class ComparisonError(ChargenError):
    """A stored comparison cannot be read."""
