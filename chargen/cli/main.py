"""The `chargen` command: its subcommands, and how errors are reported."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Sequence

import click

from chargen.cli.memory import memory_errors
from chargen.cli.output import prepare_streams
from chargen.errors import ChargenError, FileError, OptionError
from chargen.training.torchrun import is_first_report, leave

# The short help is kept here so that `chargen --help` imports no command.
COMMANDS = {
    "train": "Train a model on text files.",
    "sample": "Generate text that continues a prompt.",
    "repl": "Write a text together with a model.",
    "compare": "Compare networks with and without memory.",
    "score": "Score a text: bits per character and its most surprising places.",
    "inspect": "Show what happens inside a model while it reads a text.",
    "tour": "Show how recurrent networks work, in seven screens.",
    "info": "Describe a model.",
    "models": "List the models in ./checkpoints and those that come with chargen.",
    "export": "Write a model as a web page, an archive or an ONNX graph.",
    "bench": "Measure speed on this machine.",
}


class LazyGroup(click.Group):
    """A group that imports the module of a command when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        if cmd_name not in COMMANDS:
            from chargen.options import suggest

            hint = suggest(cmd_name, COMMANDS) or f"available: {', '.join(COMMANDS)}"
            raise click.UsageError(f"unknown command {cmd_name!r}; {hint}", ctx)
        command: click.Command = importlib.import_module(f"chargen.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="chargen", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Train small character-level language models and generate text with them."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0, 1 (failure), 2 (usage error), 130 (Ctrl-C)."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    escapes = prepare_streams()
    debug = "--debug" in arguments[:1]
    try:
        # Not `cli.main`, which exits with status 1 if the reader of a pipe has closed it.
        with (
            memory_errors("try a smaller model"),
            cli.make_context("chargen", arguments) as context,
        ):
            try:
                status = cli.invoke(context) or 0
            except (OptionError, FileError) as error:
                status = _fail(_with_flags(error, context), error.exit_status, debug)
        sys.stdout.flush()
    except click.exceptions.Exit as left:
        status = left.exit_code
    except ChargenError as error:
        status = _fail(str(error), error.exit_status, debug)
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message(), file=sys.stderr)
        status = error.exit_code
    except click.ClickException as error:
        ctx = getattr(error, "ctx", None)
        message = " ".join(error.format_message().split()).rstrip(".")
        if ctx:
            message = message.removesuffix(")") + ("; " if message.endswith(")") else " (")
            message += f"see {ctx.command_path} --help)"
        status = _fail(message, error.exit_code, debug)
    except (click.Abort, KeyboardInterrupt):
        status = 130
    except BrokenPipeError:
        # The reader has closed the pipe. Python would report it again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    except OSError as error:  # such as standard output on a full disk
        status = _fail(f"{error.filename or 'standard output'}: {error.strerror}", 1, debug)
    escapes.warn()
    leave(status)


def _with_flags(error: OptionError | FileError, context: click.Context) -> str:
    command = cli.get_command(context, context.invoked_subcommand or "")
    flags = {each.name: each.opts[-1] for each in command.params}
    return error.message(lambda field: flags.get(field) or f"--{field.replace('_', '-')}")


def _fail(message: str, status: int, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    if is_first_report():
        from chargen.cli.display import fitted

        line = " ".join(["chargen: error:", *message.splitlines()])
        print(fitted(line, sys.stderr), file=sys.stderr)
    return status
