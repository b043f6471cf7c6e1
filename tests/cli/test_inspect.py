"""Tests of `chargen inspect`: its views, its files, and refused input."""

import json
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chargen.cli.heat_map import number
from chargen.evaluation.inspection import InspectionSettings
from chargen.evaluation.saliency import saliency
from chargen.evaluation.trace import Trace, Tracer
from chargen.model.cells.registry import CELLS
from chargen.model.checkpoint import Checkpoint
from chargen.report import activations
from chargen.text.display import text_width
from chargen.web.page import page
from tests.cli.outcome import Command, Outcome, Refused

FAILED, WRONG_USE = 1, 2
TEXT = "the cat"


@pytest.fixture
def inspect(chargen: Command, model: Path) -> Command:
    """Run `chargen inspect` with the tiny model and check that it succeeds."""

    def call(*options: str, folder: Path = model) -> Outcome:
        outcome = chargen("inspect", "-m", str(folder), *options)
        assert outcome.status == 0, outcome.err
        return outcome

    return call


@pytest.fixture
def trace(model: Path) -> Callable[..., Trace]:
    """Return the trace of a text by the tiny model."""
    tracer = Tracer.of(Checkpoint.load(model))
    return lambda text, **settings: tracer.trace(text, InspectionSettings(**settings))


def numbers(line: str) -> list[str]:
    """The numbers of a row after the character, without its predictions."""
    return re.findall(r"[-.\d]+", line[4:48])


# The map


def test_a_row_has_the_means_and_the_most_likely_characters(
    inspect: Command, trace: Callable[..., Trace]
) -> None:
    """Each row has the mean of each gate, |c|, kept, written and |h|, and five characters."""
    found = trace(TEXT)
    head, *lines = inspect("-p", TEXT).out.splitlines()
    assert head.split() == ["i", "f", "g", "o", "c", "kept", "written", "h", "next"]
    for t, (line, character) in enumerate(zip(lines, TEXT.replace(" ", "\u2423"), strict=False)):
        assert line.startswith(f"{t} {character} ")
        arrays = [found.layers[0][name][t] for name in head.split()[:-1]]
        assert numbers(line) == [number(float(abs(values).mean())) for values in arrays]
        likely = re.findall(r"(\S) (\.\d\d|1\.0)", line[48:])
        assert [c for c, _ in likely] == [
            {" ": "\u2423", "\n": "\u23ce"}.get(c, c) for c, _ in found.next_characters(t)
        ]
    legend = " ".join(" ".join(lines[len(TEXT) :]).split())
    for words in (*CELLS["lstm"].gates.values(), "long-term memory", "short-term memory"):
        assert words in legend


def test_the_values_of_a_unit_are_signed(inspect: Command, trace: Callable[..., Trace]) -> None:
    """A bar shows its memory."""
    layer = trace(TEXT).layers[0]
    head, *lines = inspect("-p", TEXT, "--unit", "3").out.splitlines()
    for t, line in enumerate(lines[: len(TEXT)]):
        values = [layer[name][t, 3] for name in head.split()[:8]]
        assert numbers(line) == list(map(number, values))
        left, _, right = line[48:].partition("\u2502")
        assert ("\u2588" in right.split()[0]) == (values[4] > 1 / 16)
        assert ("\u2588" in left) == (values[4] < -1 / 16)


@pytest.mark.parametrize("unit", [(), ("--unit", "3")])
def test_a_narrow_map_is_explained(
    inspect: Command,
    trace: Callable[..., Trace],
    monkeypatch: pytest.MonkeyPatch,
    unit: tuple[str, ...],
) -> None:
    """At 40 columns, headings are letters that the legend explains, and a unit keeps its signs."""
    monkeypatch.setenv("COLUMNS", "40")
    head, *lines = inspect("-p", TEXT, *unit, "--close", "f").out.splitlines()
    headings = head.replace("next", "").replace("0", "").replace(" ", "")
    assert headings == "ifgockwhm"
    legend = " ".join(" ".join(lines[len(TEXT) :]).split())
    assert all(f" {letter}: " in legend for letter in headings)
    if unit:
        candidates = trace(TEXT, close=("f",), unit=3).layers[0]["g"][:, 3]
        signs = [line[8] for line in lines[: len(TEXT)]]
        assert signs == ["-" if value < 0 else " " for value in candidates]


def test_held_gates_are_named_and_move_predictions(
    inspect: Command, trace: Callable[..., Trace]
) -> None:
    """The map has the change of each prediction, which is 0 before the first held character."""
    out = inspect("-p", TEXT, "--close", "forget", "--from", "4", "--open", "o").out
    assert re.search(r"held: forget = 0 from character 4 on, all units,\s+all layers", out)
    assert re.search(r"held: use \(output\) = 1 from character 4", out)
    held = trace(TEXT, close=("forget",), open=("use",), start=4)
    moved = abs(held.probabilities - trace(TEXT).probabilities).sum(1) / 2
    printed = [float(line[50:54]) for line in out.splitlines()[1:8]]
    assert printed == pytest.approx(moved.tolist(), abs=0.0051)
    assert printed[:4] == [0, 0, 0, 0]
    assert max(printed[4:]) > 0


@pytest.mark.parametrize("cell", ["lstm", "feedforward"])
@pytest.mark.parametrize(
    "view",
    [
        (),
        ("--unit", "2"),
        ("--unfold",),
        ("--saliency",),
        ("--versus", "\u4f60be"),
        ("--units", "text.txt"),
    ],
    ids=lambda view: "".join(view[:1]),
)
def test_lines_fit_the_terminal(
    here: Path,
    inspect: Command,
    make_model: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    cell: str,
    view: tuple[str, ...],
) -> None:
    """No line is wider than the terminal, with wide, combining and control characters, too."""
    folder = make_model(here / "m", "to be, or n\u4f60\u0301\x1b\n", cell=cell, num_layers=2)
    prompt = () if view[:1] == ("--units",) else ("-p", "to \u4f60\u0301\x1b\nbe" * 2)
    for columns in (20, 33, 80, 160):
        monkeypatch.setenv("COLUMNS", str(columns))
        lines = inspect(*view, *prompt, folder=folder).out.split("\n")
        assert len(lines) > 3
        assert [line for line in lines if text_width(line) > columns] == []
        assert not any(unicodedata.category(c) == "Cc" for line in lines for c in line)


def test_a_long_text_is_summarised(here: Path, inspect: Command) -> None:
    """Above 200 characters, the first and the last 20 rows and the means are printed."""
    (here / "long.txt").write_text("the cat sat on the mat. " * 20)
    lines = inspect("--file", "long.txt").out.splitlines()
    places = [int(line.split()[0]) for line in lines if re.match(r" *\d+ \S", line)]
    assert places == [*range(20), *range(460, 480)]
    assert lines[21] == "..."
    assert lines[42].split()[0] == "\u00d8"
    (here / "short.txt").write_text("t" * 200)
    lines = inspect("--file", "short.txt").out.splitlines()
    assert "..." not in lines
    assert lines[200].startswith("199 t ")


def test_layers_are_shown_one_at_a_time(
    here: Path, inspect: Command, make_model: Callable[..., Path]
) -> None:
    """The last layer is the default."""
    folder = make_model(here / "m", num_layers=2)
    both = [inspect("-p", "to", "--layer", k, folder=folder).out for k in "01"]
    assert both[0] != both[1] == inspect("-p", "to", folder=folder).out
    assert "layer 0 (2 layers, numbered from 0)" in both[0]


COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize(
    ("environment", "pattern"),
    [
        ({"COLORTERM": "truecolor"}, r"\x1b\[38;5;\d+;48;2;\d+;\d+;\d+m"),
        ({"COLORTERM": None}, r"\x1b\[38;5;\d+;48;5;\d+m"),
        ({"NO_COLOR": "1"}, None),
    ],
    ids=["24 bits", "256 colours", "none"],
)
def test_colours_depend_on_the_terminal(
    model: Path,
    on_terminal: Callable[..., str],
    environment: dict[str, str | None],
    pattern: str | None,
) -> None:
    """24 bits, 256 colours, or none; the text is the same apart from the blocks."""
    shown = on_terminal("inspect", "-m", str(model), "-p", "cat", **environment)
    assert ("probability: 0.9+ 0.5+" in COLOURS.sub("", shown)) == (pattern is not None)
    if pattern is None:
        assert "\x1b" not in shown
    else:
        assert len(re.findall(pattern, shown)) == 3 * 8
    assert [line[:3] for line in COLOURS.sub("", shown).splitlines()[1:4]] == ["0 c", "1 a", "2 t"]


# Other views


def test_two_texts_are_compared(inspect: Command, trace: Callable[..., Trace]) -> None:
    """States and predictions are equal up to the first different character."""
    texts = "the cat", "the dog"
    one, two = map(trace, texts)
    record = json.loads(inspect("-p", texts[0], "--versus", texts[1], "--json").out)
    states = np.sqrt(np.square(one.layers[0]["c"] - two.layers[0]["c"]).mean(1))
    moved = abs(one.probabilities - two.probabilities).sum(1) / 2
    # Rounding of float32 numbers of about 1.
    assert [each["state"] for each in record["each"]] == pytest.approx(states.tolist(), abs=1e-6)
    assert [each["prediction"] for each in record["each"]] == pytest.approx(moved, abs=1e-6)
    assert [each["prediction"] for each in record["each"]][:4] == [0, 0, 0, 0]
    assert min(moved[4:]) > 0
    out = " ".join(inspect("-p", texts[0], "--versus", texts[1]).out.split())
    assert (
        "the texts first differ at character 4; the predictions differ most after character" in out
    )
    head = inspect("-p", texts[0], "--versus", texts[1]).out.splitlines()[0]
    assert re.fullmatch(r"  1 2  state moved next 1 +next 2", head)
    assert "warning: only the first 3 characters" in inspect("-p", "the cat", "--versus", "the").err


@pytest.mark.parametrize("cell", CELLS)
def test_the_network_is_drawn_folded_and_unfolded(
    here: Path, inspect: Command, make_model: Callable[..., Path], cell: str
) -> None:
    """A box for each layer and character; arrows between them only if a state is carried."""
    folder = make_model(here / "m", cell=cell, num_layers=2)
    above, below = inspect("-p", "to be", "--unfold", folder=folder).out.split("\n\n", 1)
    recurrent = CELLS[cell].recurrent
    # The label of the feed-forward network is too long for the box.
    assert above.count(cell if cell == "feedforward" else CELLS[cell].label) == 2
    assert ("\u2190" in above) == recurrent
    assert below.count("\u252c") == 2 * 5
    assert below.count("\u2192") == (2 * 5 if recurrent else 0)
    assert ("no arrow" in below) != recurrent


def test_saliency_is_printed(inspect: Command, model: Path) -> None:
    """The JSON object has the changes and the gradient norms, the text their bars."""
    found = saliency(Checkpoint.load(model), TEXT, 5)
    record = json.loads(inspect("-p", TEXT, "--saliency", "--at", "5", "--json").out)
    assert (record["prompt"], record["after"], record["target"]) == (TEXT, 5, found.target)
    assert [each["change"] for each in record["each"]] == found.change.tolist()
    assert [each["gradient"] for each in record["each"]] == found.gradient.tolist()
    _, *lines = inspect("-p", TEXT, "--saliency", "--at", "5").out.splitlines()
    assert [line.split()[1] for line in lines[:6]] == list("the\u2423ca")
    negative = "a negative change: the alternatives make"
    assert any(line.startswith(negative) for line in lines) == (found.change < 0).any()
    largest = int(found.gradient.argmax())
    assert lines[largest].endswith("1.0 " + 21 * "\u2588")
    assert lines[6].startswith("prediction after character 5: ")


def test_units_are_found(here: Path, inspect: Command, text: str) -> None:
    """The search uses a file, or a text by the model that is the same in every call."""
    record = json.loads(inspect("--units", text, "--json").out)
    assert record["text"] == "text.txt"
    assert record["characters"] == len((here / text).read_text())
    assert {each["layer"] for each in record["units"]} == {0}
    names = [each["feature"] for each in record["units"]]
    assert "position in the line" in names
    assert "inside brackets" not in names
    out = inspect("--units", text).out
    assert all(name in " ".join(out.split()) for name in names)
    rows = [line for line in out.splitlines() if re.search(r"(?: +-?[.\d]+){5}$", line)]
    for row in rows:  # the others are named below them
        found, confirmed, chance = map(float, row.split()[-3:])
        assert found * confirmed > 0
        assert min(abs(found), abs(confirmed)) >= chance
    assert ("not confirmed" in out) == (len(rows) < len(names))
    assert out.count(", c\n") == min(3, len(rows))
    generated = inspect("--units").out
    assert generated.startswith("text: 2,000 characters, generated by the model at temperature 0.8")
    assert inspect("--units").out == generated


# Files and JSON


@pytest.mark.parametrize("cell", CELLS)
def test_an_archive_has_the_arrays(
    here: Path, inspect: Command, make_model: Callable[..., Path], cell: str
) -> None:
    """`numpy.load` gives the arrays of the trace, without pickle, and JSON the same numbers."""
    folder = make_model(here / "m", cell=cell, num_layers=2)
    out = inspect("-p", "to be", "--npz", "a.npz", folder=folder).out
    assert out == "arrays    a.npz (5 characters)\n"
    expected = Tracer.of(Checkpoint.load(folder)).trace("to be").arrays()
    with np.load(here / "a.npz", allow_pickle=False) as archive:
        assert set(archive) == set(expected)
        for name, values in expected.items():
            np.testing.assert_array_equal(archive[name], values)
    record = json.loads(inspect("-p", "to be", "--json", folder=folder).out)
    assert record["cell"] == cell
    assert record["arrays"] == {name: values.tolist() for name, values in expected.items()}
    assert "".join(each["character"] for each in record["each"]) == "to be"
    for t, each in enumerate(record["each"]):
        assert len(each["next"]) == 5
        for name, mean in each["means"].items():
            assert mean == abs(expected[f"layer1/{name}"]).mean(1)[t]


@pytest.mark.parametrize(("cell", "text"), [("lstm", "to \u4f60 " * 40), ("feedforward", "to be")])
def test_a_figure_is_written(
    here: Path, inspect: Command, make_model: Callable[..., Path], cell: str, text: str
) -> None:
    """It is a PNG, also of a long text with characters that its font lacks."""
    out = inspect("-p", text, "--png", "a.png", folder=make_model(here / "m", cell=cell)).out
    assert out == f"figure    a.png ({len(text)} characters)\n"
    assert (here / "a.png").read_bytes().startswith(b"\x89PNG")


def test_a_figure_says_what_it_shows(
    here: Path,
    inspect: Command,
    make_model: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It names the model and the text, marks a held gate, and sorts the units by their memory."""
    drawn: list[Any] = []

    def draw(*given: Any) -> bytes:
        drawn.append(given)
        return b""

    monkeypatch.setattr(activations, "draw", draw)
    folder = make_model(here / "m")
    hold = ("--close", "i", "--from", "2")
    inspect("-p", "to be", *hold, "--png", "a.png", folder=folder)
    ((title, characters, panels),) = drawn
    assert title.startswith("m: \u201cto be\u201d\n")
    assert "".join(characters) == "to\u2423be"
    titles = {panel.title: panel for panel in panels}
    assert titles["learn (input), i: held at 0 from character 2 on"].held_from == 2
    assert {panel.held_from for panel in panels} == {None, 2}
    kept = titles["forget, f"].values.sum(0)
    assert (np.diff(kept) <= 0).all()


def test_a_page_opens_at_the_text(here: Path, inspect: Command, model: Path) -> None:
    """It is the exported page with the model, at the view of its inside."""
    out = inspect("-p", "to </script>", "--html", "a.html", folder=model).out
    expected = page([Checkpoint.load(model)], view="inside", text="to </script>")
    assert (here / "a.html").read_bytes() == expected
    assert out.startswith("page      a.html (")


# Refused input


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "pass either --prompt TEXT or --file FILE"),
        (("-p", "a", "--file", "b"), "pass either --prompt TEXT or --file FILE"),
        (("-p", "a", "--unfold", "--saliency"), "--unfold and --saliency are mutually exclusive"),
        (("-p", "a", "--units", "--json"), "--prompt has no effect with --units"),
        (("-p", "a", "--saliency", "--unit", "1"), "--unit has no effect with --saliency"),
        (("-p", "a", "--unfold", "--json"), "--json has no effect with --unfold"),
        (("-p", "a", "--versus", "b", "--npz", "c"), "--npz has no effect with --versus"),
        (
            ("-p", "a", "--close", "f", "--from", "1"),
            "--from must be 0 with this text, got 1",
        ),
        (("-p", "a", "--png", ""), "--png must be the name of a file, got ''"),
        (("-p", "a", "--npz", "b", "--png", "./b"), "--npz and --png must be different files"),
        (("-p", "a", "--html", "b", "--close", "f"), "--close has no effect with --html"),
        (("-p", "a", "--at", "0"), "--at has no effect without --saliency"),
        (("-p", "a", "--from", "1"), "--from has no effect without --close or --open"),
        (("-p", ""), "--prompt must be a text of at least one character, got ''"),
        (("-p", "a", "--versus", ""), "--versus must be a text of at least one character, got ''"),
        (
            ("-p", "a", "--close", "reset"),
            "--close must be a gate of this model, got 'reset' (an LSTM has the gates learn (",
        ),
        (("-p", "a", "--open", "f", "--close", "f"), "--close and --open hold the same gate"),
        (
            ("-p", "a", "--npz", "b", "--layer", "0"),
            "--layer has no effect with --npz, which contains",
        ),
        (
            ("-p", "a", "--png", "b", "--unit", "0"),
            "--unit has no effect with --png, which contains",
        ),
        (("-p", "a", "--layer", "1"), "--layer must be 0 with this model, got 1"),
        (("-p", "a", "--unit", "16"), "--unit must be a whole number between 0 and 15 with this"),
        (("-p", "a", "--saliency", "--at", "1"), "--at must be 0 with this text, got 1"),
        (("--file", "big.txt", "--json"), "--json supports texts of at most "),
    ],
)
def test_wrong_options_are_refused(
    here: Path, model: Path, refused: Refused, options: tuple[str, ...], message: str
) -> None:
    """One line names the option and what is allowed."""
    (here / "big.txt").write_text("a" * 50_000)
    assert refused(WRONG_USE, "inspect", "-m", str(model), *options).startswith(message)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("-p", "a", "--html", "old"), "old exists (choose another file)"),
        (("-p", "a", "--npz", "old"), "old exists (choose another file)"),
        (("-p", "a", "--png", "old"), "old exists (choose another file)"),
        (("-p", "a", "--npz", "no/a.npz"), "no/a.npz cannot be written: No such file or directory"),
        (("--units", "old"), "old has 3 characters; --units needs at least 200"),
        (("--units", "nowhere"), "nowhere does not exist"),
        (("--units", ""), "'' does not exist"),
        (("--file", "nowhere"), "nowhere does not exist"),
    ],
)
def test_unusable_files_are_refused(
    here: Path, model: Path, refused: Refused, options: tuple[str, ...], message: str
) -> None:
    """One line names the file."""
    (here / "old").write_text("the")
    assert refused(FAILED, "inspect", "-m", str(model), *options).startswith(message)


def test_a_cell_without_gates_holds_none(
    here: Path, make_model: Callable[..., Path], chargen: Command
) -> None:
    """The message says so."""
    for cell, noun in (("rnn", "an RNN"), ("feedforward", "a feed-forward network")):
        folder = make_model(here / cell, cell=cell)
        outcome = chargen("inspect", "-m", str(folder), "-p", "to", "--close", "forget")
        message = f"--close cannot be used with this model: {noun} has no gates"
        assert outcome.err == f"chargen: error: {message}\n"


def test_unknown_characters_are_read_with_a_warning(inspect: Command) -> None:
    """They are shown as they are."""
    outcome = inspect("-p", "the \u4f60")
    assert "the model does not know these characters in the prompt: \u4f60" in outcome.err
    assert "\n4 \u4f60 " in outcome.out
