"""Options that several commands share, and click options made from declared ones."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chargen.errors import ChargenError
from chargen.options import Option, check_together, options_of
from chargen.text.kind import STREAM, TextKind

if TYPE_CHECKING:
    from chargen.model.checkpoint import Checkpoint
    from chargen.text.corpus import Corpus
    from chargen.text.reading import Note
    from chargen.text.vocabulary import Vocabulary

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

_ESCAPE = re.compile(r"\\[ntr]")
_TYPES = {"int": click.INT, "float": click.FLOAT, "str": click.STRING}


class Command(click.Command):
    """A command that rejects a repeated option, unless the option accepts several values.

    click silently uses the last value.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments. Raises click.UsageError if one of them repeats an option."""
        _, _, order = self.make_parser(ctx).parse_args(list(args))
        for each in order:
            single = isinstance(each, click.Option) and not (each.multiple or each.is_flag)
            if single and (count := order.count(each)) > 1:
                raise click.UsageError(
                    f"{each.opts[-1]} may be given only once, got {count} values"
                    " (pass one of them)",
                    ctx,
                )
        return super().parse_args(ctx, args)


model_option: Decorator = click.option(
    "-m",
    "--model",
    metavar="MODEL",
    help="Name, folder or archive of the model [default: the newest in ./checkpoints]",
)

model_argument: Decorator = click.argument("name", metavar="[MODEL]", required=False)

models_option: Decorator = click.option(
    "-m",
    "--model",
    "models",
    metavar="MODEL",
    multiple=True,
    help=(
        "Name, folder or archive of a model; can be repeated [default: the newest in ./checkpoints]"
    ),
)

encoding_option: Decorator = click.option(
    "--encoding",
    metavar="NAME",
    default="auto",
    help="Encoding of the text files; auto: UTF-8 or a detected one [default: auto]",
)

glob_option: Decorator = click.option(
    "--glob",
    "pattern",
    metavar="PATTERN",
    help=(
        "Pattern of the files to read in folders; ignores case [default: **/*.txt; with --column,"
        " all CSV, TSV and JSON Lines files]"
    ),
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

    Raises OptionConflictError if an option has no effect, or excludes another one.
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
    check_together(set_values, options)
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
        kind = list_of(kind, declared.separator)
    return click.option(
        *names,
        type=kind,
        multiple=declared.multiple and not declared.separator,
        metavar=declared.metavar,
        help=declared.full_help,
    )


def list_of(kind: click.ParamType[Any], separator: str) -> Callable[[str], tuple[Any, ...]]:
    """Return the type of an option with several values in one argument."""

    def convert(text: str) -> tuple[Any, ...]:
        return tuple(kind.convert(part.strip(), None, None) for part in text.split(separator))

    return convert


def load_model(model: str | None) -> Checkpoint:
    """Load the named model, or the newest one; on a terminal, print which one is the newest."""
    from chargen.model.checkpoint import Checkpoint

    return Checkpoint.load(find_model(model))


def find_model(model: str | None) -> Path:
    """Return the folder or the archive of a model, as `load_model` chooses it."""
    from chargen.model.find import find, newest

    if model is not None:
        return find(model)
    found = newest()
    if sys.stderr.isatty():
        print(f"model: {found} (the newest; -m selects another)", file=sys.stderr)
    return found


def named_model(name: str | None, model: str | None) -> str | None:
    """Return the model that MODEL or --model names. Raises UsageError if they differ."""
    if None not in (name, model) and name != model:
        raise click.UsageError(f"MODEL {name} and --model {model} are different (pass one of them)")
    return model if name is None else name


def known_prompt(
    prompt: str, vocabulary: Vocabulary, *, what: str = "the prompt", typed: bool = True
) -> str:
    """Normalise a prompt, and warn about characters that are not in the vocabulary.

    A prompt with unknown characters is converted to the Unicode normal form that the model knows.
    typed: whether it is an argument, in which the shell keeps a backslash and an n as they are.
    """
    from chargen.repl.session import clean
    from chargen.text.decoding import normalise
    from chargen.text.display import list_characters

    prompt = vocabulary.known_form(normalise(prompt))
    if unknown := vocabulary.unknown(prompt):
        hint = ""
        if typed and "\\" in unknown and _ESCAPE.search(prompt):
            hint = " (for a newline or tab, use $'...' in the shell, or --file)"
        shown = list_characters(unknown)
        warn(f"the model does not know these characters in {what}: {shown}{hint}")
    return clean(prompt)


def file_text(path: str, encoding: str, kind: TextKind = STREAM) -> str:
    """Return the text of a file as a model of a kind reads it, and print notes about the file."""
    from chargen.text.corpus import read_as

    return read_as(path, kind, encoding=encoding, report=print_note)


def print_note(note: Note) -> None:
    """Print a note about a text to standard error."""
    from chargen.cli.display import fitted

    message = note.message(lambda option: f"--{option}")
    if note.warning:
        warn(message)
    else:
        print(fitted(message, sys.stderr), file=sys.stderr)


def warn_unread_table(corpus: Corpus) -> None:
    """Warn if a file of a corpus looks like a table but is read as a whole."""
    from chargen.text.table import listed_names

    if (table := corpus.table) is not None:
        warn(
            f"{table.file} looks like a table but is read as plain text"
            f" (--column {shlex.quote(table.column)} reads one column;"
            f" columns: {listed_names(table.names)})"
        )


def refuse_encoding(file: str | None, option: str) -> None:
    """Refuse --encoding if no file is read. option: the one that names a file."""
    if file is None and "encoding" in set_parameters():
        raise click.UsageError(f"--encoding has no effect without {option}")


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
            shown = parameter.opts[-1]
            if isinstance(parameter, click.Argument):
                shown = parameter.make_metavar(click.get_current_context()).strip("[].")
            raise click.UsageError(f"{shown} has no effect {where}")


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
    from chargen.cli.display import fitted

    print(fitted(f"chargen: warning: {message}", sys.stderr), file=sys.stderr)
