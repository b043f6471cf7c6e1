"""Tests of report.html: it opens offline, shows all measurements, and escapes all text."""

import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest

from chargen.comparison.result import CellResult, Comparison
from chargen.evaluation.records import ContextCurve, Interval
from chargen.report.files import files
from tests.example_comparison import make_comparison

VOID = {"meta", "br", "hr", "img", "input", "link"}


class Reader(HTMLParser):
    """Collects every element with its attributes; elements must be closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def draw(comparison: Comparison) -> str:
    """Return the page, which must be well-formed."""
    page = files(comparison)["report.html"].decode()
    Reader(page)
    return page


def sections(page: str) -> list[str]:
    """Return the ids of the sections."""
    return re.findall(r'<section id="([^"]+)"', page)


@pytest.fixture(scope="module")
def page(written: dict[str, bytes]) -> str:
    """Return the page with every section."""
    return written["report.html"].decode()


def test_page_loads_nothing_and_runs_nothing(page: str) -> None:
    """There is no script, and no address is followed without a click."""
    for tag, attributes in Reader(page).found:
        assert tag not in {"script", "link", "iframe", "object", "embed", "img", "base", "form"}
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "srcset", "href", "xlink:href", "action", "data"):
            address = attributes.get(name) or "#"
            assert address.startswith("#") or (tag == "a" and address.startswith("https://"))
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)


def test_ids_are_unique_and_links_lead_to_them(page: str) -> None:
    """Contents and clip paths refer to ids that exist once, although figures share a page."""
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids)) > 100
    targets = re.findall(r'href="#([^"]+)"', page) + re.findall(r"url\(#([^)]+)\)", page)
    assert set(targets) <= set(ids)


def test_text_cannot_become_markup(page: str) -> None:
    """Samples, names and settings are escaped, and invisible characters are shown."""
    assert "<script>" not in page
    assert "&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt; &amp; " in page
    assert "␀␇␛[31m" in page
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e]", page)
    Reader(page)


def test_labels_cannot_become_markup(comparison: Comparison) -> None:
    """A cell that the report does not know is drawn under its label, which loses its markup."""
    assert comparison.text is not None
    cell = comparison.text.cells["lstm"]
    network = replace(cell.network, cell="new", label="new<b>$x$\u202e")
    cells = {**comparison.text.cells, "new": replace(cell, network=network)}
    page = draw(replace(comparison, text=replace(comparison.text, cells=cells), tasks={}))
    assert "<b>$x$" not in page
    assert page.count("new&lt;b&gt;$x$\u2039202E\u203a") > 10
    assert "var(--series-5)" in page


def test_first_screen_has_the_result_the_figure_and_the_networks(page: str) -> None:
    """All three come before the contents; the details are folded."""
    first = page[page.index("<h1>") : page.index("<nav")].replace("\N{NO-BREAK SPACE}", " ")
    assert (
        "<h1>The RNN forgets after 50 characters, the GRU after 800 and the LSTM still "
        "remembers after 3,200.</h1>" in first
    )
    assert first.count("<svg") == 1
    assert "The LSTM is described in one sentence." in first
    assert "3,200 or more" in first
    assert "The plan was shortened to 80 %" in first
    assert "Failed checks:</b> the gradient is right" in first
    assert page.count("<details open>") == 1  # the failed checks


def test_contents_list_every_section(page: str) -> None:
    """Each question has a link, a sentence, and how it was measured."""
    links = re.findall(r'href="#([^"]+)"', page[page.index("<nav") : page.index("</nav>")])
    assert links == sections(page)[1:]
    assert page.count("How it was measured") == len(links) - 2
    for section in page.split("<section ")[1:-3]:
        assert re.search(r"<p>[^<]{20,}", section)


def test_details_describe_how_to_reproduce_the_report(page: str) -> None:
    """The page has the command, the settings, interrupted runs, and an example of each task."""
    assert "<pre>chargen compare corpora/rhymes.txt --minutes 20 --seed 1</pre>" in page
    assert ">batch_size</th>" in page
    assert "resumed once" in page
    assert "<mark>rain</mark>" in page


def test_figures_are_images_in_the_colours_of_the_page(page: str) -> None:
    """Inline figures are XML, have a description and text, and have no fixed colour."""
    found = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(found) > 10
    for one in found:
        root = ElementTree.fromstring(one)
        assert root.get("role") == "img"
        assert len(root.get("aria-label", "")) > 40
        assert "<text" in one
        assert not re.search(r"#[0-9a-fA-F]{6}\b", one)


def test_every_figure_is_a_file(written: dict[str, bytes]) -> None:
    """Each figure is a PNG and an SVG file; main.png shows the main one."""
    names = {name.rsplit(".", 1)[0] for name in written if name.startswith("figures/")}
    assert {"figures/loss", "figures/task-recall", "figures/gradient"} <= names
    for name in names:
        assert written[f"{name}.png"].startswith(b"\x89PNG")
        assert ElementTree.fromstring(written[f"{name}.svg"]).tag.endswith("svg")
    assert written["main.png"].startswith(b"\x89PNG")


def test_same_comparison_makes_same_files(
    comparison: Comparison, written: dict[str, bytes]
) -> None:
    """The files contain no date and no random id."""
    assert files(comparison) == written


def test_without_tasks_the_headline_is_the_loss() -> None:
    """No section on a task remains, and the context is the main figure."""
    page = draw(make_comparison(tasks=())).replace("\N{NO-BREAK SPACE}", " ")
    assert "<h1>The LSTM needs 2.04 bits per character, the GRU 2.07, the RNN 2.24 and" in page
    assert sections(page)[0] == "context"
    assert "Memory task" not in page[page.index("<h1>") : page.index("<footer>")]


def test_without_a_text_only_tasks_are_shown() -> None:
    """No section on the text remains."""
    page = draw(make_comparison(text=False))
    shown = sections(page)[:-3]
    assert shown[0] == "task-recall"
    assert all(name.startswith("task-") for name in shown)
    assert "held-out" not in page


def test_one_network_is_not_compared() -> None:
    """No sentence mentions a second network."""
    page = draw(make_comparison(["lstm"], ()))
    assert "fewer than" not in page
    assert ">GRU<" not in page


def test_empty_comparison_has_a_page() -> None:
    """Without networks, the page has no figures."""
    written = files(make_comparison((), ()))
    Reader(written["report.html"].decode())
    assert set(written) == {"report.html"}


def changed(comparison: Comparison, **fields: Any) -> Iterator[tuple[str, CellResult]]:
    """Change the diagnostics of every network."""
    assert comparison.text is not None
    for name, cell in comparison.text.cells.items():
        yield name, replace(cell, diagnostics=replace(cell.diagnostics, **fields))


def test_missing_measurements_are_omitted(comparison: Comparison) -> None:
    """Each optional part can be absent."""
    assert comparison.text is not None
    nothing = Interval(1.0, 1.0, 1.0, 1)
    bare = changed(
        comparison, context=ContextCurve({}, nothing, None), bracket_matching=(), spelling=()
    )
    cells = {}
    for name, cell in bare:
        coherence = replace(cell.writing.coherence, kept_rhyme=())
        cells[name] = replace(cell, writing=replace(cell.writing, coherence=coherence))
    text = replace(comparison.text, cells=cells, windows=(), window_cell="")
    page = draw(replace(comparison, text=text, checks=(), notes=(), settings={}))
    absent = {"context", "brackets", "spelling", "rhyme", "windows", "checks", "reproduce"}
    assert not absent & set(sections(page))
    assert "Failed" not in page
    assert page.count('class="facts"') == 1


def test_diverged_run_does_not_prevent_the_report(comparison: Comparison) -> None:
    """A missing loss is shown as a dash, a gap or a word."""
    assert comparison.text is not None
    lstm = comparison.text.cells["lstm"]
    runs = tuple(
        replace(run, validation_nats=None, curve=((4_000_000, float("nan")),)) for run in lstm.runs
    )
    cells = {**comparison.text.cells, "lstm": replace(lstm, runs=runs, behind=None)}
    windows = tuple(replace(one, nats=(None, 1.0, 1.0)) for one in comparison.text.windows)
    page = draw(replace(comparison, text=replace(comparison.text, cells=cells, windows=windows)))
    assert "The LSTM diverged." in page
    assert "All runs diverged." in page
    assert not re.search(r"\b(nan|inf|None)\b", re.sub(r"<svg.*?</svg>", "", page, flags=re.S))


def test_a_report_on_documents_says_so(comparison: Comparison) -> None:
    """The report describes the texts and shows "end" instead of the boundary."""
    assert comparison.text is not None
    (name, cell), *_ = comparison.text.cells.items()
    first, *others = cell.diagnostics.spelling
    spelling = (replace(first, predictions=(("\x1e", 0.9), (first.target, 0.1))), *others)
    changed = replace(cell, diagnostics=replace(cell.diagnostics, spelling=spelling))
    text = replace(comparison.text, cells={**comparison.text.cells, name: changed})
    kind = {"name": "document", "separator": "%", "column": None}
    settings = {**comparison.settings, "kind": kind, "max_document": 2_000}
    page = draw(replace(comparison, text=text, settings=settings))
    page = page.replace("\N{NO-BREAK SPACE}", " ")
    assert "\N{SYMBOL FOR RECORD SEPARATOR}" not in page
    assert "<small>end 90 %</small>" in page
    assert 'below; "end" is the end of a document.' in " ".join(page.split())
    assert "wrote documents from an empty prompt, of at most 2,000 characters each, at" in (
        " ".join(page.split())
    )
    assert ", where each document between lines &#39;%&#39; is a separate text (" in page
