"""Tests of the layout, the colours and the names of the parts of an exported page."""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from chargen.model.checkpoint import Checkpoint
from chargen.model.find import find
from chargen.report.theme import ROLES, Role
from chargen.web.document import FOLDER
from chargen.web.page import page
from tests.web.audits import CONTRAST, UNNAMED
from tests.web.checkpoints import make_checkpoint
from tests.web.reader import DESKTOP, LETTERS, PHONE, Reader

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

VIEWS = {
    "write": ".bar-list",
    "inside": "#inside .cell svg",
    "unfolded": ".gradient svg",
    "whatif": "#whatif .differs",
}
WIDTHS = (360, 768, 1440, 1600)
# The labels of a chain that its left edge cuts.
CUT = """
const chain = document.querySelector(".chain");
const edge = chain.getBoundingClientRect().left;
const cut = (box) => box.left < edge && box.right > edge;
const labels = Array.from(chain.querySelectorAll("text"));
return labels.filter((each) => cut(each.getBoundingClientRect())).map((each) => each.textContent);
"""
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


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_drawings_use_the_width(reader: Reader, tmp_path: Path, width: int) -> None:
    """The chart and the strips fill their boxes; a chain that scrolls cuts no label on the left."""
    model = make_checkpoint(characters=LETTERS)
    reader.open(tmp_path, model, width=width, view="unfolded", text=TEXT)
    reader.wait(partial(reader.texts, ".gradient svg"))
    assert reader.run("return document.querySelector('.chain').scrollLeft") > 0
    assert reader.run(CUT) == []
    share = "const [inner, outer] = Array.from(arguments, (one) => document.querySelector(one));"
    share += "return inner.getBoundingClientRect().width / outer.getBoundingClientRect().width"
    assert reader.run(share, ".gradient svg", ".gradient") > 0.85
    reader.open(tmp_path, model, width=width, view="inside", text="neuron")
    reader.wait(partial(reader.texts, "#inside .cell svg"))
    assert reader.run(share, "#inside .timeline", "#inside") > 0.85


def test_nothing_moves_for_those_who_prefer_it(reader: Reader, tmp_path: Path) -> None:
    """The states flow along the chain, unless the reader prefers reduced motion."""
    moving = "return document.getAnimations().length"
    neurons = Checkpoint.load(find("tour/neurons-lstm"))
    reader.open(tmp_path, neurons, width=1440, view="unfolded", text="the neuron")
    reader.wait(lambda: reader.run(moving))
    reader.prefer(prefers_reduced_motion="reduce")
    assert reader.run(moving) == 0
    reader.click("#presets button:nth-of-type(1)")
    assert reader.text == "neuron"  # at once, instead of letter by letter


def test_paper_shows_no_controls_and_no_dark_colours(reader: Reader, tmp_path: Path) -> None:
    """A page that is printed in the dark theme has dark text, and nothing to click."""
    reader.open(tmp_path, width=DESKTOP, view="inside", text="neuron")
    reader.prefer(prefers_color_scheme="dark")
    ink = "return getComputedStyle(document.body).color"
    assert reader.run(ink) == "rgb(233, 235, 238)"
    reader.prefer(media="print", prefers_color_scheme="dark")
    assert reader.run(ink) == "rgb(28, 32, 38)"
    shown = "return Array.from(document.querySelectorAll('button, [role=tab]'))"
    assert reader.run(f"{shown}.filter((each) => each.checkVisibility()).length") == 0


def test_without_javascript_nothing_seems_to_work(reader: Reader, tmp_path: Path) -> None:
    """Without JavaScript, only the title and a sentence about JavaScript are shown."""
    with reader.without_scripts():
        (tmp_path / "page.html").write_bytes(page([make_checkpoint("model")]))
        reader.browser.get((tmp_path / "page.html").as_uri())
        shown = reader.find("body").text
    assert shown.split("\n") == ["chargen", "model", "This page needs JavaScript."]


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.variable)
def test_colours_are_those_of_the_report(role: Role) -> None:
    """A colour has the same values in the page and in the report of `compare`."""
    css = (FOLDER / "page.css").read_text("utf-8")
    values = re.search(rf"{role.variable}:light-dark\((\S+),(\S+)\)", css)
    assert values is not None
    assert values.groups() == (role.light, role.dark)
