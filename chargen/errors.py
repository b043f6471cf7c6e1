"""The errors that a user can cause.

    ChargenError
    ├── OptionError                  a value is not allowed for an option
    │   ├── OptionConflictError      options are incompatible, or one has no effect
    │   └── UnknownOptionError       there is no option of this name
    ├── FileError                    a file or a folder cannot be used
    │   ├── CorpusError              a text cannot be read or is unsuitable for training
    │   └── CheckpointError          a model folder cannot be found, read or written
    ├── GenerationError              no further text meets the requirements
    ├── TrainingError                training cannot continue
    │   └── ProcessEndedError        another process of the run has ended
    ├── ComparisonError              a stored comparison cannot be read
    └── CommandError                 a REPL command fails

A message is one line: the problem, the value, the allowed values, and what to do next.
"""

from collections.abc import Callable, Sequence


class ChargenError(Exception):
    """Base class of all errors that are caused by the user's input."""

    exit_status = 1


class OptionError(ChargenError):
    """A value is not allowed for an option.

    field: the name of the option's field, such as `top_p`. Each front end writes it in its own
    notation: `--top-p` on the command line, `/set top_p` in the REPL.
    allowed: the allowed values, worded to follow "must be". hint: what to do next, without
    parentheses.
    """

    exit_status = 2

    def __init__(self, field: str, value: object, allowed: str, hint: str = "") -> None:
        self.field, self.value, self.allowed, self.hint = field, value, allowed, hint
        super().__init__(self.message(str))

    def message(self, name: Callable[[str], str]) -> str:
        """Return the message, with fields named by `name`."""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{name(self.field)} must be {self.allowed}, got {_shorten(self.value)}{hint}"


class OptionConflictError(OptionError):
    """Options are incompatible, or an option has no effect.

    reason: a sentence that contains each of the fields in braces.
    """

    def __init__(self, reason: str, *fields: str) -> None:
        self.reason, self.fields = reason, fields
        super().__init__(fields[0] if fields else "", None, "")

    def message(self, name: Callable[[str], str]) -> str:
        """Return the reason, with fields named by `name`."""
        return _with_names(self.reason, self.fields, name)


class UnknownOptionError(OptionError, TypeError):
    """There is no option of this name.

    It is a TypeError too, as for any unknown keyword argument in Python.
    """

    def __init__(self, name: str, hint: str) -> None:
        super().__init__(name, None, "", hint)

    def message(self, name: Callable[[str], str]) -> str:
        """Return the message, with the option named by `name`."""
        return f"unknown option {name(self.field)} ({self.hint})"


class FileError(ChargenError):
    """A file or a folder cannot be used.

    reason, fields: as in `OptionConflictError`; the fields are the options that can help.
    """

    def __init__(self, reason: str, *fields: str) -> None:
        self.reason, self.fields = reason, fields
        super().__init__(self.message(str))

    def message(self, name: Callable[[str], str]) -> str:
        """Return the reason, with fields named by `name`."""
        return _with_names(self.reason, self.fields, name)


class CorpusError(FileError):
    """A text cannot be read or is unsuitable for training."""


class CheckpointError(FileError):
    """A model folder cannot be found, read or written."""


class GenerationError(ChargenError):
    """No further text meets the requirements."""


class TrainingError(ChargenError):
    """Training cannot continue."""


class ProcessEndedError(TrainingError):
    """Another process of the run has ended, so the run can be resumed."""


class ComparisonError(ChargenError):
    """A stored comparison cannot be read."""


class CommandError(ChargenError):
    """A REPL command fails."""


def _with_names(reason: str, fields: Sequence[str], name: Callable[[str], str]) -> str:
    for field in fields:
        reason = reason.replace(f"{{{field}}}", name(field))
    return reason


def _shorten(value: object) -> str:
    try:
        shown = repr(value)
    except ValueError:  # an integer of more than 4,300 digits
        shown = "a number that is too large"
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
