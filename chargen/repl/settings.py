"""The settings of a session by their names, as they are typed and shown."""

from __future__ import annotations

import difflib
import re
from dataclasses import fields, replace

from chargen.errors import OptionError
from chargen.generation.settings import Settings

SETTINGS = {
    "temperature": "0 takes the likeliest, above 1 grows wild",
    "top_k": "draw from the K likeliest only; 0: from all",
    "top_p": "... from the fewest that hold P; 1: from all",
    "min_p": "... from those at P of the likeliest; 0: from all",
    "threshold": "... from those at least this probable; 0: from all",
    "repetition_penalty": "above 1: what was written lately grows less likely",
    "repetition_last": "lately: so many characters",
    "length": "so many characters at most; 0: no end",
    "until_newline": "on: the model writes to the end of the line",
    "stop": "a text before which it ends; \\n: a newline; nothing: none",
    "confidence": "the ghost ends where the best guess is less probable",
    "seed": "of the next answer; each takes the one after it",
}

_SWITCH = {"on": True, "yes": True, "true": True, "off": False, "no": False, "false": False}


def check_name(name: str) -> None:
    """Raise OptionError where there is no setting of this name."""
    if name not in SETTINGS:
        near = difflib.get_close_matches(name.replace("-", "_"), SETTINGS, 1)
        hint = f"did you mean {near[0]}?" if near else "/set lists them"
        raise OptionError(f"there is no setting {name} ({hint})")


def changed(settings: Settings, name: str, text: str) -> Settings:
    """The settings with one of them as it was typed. Raises OptionError where it is not allowed."""
    check_name(name)
    kind = next(field.type for field in fields(Settings) if field.name == name)
    value: object
    if name == "stop":
        value = (text.replace("\\n", "\n").replace("\\t", "\t"),) if text else ()
    elif kind == "bool":
        if text.lower() not in _SWITCH:
            raise OptionError(f"{name} is on or off, got {text!r}")
        value = _SWITCH[text.lower()]
    else:
        try:
            value = float(text) if kind == "float" else int(text)
        except ValueError:
            what = "number" if kind == "float" else "whole number"
            raise OptionError(f"{name} must be a {what}, got {text!r}") from None
        if name == "length":
            value = value or None
    try:
        return replace(settings, **{name: value})  # type: ignore[arg-type]
    except OptionError as error:
        # The message speaks of the option of the same name.
        said = re.sub(r"--([a-z-]+)", lambda m: m[1].replace("-", "_"), str(error))
        raise OptionError(said) from None


def value_of(settings: Settings, name: str) -> str:
    """A setting as it would be typed."""
    value = getattr(settings, name)
    if isinstance(value, bool):
        return "on" if value else "off"
    if name == "stop":
        return (value[0] if value else "").replace("\n", "\\n").replace("\t", "\\t")
    return f"{value:g}" if isinstance(value, float) else str(value or 0)
