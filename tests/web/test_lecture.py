"""Tests of the page of the lecture: its numbers, its live figures and its layout."""

import html
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from chargen.tour.lecture import screens
from chargen.tour.screens import Live, Screen, Table
from chargen.web.lecture import lecture
from tests.web.audits import CONTRAST, UNNAMED
from tests.web.reader import DESKTOP, PHONE, Reader

if TYPE_CHECKING:
    pass

WIDTHS = (PHONE, 768, DESKTOP, 1600)
SHOWN = "return document.getElementById(arguments[0]).innerText"


@pytest.fixture(scope="module")
def shown() -> list[Screen]:
    """All screens."""
    return list(screens())


@pytest.fixture(scope="module")
def page(shown: list[Screen]) -> bytes:
    """The page of all screens."""
    return lecture(shown)


def open_page(reader: Reader, folder: Path, page: bytes, shown: list[Screen], width: int) -> int:
    """Open the page and wait until every live figure is drawn. Return how many there are."""
    reader.open_html(folder, page, width=width)
    count = sum(isinstance(part, Live) for screen in shown for part in screen.body)
    drawn = "return Array.from(document.querySelectorAll('.live'), (e) => e.dataset.drawn)"
    reader.wait(lambda: reader.run(drawn) == ["true"] * count)
    return count


def test_everything_is_there_without_javascript(page: bytes, shown: list[Screen]) -> None:
    """Each paragraph, table, instruction and command of the screens is text in the page."""
    content = html.unescape(re.sub(r"<[^>]+>", "\n", page.decode()))
    lines = set(content.split("\n"))
    for screen in shown:
        texts = [screen.title, screen.look, *(command.line for command in screen.commands)]
        texts += [part for part in screen.body if isinstance(part, str)]
        for table in (part for part in screen.body if isinstance(part, Table)):
            texts += [table.caption, *table.columns]
            numbers = [cell for row in table.rows for cell in row if isinstance(cell, float)]
            assert {f"{number:.2f}" for number in numbers} <= lines
        assert all(text in content for text in texts)


def test_live_figures_follow_the_text(
    reader: Reader, tmp_path: Path, page: bytes, shown: list[Screen]
) -> None:
    """A figure computes its numbers again for another text; Reset shows the first ones again."""
    for k in range(open_page(reader, tmp_path, page, shown, DESKTOP)):
        figure = f"figure-{k}"
        before = reader.run(SHOWN, figure)
        field = reader.find(f"#{figure} textarea")
        field.send_keys("on")
        reset = reader.find(f"#{figure} figcaption button")
        reader.wait(reset.is_displayed)
        after = reader.wait(partial(changed, reader, figure, before))
        assert numbers(after) != numbers(before), figure
        reader.run("arguments[0].click()", reset)
        reader.wait(partial(shows, reader, figure, before))


def shows(reader: Reader, figure: str, text: str) -> bool:
    """Whether a figure shows exactly this."""
    now: str = reader.run(SHOWN, figure)
    return now == text


def changed(reader: Reader, figure: str, before: str) -> str | None:
    """Return what a figure shows, once its numbers changed."""
    now: str = reader.run(SHOWN, figure)
    return now if numbers(now) != numbers(before) else None


def numbers(text: str) -> list[str]:
    """Return all numbers of a text."""
    return re.findall(r"\d+(?:\.\d+)?", text)


def test_the_page_computes_the_numbers_of_the_terminal(
    reader: Reader, tmp_path: Path, page: bytes, shown: list[Screen]
) -> None:
    """On a phone: the letters of "neuron", the threshold, and the states of rain and snow."""
    open_page(reader, tmp_path, page, shown, PHONE)
    assert reader.run("return document.documentElement.scrollWidth") == PHONE
    figures = [part for screen in shown for part in screen.body if isinstance(part, Live)]
    words, weeks = (
        next(k for k, figure in enumerate(figures) if view in figure.views)
        for view in ("unfolded", "pair")
    )
    (table,) = (part for part in shown[2].body if isinstance(part, Table))
    expected = [cell for row in table.rows for cell in row if isinstance(cell, float)]
    found = [float(text) for text in reader.texts(f"#figure-{words} .value")]
    # Both are rounded, to two decimals, and the page computes in float32.
    assert found == pytest.approx(expected, abs=0.0051)
    assert reader.texts("#figure-0 .written .glyph") == ["“on”"]
    *_, last = (part for part in shown[5].body if isinstance(part, Table) and part.columns[0] == "")
    apart = [float(getattr(cell, "text", "nan")) for cell in last.rows[-1][1:]]
    values = reader.texts(f"#figure-{weeks} .lane-value")[:2]
    assert [float(text) for text in values] == pytest.approx(apart, abs=0.011)


def test_the_line_is_moved_with_the_keyboard(
    reader: Reader, tmp_path: Path, page: bytes, shown: list[Screen]
) -> None:
    """A lower threshold lets the network write more; the commands have a button to copy them."""
    open_page(reader, tmp_path, page, shown, DESKTOP)
    reader.run("document.querySelector('.handle').focus()")
    reader.press("\ue00f", "\ue00f", "\ue00f", "\ue00f", "\ue00f")  # PageDown
    reader.wait(lambda: len(reader.texts("#figure-0 .written .glyph")[0]) > len("“on”"))
    assert len(reader.texts(".command button")) == sum(len(screen.commands) for screen in shown)
    reader.click(".command button")
    reader.wait(lambda: reader.texts(".command button")[0] == "Copied")


def test_the_page_fits_and_is_readable(
    reader: Reader, tmp_path: Path, page: bytes, shown: list[Screen]
) -> None:
    """No scrolling sideways at any width, a contrast of 4.5 in both themes, and names."""
    open_page(reader, tmp_path, page, shown, DESKTOP)
    for width in WIDTHS:
        reader.resize(width)
        assert reader.run("return document.documentElement.scrollWidth") <= width
    for scheme in ("light", "dark"):
        reader.prefer(prefers_color_scheme=scheme)
        ratio, text = reader.run(CONTRAST)
        assert ratio >= 4.5, (scheme, text)
    assert reader.run(UNNAMED) == []
    links = reader.run("return Array.from(document.querySelectorAll('nav a'), (e) => e.hash)")
    assert all(reader.find(link) for link in links)
    assert len(links) == len(shown)
