"""The settings of a session, and their form on the command line of `/set`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from chargen.errors import OptionError
from chargen.generation.settings import GenerationSettings
from chargen.options import MAX_SEED, option, options_of
from chargen.text.decoding import AUTO, check_encoding

if TYPE_CHECKING:
    from chargen.generation.context import Reader


@dataclass(frozen=True)
class SessionSettings(GenerationSettings):
    """Generation settings with defaults and help lines for a session.

    confidence applies to suggestions only. seed is the seed of the next answer. encoding is that of
    the files that /file reads.
    """

    stop: tuple[str, ...] = option(
        (), "Stop before this text; \\n is a newline, no value turns it off", metavar="TEXT"
    )
    until_newline: bool = option(True, "Stop at the end of the line")
    confidence: float = option(
        0.5,
        "End the suggestion when the top probability is below P",
        minimum=0,
        maximum=1,
        metavar="P",
    )
    seed: int | None = option(
        None,
        "Random seed of the next answer; each answer uses the next seed",
        minimum=0,
        maximum=MAX_SEED,
        metavar="N",
        default_help="random",
    )
    encoding: str = option(AUTO, "Encoding of files; auto: UTF-8 or a detected one", metavar="NAME")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_encoding(self.encoding)


SETTINGS = options_of(SessionSettings)


def model_defaults(reader: Reader) -> dict[str, Any]:
    """Return the defaults that depend on the model: an answer ends with the line or the text."""
    return {"length": reader.default_length, "until_newline": reader.kind.boundary == "\n"}


_READ = {"int": int, "float": float, "str": str}
_SWITCH = {"on": True, "yes": True, "true": True, "off": False, "no": False, "false": False}


def change(settings: SessionSettings, name: str, text: str) -> SessionSettings:
    """Return the settings with one typed value. Raises OptionError if it is not allowed."""
    declared = SETTINGS[name]
    value: Any = None
    if declared.multiple:
        value = (text.replace("\\n", "\n").replace("\\t", "\t"),) if text else ()
    elif declared.kind == "bool":
        value = _SWITCH.get(text.lower())
        if value is None:
            raise OptionError(name, text, "on or off")
    elif not declared.none_as or text != declared.none_as:
        try:
            value = _READ[declared.kind](text)
        except ValueError:
            raise OptionError(name, text, declared.allowed, declared.hint) from None
    return replace(settings, **{name: value})


def format_value(settings: SessionSettings, name: str) -> str:
    """Return a value as the user would type it."""
    value = getattr(settings, name)
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return "".join(value).replace("\n", "\\n").replace("\t", "\\t")
    if value is None:
        return SETTINGS[name].none_as
    return f"{value:g}" if isinstance(value, float) else str(value)
