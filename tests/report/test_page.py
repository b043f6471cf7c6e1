"""report.html opens offline, shows what there is, and lets no text become markup."""

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from chargen.records import Comparison
from chargen.report.folder import files
from chargen.report.page import page, sections

VOID = {"meta", "br", "hr", "img", "input", "link"}
TASKS = ("recall", "context", "nesting")


class Reader(HTMLParser):
    """Every element with its attributes, and whether all were closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open it."""
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element of SVG that holds nothing."""
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Close the last that was opened."""
        assert self.open.pop() == tag


def read(content: bytes) -> Reader:
    """The page, whose elements must all be closed."""
    reader = Reader()
    reader.feed(content.decode())
    reader.close()
    assert reader.open == []
    return reader


def test_nothing_is_fetched_and_nothing_runs(written: dict[str, bytes]) -> None:
    """No address is followed without a click, and there is no script."""
    reader = read(written["report.html"])
    for tag, attributes in reader.found:
        assert tag not in {"script", "link", "iframe", "object", "embed", "img", "base", "form"}
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "srcset", "href", "xlink:href", "action", "data"):
            address = attributes.get(name) or "#"
            assert address.startswith("#") or (tag == "a" and address.startswith("https://"))
    text = written["report.html"].decode()
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)


def test_links_into_the_page_lead_somewhere(written: dict[str, bytes]) -> None:
    """Every #name is the id of an element, those of the figures' clips included."""
    text = written["report.html"].decode()
    ids = set(re.findall(r'\bid="([^"]+)"', text))
    assert set(re.findall(r'href="#([^"]+)"', text)) <= ids
    assert set(re.findall(r"url\(#([^)]+)\)", text)) <= ids


def test_ids_are_unique(written: dict[str, bytes]) -> None:
    """No two elements share an id, though many figures share the page."""
    ids = [one["id"] for _, one in read(written["report.html"]).found if "id" in one]
    assert len(ids) == len(set(ids)) > 100


def test_texts_cannot_become_markup(written: dict[str, bytes]) -> None:
    """Samples, names and settings are escaped, and what is invisible in them is shown."""
    text = written["report.html"].decode()
    assert "<script>" not in text
    assert "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; " in text
    assert "␀␇␛[31m" in text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e]", text)


def test_each_figure_is_well_formed_and_says_what_it_shows(written: dict[str, bytes]) -> None:
    """Inline figures are XML, images to a screen reader, and have words and no fixed colour."""
    found = re.findall(r"<svg.*?</svg>", written["report.html"].decode(), re.DOTALL)
    assert len(found) > 20
    for one in found:
        root = ElementTree.fromstring(one)
        assert root.get("role") == "img"
        assert len(root.get("aria-label", "")) > 40
        assert "<text" in one
        assert "xmlns:xlink" not in one
        assert not re.search(r"#[0-9a-fA-F]{6}\b", one)


def test_the_page_knows_light_dark_phone_and_paper(written: dict[str, bytes]) -> None:
    """One stylesheet serves them all."""
    text = written["report.html"].decode()
    assert "@media screen and (prefers-color-scheme:dark)" in text
    assert "@media print" in text
    assert 'name="viewport"' in text


def test_the_same_comparison_makes_the_same_files(
    comparison: Comparison, written: dict[str, bytes]
) -> None:
    """No date, no random id: the bytes repeat."""
    assert files(comparison) == written


def test_every_figure_is_a_picture_and_a_drawing(written: dict[str, bytes]) -> None:
    """Each is there as PNG and as well-formed SVG of its own; main.png beside them."""
    names = {name.rsplit(".", 1)[0] for name in written if name.startswith("figures/")}
    assert {"figures/loss", "figures/task-recall", "figures/context"} <= names
    for name in names:
        assert written[f"{name}.png"].startswith(b"\x89PNG")
        root = ElementTree.fromstring(written[f"{name}.svg"])
        assert root.tag.endswith("svg")
        assert b"var(" not in written[f"{name}.svg"]
    assert written["main.png"].startswith(b"\x89PNG")


def test_failed_checks_stand_on_top_and_in_full(written: dict[str, bytes]) -> None:
    """A failure is said before the first result, and with its figures."""
    text = written["report.html"].decode()
    assert text.index("failed:</b> the gradient is right") < text.index('id="spans"')
    assert "✗ FAILED" in text
    assert "relative error 0.003" in text


def test_a_comparison_without_failures_warns_of_nothing(comparison: Comparison) -> None:
    """The warning is there only where it is due."""
    fine = replace(comparison, checks=tuple(one for one in comparison.checks if one.passed))
    text = page(fine).decode()
    assert 'class="warning"' not in text
    assert "FAILED" not in text


def test_the_command_that_makes_it_again_is_there(written: dict[str, bytes]) -> None:
    """Who doubts it can repeat it."""
    assert b"chargen compare corpora/rhymes.txt --minutes 20 --seed 1" in written["report.html"]


def test_without_tasks_only_the_text_is_shown(build: Callable[..., Comparison]) -> None:
    """No section, no table and no source of the tasks remains."""
    content = files(build(tasks=()))
    text = content["report.html"].decode()
    read(content["report.html"])
    assert "Memory task" not in text
    assert 'id="spans"' not in text
    assert "Wilson" not in text
    assert content["main.png"].startswith(b"\x89PNG")


def test_without_a_text_only_the_tasks_are_shown(build: Callable[..., Comparison]) -> None:
    """Losses, gradients and samples are left out cleanly."""
    bare = replace(build(cells=()), bigram_nats=None, corpus_coherence=None, windows=())
    content = files(bare)
    text = content["report.html"].decode()
    read(content["report.html"])
    assert {one.name for one in sections(bare)} >= {f"task-{name}" for name in TASKS}
    assert 'id="losses"' not in text
    assert "held-out" not in text
    assert content["main.png"].startswith(b"\x89PNG")


def test_one_cell_alone_is_compared_with_nothing(build: Callable[..., Comparison]) -> None:
    """No sentence speaks of a second network."""
    text = page(build(["lstm"], ())).decode()
    assert "ahead of" not in text
    assert "least of all" not in text
    assert ">GRU<" not in text


def test_what_was_not_measured_is_left_out(comparison: Comparison) -> None:
    """Each optional part can be missing by itself; missing closers are said to be missing."""
    cells = {
        name: replace(
            cell,
            closers={},
            neuron=(),
            samples=(),
            sweep=(),
            context_curve={},
            effective_context=None,
            coherence=replace(cell.coherence, kept_rhyme=()),
        )
        for name, cell in comparison.cells.items()
    }
    bare = replace(comparison, cells=cells, windows=(), checks=(), settings={}, bigram_nats=None)
    names = {one.name for one in sections(bare)}
    text = page(bare).decode()
    assert not names & {"neuron", "sweep", "context", "window"}
    assert next(one for one in sections(bare) if one.name == "coherence").picture is None
    assert "Left out" in text
    assert "Karpathy" not in text
    assert 'id="checks"' not in text
    assert 'id="settings"' not in text


def test_a_comparison_of_nothing_is_still_a_page(build: Callable[..., Comparison]) -> None:
    """Neither cells nor tasks: no figure, no error."""
    content = files(build((), ()))
    read(content["report.html"])
    assert set(content) == {"report.html"}


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_run_that_diverged_does_not_take_the_report_with_it(
    comparison: Comparison, bad: float
) -> None:
    """Whatever is not finite becomes a dash, a gap or a word."""
    lstm = comparison.cells["lstm"]
    cell = replace(
        lstm,
        validation_nats=bad,
        validation_bpc=bad,
        seeds=(bad, bad),
        curve=((100, 3.0), (200, bad)),
        sweep=((0.1, bad),),
        largest_norms=(bad,),
        all_context=replace(lstm.all_context, value=bad, low=bad, high=bad),
    )
    windows = tuple(replace(one, validation_nats=bad) for one in comparison.windows)
    broken = replace(
        comparison, cells={**comparison.cells, "lstm": cell}, windows=windows, bigram_nats=None
    )
    text = page(broken).decode()
    read(text.encode())
    assert "The LSTM diverged and has no loss." in text
    assert not re.search(r"\b(nan|inf)\b", re.sub(r"<svg.*?</svg>", "", text, flags=re.DOTALL))


def test_a_cell_that_is_new_is_drawn_too(comparison: Comparison) -> None:
    """A name this room does not know gets a colour of its own and loses its markup."""
    new = replace(comparison.cells["lstm"], cell="min<b>lstm")
    text = page(replace(comparison, cells={**comparison.cells, "min<b>lstm": new})).decode()
    read(text.encode())
    assert "var(--spare-1)" in text
    assert "min&lt;b&gt;lstm" in text
