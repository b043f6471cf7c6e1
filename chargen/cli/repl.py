"""`chargen repl`: write together with a model."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from chargen.cli.options import known_prompt, load_model, model_option
from chargen.cli.sampling import make_settings, sampling_options

if TYPE_CHECKING:
    from chargen.repl.session import Session


@click.command("repl")
@model_option
@click.option(
    "-n", "--length", type=int, default=200, show_default=True, help="Most characters; 0: no end."
)
@click.option(
    "--confidence",
    type=float,
    default=0.5,
    show_default=True,
    help="The ghost ends where the best guess is less probable.",
)
@sampling_options
def command(model: str | None, length: int, confidence: float, **sampling: Any) -> int:
    """Write together with a model, line by line.

    Enter lets it write your line to its end. What stands in grey behind the cursor is what it
    would write; Tab takes it. /help tells the rest.

    Without a terminal each line of standard input is written to its end and printed; they are
    one text, as in a terminal, until a line says /reset.
    """
    from chargen.generation.context import Reader
    from chargen.repl.session import Session

    settings = make_settings(
        sampling, length=length or None, confidence=confidence, until_newline=True
    )
    loaded = load_model(model)
    terminal = sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
    session = Session(
        Reader.of(loaded), settings, name=loaded.folder.resolve().name, whole_lines=not terminal
    )
    if not terminal:
        return run_script(session, sys.stdin or ())
    import platformdirs

    from chargen.repl.terminal import Terminal

    Terminal(session, history=platformdirs.user_state_path("chargen") / "history").run()
    return 0


def run_script(session: Session, lines: Iterable[str]) -> int:
    """Answer each line on standard output; errors go to the other. The exit status."""
    from chargen.errors import ChargenError
    from chargen.repl.commands import as_text, is_command, one_line, run
    from chargen.text.shown import visible

    if isinstance(lines, io.TextIOWrapper):
        lines.reconfigure(errors="replace")
    out = sys.stdout
    show = visible if out.isatty() else str
    status = 0
    for line in lines:
        entry = line.removesuffix("\n")
        try:
            if is_command(entry):
                answer = run(session, entry)
            else:
                typed = known_prompt(as_text(entry), session.reader.vocabulary)
                out.write(show(typed))
                answer = session.respond(typed)
            for piece in answer:
                out.write(show(piece))
            out.flush()
        except ChargenError as error:
            out.flush()
            print(f"chargen: error: {one_line(error)}", file=sys.stderr)
            status = 1
        except EOFError:
            break
    return status
