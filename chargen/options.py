"""Options, each declared once as a field of a dataclass.

The command line, the REPL's `/set`, the checks of the Python API and the tables of the README are
generated from these declarations.
"""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, fields
from typing import Any

from chargen.errors import OptionConflictError, OptionError, UnknownOptionError

MAX_SEED = (1 << 63) - 1  # the range that the generators of both numpy and torch accept

_METADATA = "option"
_TYPES = {"int": "a whole number", "float": "a number", "bool": "True or False", "str": "a string"}


@dataclass(frozen=True)
class Option:
    """The declaration of one option.

    name, default: of its field. kind: the type of a value, "int", "float", "bool" or "str".
    optional: whether None is allowed; none_as: the text that stands for None.
    multiple: the value is a tuple. separator: separates its values in one argument; if empty,
    the option is repeated. minimum, maximum: inclusive; above: exclusive minimum.
    choices: the allowed values; empty if any value within the bounds is allowed.
    flags: the names on the command line, if they differ from the field's name.
    hint: advice in error messages. default_help: the default in words. requires: another option
    without which this one has no effect. excludes: one that must not be given at the same time.
    """

    help: str
    name: str = ""
    default: Any = None
    kind: str = "str"
    optional: bool = False
    multiple: bool = False
    separator: str = ""
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    choices: Collection[str] = ()
    flags: tuple[str, ...] = ()
    metavar: str | None = None
    hint: str = ""
    default_help: str = ""
    none_as: str = ""
    requires: str = ""
    excludes: str = ""

    @property
    def allowed(self) -> str:
        """The allowed values in words: "a number between 0 and 1"."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        low, high = self.minimum, self.maximum
        if self.above is not None:
            bounds = f" greater than {_number(self.above)}"
            bounds += "" if high is None else f" and at most {_number(high)}"
        elif low is not None and high is not None:
            bounds = f" between {_number(low)} and {_number(high)}"
        else:
            bounds = "" if low is None else f", {_number(low)} or more"
        return _TYPES[self.kind] + bounds

    @property
    def default_text(self) -> str:
        """The default in words; empty for None, False and ()."""
        if self.default_help or self.default is None or self.default is False:
            return self.default_help
        if self.multiple:
            return ",".join(map(str, self.default))
        return self.default if self.kind == "str" else _number(self.default)

    @property
    def full_help(self) -> str:
        """The help line with the default at its end."""
        default = self.default_text
        return f"{self.help} [default: {default}]" if default else self.help

    def check(self, value: Any) -> Any:
        """Return the value, with numpy numbers converted to Python's. Raises OptionError."""
        if value is None and self.optional:
            return None
        if not self.multiple:
            return self._check(value)
        if not isinstance(value, tuple):
            raise OptionError(self.name, value, "a tuple")
        return tuple(map(self._check, value))

    def _check(self, value: Any) -> Any:
        with suppress(TypeError, OverflowError):
            converted = _convert(value, self.kind)
            if converted is not None and self._allows(converted):
                return converted
        raise OptionError(self.name, value, self.allowed, self.hint)

    def _allows(self, value: Any) -> bool:
        if self.choices:
            return value in self.choices
        return (
            (self.minimum is None or value >= self.minimum)
            and (self.maximum is None or value <= self.maximum)
            and (self.above is None or value > self.above)
        )


def option(default: Any, help: str, **declaration: Any) -> Any:  # noqa: A002
    """Declare a field of a dataclass as an option. See `Option` for the keywords.

    The annotations of the dataclass must be strings (`from __future__ import annotations`).
    """
    return field(default=default, metadata={_METADATA: declaration | {"help": help}})


def options_of(options: Any) -> dict[str, Option]:
    """Return the options of a dataclass, or of an instance of one, by name."""
    found = {}
    for each in fields(options):
        if _METADATA in each.metadata:
            kind, _, rest = str(each.type).partition(" | ")
            found[each.name] = Option(
                name=each.name,
                default=each.default,
                kind=kind.removeprefix("tuple[").removesuffix(", ...]"),
                optional=rest == "None",
                multiple=kind.startswith("tuple["),
                **each.metadata[_METADATA],
            )
    return found


def check_options(options: Any) -> None:
    """Raise OptionError if a field of an instance has a value that is not allowed.

    numpy numbers are converted to Python numbers, which can be written as JSON.
    """
    for name, declared in options_of(options).items():
        object.__setattr__(options, name, declared.check(getattr(options, name)))


def index_below(size: int) -> str:
    """Return in words which indices something of this size has: "0", or a range from 0."""
    return "0" if size == 1 else f"a whole number between 0 and {size - 1:,}"


def check_names(names: Iterable[str], known: Collection[str]) -> None:
    """Raise UnknownOptionError for a name that is not among the known ones."""
    for name in names:
        if name not in known:
            hint = suggest(name, known) or f"available: {', '.join(known)}"
            raise UnknownOptionError(name, hint)


def check_together(names: Collection[str], options: Any) -> None:
    """Raise OptionConflictError if options that were given have no effect or exclude each other."""
    for name, declared in options_of(options).items():
        needed, excluded = declared.requires, declared.excludes
        if name in names and needed and needed not in names:
            reason = f"{{{name}}} has no effect without {{{needed}}}"
            raise OptionConflictError(reason, name, needed)
        if name in names and excluded in names:
            reason = f"{{{excluded}}} and {{{name}}} are mutually exclusive"
            raise OptionConflictError(reason, excluded, name)


def suggest(name: str, known: Iterable[str], prefix: str = "") -> str:
    """Return "did you mean" with the known name that is most similar; empty if there is none."""
    import difflib

    near = difflib.get_close_matches(name.replace("-", "_"), known, 1)
    return f"did you mean {prefix}{near[0]}?" if near else ""


def _convert(value: Any, kind: str) -> Any:
    if kind in ("bool", "str"):
        return value if isinstance(value, bool if kind == "bool" else str) else None
    if isinstance(value, bool):
        return None
    if kind == "int":
        return operator.index(value)
    if not isinstance(value, numbers.Real) or not math.isfinite(value):
        return None
    return value if isinstance(value, int) else float(value)


def _number(value: float) -> str:
    if value == MAX_SEED:
        return "2**63 - 1"
    return f"{int(value):,}" if value == int(value) else f"{value:g}"
