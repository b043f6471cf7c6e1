"""The `chargen` command: which commands there are, and how errors reach a person."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Sequence

import click

from chargen.errors import ChargenError

# The short help stands here, so that `chargen --help` loads no command.
COMMANDS = {
    "train": "Train a model on a text.",
    "sample": "Write on from a prompt.",
    "repl": "Write together with a model, line by line.",
    "compare": "Show, beside other networks, what memory buys.",
    "score": "Tell how well a model expects a text.",
    "info": "Tell what a model is.",
    "bench": "Measure speed on this machine.",
}

INTERRUPTED = 130


class LazyGroup(click.Group):
    """A group that imports a command's module only when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command itself, imported now."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"chargen.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is called; one that does not exist is told with the nearest name."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(COMMANDS)}"
            raise click.UsageError(f"there is no command {args[0]!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table as it is."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _show_version(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"chargen {version('chargen')}")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Train small character-level language models, and let them write."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0, 1 (failed), 2 (wrong usage), 130 (Ctrl-C)."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    # A closed standard output is None; what is written to it is lost, as the user wanted.
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    debug = "--debug" in arguments[:1]
    try:
        # Not `cli.main`, which ends with status 1 where the reader of a pipe has gone.
        with cli.make_context("chargen", arguments) as called:
            status = cli.invoke(called) or 0
        sys.stdout.flush()
    except click.exceptions.Exit as left:
        status = left.exit_code
    except ChargenError as error:
        status = _failed(str(error), error.exit_status, debug)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        status = error.exit_code
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        where = f" (see {context.command_path} --help)" if context else ""
        message = " ".join(error.format_message().split()).rstrip(".")
        status = _failed(message + where, error.exit_code, debug)
    except (click.Abort, KeyboardInterrupt):
        status = INTERRUPTED
    except BrokenPipeError:
        # The reader has gone. Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    except OSError as error:  # standard output on a full disk, say
        status = _failed(f"{error.filename or 'the output'}: {error.strerror}", 1, debug)
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "alloc" not in str(error):
            raise
        status = _failed("there is not enough memory for this (try a smaller model)", 1, debug)
    sys.exit(status)


def _failed(message: str, status: int, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    line = " ".join(message.splitlines())
    print(f"chargen: error: {line}", file=sys.stderr)
    return status
