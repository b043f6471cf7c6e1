"""Options that several commands share, and click options made from declared ones."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from chargen.errors import ChargenError
from chargen.options import Option, options_of

if TYPE_CHECKING:
    from chargen.model.checkpoint import Checkpoint
    from chargen.text.corpus import Corpus
    from chargen.text.vocabulary import Vocabulary

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

_TYPES = {"int": click.INT, "float": click.FLOAT, "str": click.STRING}

model_option: Decorator = click.option(
    "-m",
    "--model",
    metavar="MODEL",
    help="Name or folder of the model [default: the newest in ./checkpoints]",
)

encoding_option: Decorator = click.option(
    "--encoding", default="utf-8", help="Encoding of the text files [default: utf-8]"
)


def declared_options(options: Any, *, exclude: tuple[str, ...] = ()) -> Decorator:
    """Add the options of a dataclass to a command, in the order of their declaration.

    The command receives them by keyword; `given` selects those that the user set.
    """
    declared = [each for name, each in options_of(options).items() if name not in exclude]

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for each in reversed(declared):
            command = _click_option(each)(command)
        return command

    return decorate


def given(options: Any, values: dict[str, Any]) -> dict[str, Any]:
    """Return the values that the user set, and remove all options of the dataclass from `values`.

    Raises click.UsageError if an option has no effect without another one.
    """
    set_values: dict[str, Any] = {}
    declared = options_of(options)
    for name, each in declared.items():
        value = values.pop(name, None)
        if value is None or value is False or value == ():  # 0 is a value
            continue
        if each.none_as and value == type(value)(each.none_as):
            value = None
        set_values[name] = value
    for name in set_values:
        needed = declared[name].requires
        if needed and needed not in set_values:
            raise click.UsageError(
                f"{flag(declared[name])} has no effect without {flag(declared[needed])}"
            )
    return set_values


def flag(declared: Option) -> str:
    """Return the long name of an option on the command line."""
    return declared.flags[-1] if declared.flags else f"--{declared.name.replace('_', '-')}"


def _click_option(declared: Option) -> Decorator:
    names = *(declared.flags or (flag(declared),)), declared.name
    if declared.kind == "bool":
        return click.option(*names, is_flag=True, help=declared.full_help)
    kind: Any = _TYPES[declared.kind]
    if declared.choices:
        kind = click.Choice(declared.choices)
    if declared.separator:
        kind = _list_of(kind, declared.separator)
    return click.option(
        *names,
        type=kind,
        multiple=declared.multiple and not declared.separator,
        metavar=declared.metavar,
        help=declared.full_help,
    )


def _list_of(kind: click.ParamType[Any], separator: str) -> Callable[[str], tuple[Any, ...]]:
    def convert(text: str) -> tuple[Any, ...]:
        return tuple(kind.convert(part.strip(), None, None) for part in text.split(separator))

    return convert


def load_model(model: str | None) -> Checkpoint:
    """Load the named model, or the newest one; on a terminal, print which one is the newest."""
    from chargen.model.checkpoint import Checkpoint
    from chargen.model.find import find, newest

    if model is not None:
        return Checkpoint.load(find(model))
    found = newest()
    if sys.stderr.isatty():
        print(f"model: {found} (the newest; -m selects another)", file=sys.stderr)
    return Checkpoint.load(found)


def known_prompt(prompt: str, vocabulary: Vocabulary, *, what: str = "the prompt") -> str:
    """Normalise a prompt, and warn about characters that are not in the vocabulary."""
    from chargen.repl.session import clean
    from chargen.text.corpus import normalise
    from chargen.text.display import list_characters

    if unknown := vocabulary.unknown(normalise(prompt)):
        warn(f"the model does not know these characters in {what}: {list_characters(unknown)}")
    return clean(prompt)


def warn_unread_table(corpus: Corpus) -> None:
    """Warn if a file of a corpus looks like a table but is read as a whole."""
    from chargen.text.table import listed_names

    if (table := corpus.table) is not None:
        warn(
            f"{table.file} looks like a table; --column {shlex.quote(table.column)} trains on one"
            f" column of: {listed_names(table.names)}"
        )


def set_parameters() -> dict[str, click.Parameter]:
    """Return the parameters that the user set, by name."""
    context = click.get_current_context()
    return {
        name: each
        for each in context.command.params
        if (name := each.name or "")
        and context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT
    }


def allow_only(allowed: set[str], where: str) -> None:
    """Refuse all parameters that have no effect where only some of them are used."""
    for name, parameter in set_parameters().items():
        if name not in allowed:
            shown = parameter.opts[-1] if isinstance(parameter, click.Option) else "TEXT"
            raise click.UsageError(f"{shown} has no effect {where}")


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """Collect the first SIGINT or SIGTERM in the returned list; a second one is not caught."""
    caught: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        caught.append(number)
        for each, handler in before.items():
            signal.signal(each, handler)

    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    for each in before:
        signal.signal(each, note)
    try:
        yield caught
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def output_file(path: str, option: str, *, overwrite: bool | None = None) -> Path:
    """Return a path to write a file to.

    overwrite: whether `--overwrite` was given; None if the command has no such option.
    Raises UsageError if the path is empty, and ChargenError if it exists and may not be replaced.
    Only an ordinary file outside of a model folder may be: replacing a device would remove it.
    """
    from chargen.model.checkpoint import CONFIG

    if not path:
        raise click.UsageError(f"{option} must be the name of a file, got ''")
    file = Path(path)
    if not os.path.lexists(file):
        return file
    if not overwrite:
        use = "" if overwrite is None else "use --overwrite, or "
        raise ChargenError(f"{path} exists ({use}choose another file)")
    if file.is_symlink() or not file.is_file():
        raise ChargenError(f"{path} is not an ordinary file (choose another file)")
    if (file.parent / CONFIG).is_file():
        raise ChargenError(f"{path} is in a model folder (choose another file)")
    return file


def warn(message: str) -> None:
    """Print a warning to standard error."""
    print(f"chargen: warning: {message}", file=sys.stderr)
