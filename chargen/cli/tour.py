"""The command `chargen tour` shows how recurrent networks work, in seven screens."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chargen.cli.display import colour_depth
from chargen.cli.options import Command, allow_only, output_file
from chargen.cli.written import write_page
from chargen.text.display import one_line

if TYPE_CHECKING:
    from chargen.tour.screens import Screen


@click.command("tour", cls=Command)
@click.argument("screen", metavar="[SCREEN]", required=False)
@click.option("--no-pause", is_flag=True, help="Show all screens without waiting for Enter")
@click.option("--html", metavar="FILE", help="Write the screens as one web page with live figures")
def command(screen: str | None, no_pause: bool, html: str | None) -> None:
    """Show how recurrent networks work, in seven screens.

    SCREEN, a number from 1 to 7, selects a single screen. Small networks that come with chargen
    compute the numbers when a screen is shown. On a terminal, Enter shows the next screen; q and
    Enter quit. The web page contains these networks and works offline.
    """
    if html is not None:
        allow_only({"html"}, "with --html")
        _write_page(output_file(html, "--html"))
        return
    from chargen.tour.lecture import SCREENS, screens

    if screen is not None:
        allow_only({"screen"}, "with SCREEN")
        places = {str(place): place for place in range(1, len(SCREENS) + 1)}
        if screen not in places:
            raise click.UsageError(
                f"SCREEN must be a whole number between 1 and {len(SCREENS)}, got"
                f" {one_line(screen) or repr('')}"
            )
        _show(SCREENS[places[screen] - 1](), places[screen])
        return
    pause = not no_pause and sys.stdin.isatty() and sys.stdout.isatty()
    for place, each in enumerate(screens(), 1):
        if place > 1 and not pause:
            print()
        _show(each, place)
        if pause and place < len(SCREENS) and not _go_on():
            return


def _show(screen: Screen, place: int) -> None:
    from chargen.cli.tour_view import lines
    from chargen.tour.lecture import SCREENS

    width = max(20, shutil.get_terminal_size().columns)
    for line in lines(screen, f"{place} of {len(SCREENS)}", width, colour_depth(sys.stdout)):
        print(line)


def _write_page(path: Path) -> None:
    from chargen.tour.lecture import screens
    from chargen.web.lecture import lecture

    write_page(path, lecture(screens()))


def _go_on() -> bool:
    """Wait for Enter; return False after q and Enter, or at the end of the input.

    It reads a line, not a key: a change of the terminal's mode would discard keys typed before.
    """
    try:
        return (
            input("Press Enter for the next screen, or q and Enter to quit: ").strip().lower()
            != "q"
        )
    except EOFError:
        return False
