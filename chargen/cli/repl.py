"""The command `chargen repl` starts an interactive session with a model."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from chargen.cli.options import (
    Command,
    declared_options,
    encoding_option,
    given,
    known_prompt,
    load_model,
    model_option,
)
from chargen.repl.settings import SessionSettings, model_defaults

if TYPE_CHECKING:
    from chargen.repl.session import Session


@click.command("repl", cls=Command)
@model_option
@encoding_option
@declared_options(SessionSettings, exclude=("stop", "until_newline", "encoding"))
def command(model: str | None, encoding: str, **options: Any) -> int:
    """Write a text together with a model, line by line.

    Press Enter to let the model finish your line. While you type, the model suggests how to
    continue, in grey; press Tab to accept the suggestion. The suggestion is the most
    likely text; Enter samples instead. Type /help for all keys and commands.

    A model of documents or cells continues your line to the end of the text.

    Without a terminal, the model finishes each line of standard input and prints it. All lines are
    one text until the command /reset.
    """
    from chargen.generation.context import Reader
    from chargen.repl.session import Session

    chosen = {**given(SessionSettings, options), "encoding": encoding}
    SessionSettings(**chosen)  # before the model is loaded
    loaded = load_model(model)
    reader = Reader.of(loaded)
    settings = SessionSettings(**{**model_defaults(reader), **chosen})
    terminal = sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
    session = Session(
        reader,
        settings,
        name=loaded.name,
        whole_lines=not terminal,
    )
    if not terminal:
        return run_script(session, sys.stdin or ())
    import platformdirs

    from chargen.repl.terminal import Terminal, TolerantHistory

    history = TolerantHistory(platformdirs.user_state_path("chargen") / "history")
    Terminal(session, history=history).run()
    return 0


def run_script(session: Session, lines: Iterable[str]) -> int:
    """Print the answer to each line, and errors to standard error. Returns the exit status."""
    from chargen.errors import ChargenError
    from chargen.repl.commands import as_text, error_line, is_command, run
    from chargen.text.display import visible

    if isinstance(lines, io.TextIOWrapper):
        lines.reconfigure(encoding="utf-8" if os.name == "nt" else None, errors="replace")
    out = sys.stdout
    show = visible if out.isatty() else str
    status = 0
    for line in lines:
        entry = line.removesuffix("\n")
        try:
            if is_command(entry):
                answer = run(session, entry)
            else:
                vocabulary = session.reader.vocabulary
                typed = known_prompt(as_text(entry), vocabulary, what="the line", typed=False)
                out.write(show(typed))
                answer = session.respond(typed)
            for piece in answer:
                out.write(show(piece))
            out.flush()
        except ChargenError as error:
            out.flush()
            print(f"chargen: error: {error_line(error)}", file=sys.stderr)
            status = 1
        except EOFError:
            break
    return status
