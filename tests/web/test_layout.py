"""Tests of the layout, the colours and the names of the parts of an exported page."""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from chargen.report.theme import ROLES, Role
from chargen.web.page import FOLDER
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
# The lowest contrast of visible texts with what is behind them, and the text that has it.
CONTRAST = """
const parse = (text) => {
  const numbers = text.match(/[-\\d.]+/g).map(Number);
  const scale = text.startsWith("color(") ? 255 : 1;
  const [red, green, blue, alpha = 1] = numbers;
  return { rgb: [red, green, blue].map((part) => part * scale), alpha };
};
const over = ({ rgb, alpha }, below) => rgb.map((part, k) => part * alpha + below[k] * (1 - alpha));
const luminance = (rgb) => {
  const linear = rgb.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
};
const background = (element) => {
  if (element === null) return [255, 255, 255];
  const own = parse(getComputedStyle(element).backgroundColor);
  return own.alpha === 1 ? own.rgb : over(own, background(element.parentElement));
};
let lowest = [Infinity, ""];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  const text = walker.currentNode.data.trim();
  if (text === "" || !element.checkVisibility() || element.closest(".spoken")) continue;
  const style = getComputedStyle(element);
  const behind = background(element);
  const ink = parse(element.namespaceURI.endsWith("svg") ? style.fill : style.color);
  const [high, low] = [luminance(over(ink, behind)), luminance(behind)].sort((a, b) => b - a);
  const ratio = (high + 0.05) / (low + 0.05);
  if (ratio < lowest[0]) lowest = [ratio, `${element.tagName}.${element.className}: ${text}`];
}
return lowest;
"""
# Controls and drawings without a name for screen readers.
UNNAMED = """
const controls = "button, input, select, textarea, [role=slider], svg:not([aria-hidden])";
return Array.from(document.querySelectorAll(controls))
  .filter((each) => each.checkVisibility())
  .filter((each) => !(each.getAttribute("aria-label") || each.labels?.length || each.textContent))
  .map((each) => each.outerHTML.slice(0, 100));
"""


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
