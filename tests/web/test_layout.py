"""Tests of the layout, the colours and the names of the parts of an exported page."""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from chargen.report.theme import ROLES, Role
from chargen.web.document import FOLDER
from tests.web.audits import CONTRAST, UNNAMED
from tests.web.checkpoints import make_checkpoint
from tests.web.reader import LETTERS, Reader

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

VIEWS = {
    "write": ".bar-list",
    "inside": "#inside .cell svg",
    "unfolded": ".gradient svg",
    "whatif": "#whatif .differs",
}
WIDTHS = (360, 768, 1440, 1600)
TEXT = "the neuron remembers what the network has read, letter by letter. " * 3


@pytest.fixture
def reader(browser: "Chrome") -> Iterator[Reader]:
    """A reader without any preference."""
    made = Reader(browser)
    yield made
    made.close()


def test_views_fit_and_are_readable(reader: Reader, tmp_path: Path) -> None:
    """No view scrolls sideways; its texts have a contrast of 4.5, and its controls a name."""
    models = [
        make_checkpoint(f"a_network_with_a_long_name_{cell}", characters=LETTERS, cell=cell)
        for cell in ("lstm", "gru", "feedforward")
    ]
    reader.open(tmp_path, *models, width=1440, text=TEXT)
    other = TEXT.replace("neuron", "letter")
    reader.run("document.getElementById('other').value = arguments[0]", other)
    for view, drawn in VIEWS.items():
        reader.show(view)
        reader.wait(partial(reader.texts, drawn))
        for width in WIDTHS:
            reader.resize(width)
            assert reader.run("return document.documentElement.scrollWidth") <= width, view
        for scheme in ("light", "dark"):
            reader.prefer(prefers_color_scheme=scheme)
            ratio, text = reader.run(CONTRAST)
            assert ratio >= 4.5, (view, scheme, text)
        assert reader.run(UNNAMED) == [], view


def test_nothing_moves_for_those_who_prefer_it(reader: Reader, tmp_path: Path) -> None:
    """The states flow along the chain, unless the reader prefers reduced motion."""
    moving = "return document.getAnimations().length"
    reader.open(tmp_path, width=1440, view="unfolded", text="neuron")
    reader.wait(lambda: reader.run(moving))
    reader.prefer(prefers_reduced_motion="reduce")
    assert reader.run(moving) == 0
    reader.click("#presets button:nth-of-type(1)")
    assert reader.text == "neuron"  # at once, instead of letter by letter


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.variable)
def test_colours_are_those_of_the_report(role: Role) -> None:
    """A colour has the same values in the page and in the report of `compare`."""
    css = (FOLDER / "page.css").read_text("utf-8")
    values = re.search(rf"{role.variable}:light-dark\((\S+),(\S+)\)", css)
    assert values is not None
    assert values.groups() == (role.light, role.dark)
