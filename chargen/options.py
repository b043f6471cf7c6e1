"""Whether the values of options have the types that their fields say."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from chargen.errors import OptionError

_WORDS = {"int": "a whole number", "float": "a number", "bool": "True or False", "str": "a text"}


def check_types(options: Any) -> None:
    """Raise OptionError where a field of a dataclass holds another type than it is annotated with.

    The annotations must be strings (`from __future__ import annotations`). Fields of int, float,
    bool and str are looked at, each with or without None; the command line converts them, Python
    takes what it is given.
    """
    for field in fields(options):
        kind, _, rest = str(field.type).partition(" | ")
        value = getattr(options, field.name)
        if kind not in _WORDS or (value is None and rest == "None") or _fits(value, kind):
            continue
        option = field.name.replace("_", "-")
        raise OptionError(f"--{option} must be {_WORDS[kind]}, got {value!r:.40}")


def _fits(value: object, kind: str) -> bool:
    if kind in ("bool", "str"):
        return isinstance(value, bool if kind == "bool" else str)
    if isinstance(value, bool):
        return False
    if kind == "int":
        return hasattr(value, "__index__")
    try:
        return hasattr(value, "__float__") and float(value) is not None
    except (OverflowError, ValueError, TypeError):
        return False
