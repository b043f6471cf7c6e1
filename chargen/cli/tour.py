"""The command `chargen tour` shows how recurrent networks work, in seven screens."""

from __future__ import annotations

import shutil
import sys

import click

from chargen.cli.display import colour_depth

_MIN_WIDTH = 40


@click.command("tour")
@click.option("--no-pause", is_flag=True, help="Show all screens without waiting for a key")
def command(no_pause: bool) -> None:
    """Show how recurrent networks work, in seven screens.

    Small networks that come with chargen compute all numbers when a screen is shown. On a terminal,
    Enter shows the next screen and q quits.
    """
    from chargen.cli.tour_view import lines
    from chargen.tour.lecture import SCREENS, screens

    pause = not no_pause and sys.stdin.isatty() and sys.stdout.isatty()
    width = max(_MIN_WIDTH, shutil.get_terminal_size().columns)
    for number, screen in enumerate(screens(), 1):
        if number > 1 and not pause:
            print()
        for line in lines(screen, f"{number} of {len(SCREENS)}", width, colour_depth(sys.stdout)):
            print(line)
        if pause and number < len(SCREENS) and not _go_on():
            return


def _go_on() -> bool:
    """Wait for Enter, and return True, or for q, the end of the input or Ctrl-D."""
    print("\nEnter: next screen; q: quit ", end="", flush=True)
    try:
        while (key := click.getchar()) not in ("\r", "\n"):
            if key in ("q", "Q", "\x04"):
                return False
        return True
    except EOFError:
        return False
    finally:
        print("\r\x1b[K", end="", flush=True)
