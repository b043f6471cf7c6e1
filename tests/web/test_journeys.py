"""Tests of what a reader does in an exported page, on a phone and on a desktop."""

import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from unicodedata import normalize

import pytest

from chargen.model.checkpoint import Checkpoint
from chargen.model.engine import Engine
from chargen.model.find import find
from tests.web.checkpoints import make_checkpoint
from tests.web.reader import DESKTOP, LETTERS, PHONE, Reader

if TYPE_CHECKING:
    pass

VIEWS = ("write", "inside", "unfolded", "whatif")
CELLS = ("lstm", "gru", "mingru", "rnn", "feedforward")
HOSTILE = '</script><img src=x onerror="mistakes.push(1)"><b>&amp;'

both = pytest.mark.parametrize("width", [PHONE, DESKTOP])


def lower_line(reader: Reader) -> None:
    """Drag the threshold line to 0 with the keyboard, so that the network suggests anything."""
    reader.run("document.querySelector('.handle').focus()")
    reader.press("\ue011")  # Home
    assert reader.texts(".verdict")[0].startswith("Written if above 0.00")


def shows(reader: Reader, selector: str, text: str) -> bool:
    """Whether an element of a CSS selector has this text."""
    return text in reader.texts(selector)


def starts(reader: Reader, selector: str, text: str) -> bool:
    """Whether the first element of a CSS selector has a text that starts like this."""
    return reader.texts(selector)[0].startswith(text)


@both
def test_typing_shows_the_next_characters(reader: Reader, tmp_path: Path, width: int) -> None:
    """After typing, the first bar is the network's most likely next character."""
    checkpoint = make_checkpoint(characters=LETTERS, scale=2)
    reader.open(tmp_path, checkpoint, width=width)
    reader.write("neuron")
    network = Engine(checkpoint.config, checkpoint.weights)
    logits, _ = network.logits(checkpoint.vocabulary.encode("\nneuron"), network.empty_states())
    logits[-1, 0] = -float("inf")  # the unknown character is never written
    best = checkpoint.vocabulary.characters[int(logits[-1].argmax())]
    shown = best.replace(" ", "␣").replace("\n", "⏎")
    reader.wait(lambda: reader.texts(".bar-list .glyph")[:1] == [shown])
    assert len(reader.texts(".bar-list li")) == 8


@both
def test_accepting_a_suggestion(reader: Reader, tmp_path: Path, width: int) -> None:
    """Tab accepts what is shown in grey, and so does the button; Escape hides it."""
    reader.open(tmp_path, width=width)
    lower_line(reader)
    reader.write("neu")
    ghost = reader.wait(lambda: "".join(reader.texts(".ghost")))
    assert reader.find("#field-hint").is_displayed()
    reader.press("\ue004")  # Tab
    assert reader.text == f"neu{ghost}"
    assert reader.run("return document.activeElement.id") == "field"
    more = reader.wait(lambda: "".join(reader.texts(".ghost")))
    reader.click("#accept")
    assert reader.text == f"neu{ghost}{more}"
    reader.wait(lambda: reader.texts(".ghost"))
    reader.press("\ue00c")  # Escape
    assert reader.texts(".ghost") == []
    assert not reader.find("#field-hint").is_displayed()


def test_unknown_characters_are_named(reader: Reader, tmp_path: Path) -> None:
    """The page names each character that the active network does not know, in both texts."""
    models = [make_checkpoint("a", characters="neuro"), make_checkpoint("b", characters="neuronö")]
    reader.open(tmp_path, *models, width=DESKTOP)
    reader.write("nöxx")
    assert reader.texts("#unknown") == ["The network does not know: ö x"]
    reader.run("document.querySelectorAll('#models-choice input')[1].click()")
    assert reader.texts("#unknown") == ["The network does not know: x"]
    reader.write("neuron")
    assert reader.texts("#unknown") == [""]
    reader.show("whatif")
    reader.find("#other").send_keys("Z")
    reader.wait(partial(shows, reader, "#whatif p", "The network does not know: Z"))


@pytest.mark.parametrize(
    ("known", "typed", "form"),
    [("NFD", "NFC", "e\u0301"), ("NFC", "NFD", "\u00e9")],
)
def test_accents_take_the_form_of_the_network(
    reader: Reader,
    tmp_path: Path,
    known: Literal["NFC", "NFD"],
    typed: Literal["NFC", "NFD"],
    form: str,
) -> None:
    """The text and the second text become known; the cursor stays after what was typed."""
    checkpoint = make_checkpoint(characters=normalize(known, "fe\u00eat\u00e9s"))
    reader.open(tmp_path, checkpoint, width=DESKTOP)
    reader.write("ts")
    reader.press("\ue012", normalize(typed, "\u00e9"))  # Left
    reader.press("e")
    assert reader.text == f"t{form}es"
    assert reader.texts("#unknown") == [""]
    reader.press("x")
    assert reader.texts("#unknown") == ["The network does not know: x"]
    reader.show("whatif")
    reader.find("#other").send_keys(normalize(typed, "\u00e9t\u00e9Z"))
    reader.wait(partial(shows, reader, "#whatif p", "The network does not know: Z"))


def test_a_text_takes_the_form_of_the_active_network(reader: Reader, tmp_path: Path) -> None:
    """The text is converted to the normal form of the training text of the active network."""
    composed, decomposed = "\u00e9", "e\u0301"
    networks = [
        replace(model, vocabulary=replace(model.vocabulary, form=form))
        for form in ("nfd", "nfc")
        for model in [make_checkpoint(form, characters=composed + decomposed)]
    ]
    reader.open(tmp_path, *networks, width=DESKTOP)
    reader.write(composed)
    assert reader.text == decomposed
    reader.click("#models-choice label:last-of-type")
    assert reader.text == composed


def test_keys_that_make_one_character_are_not_disturbed(reader: Reader, tmp_path: Path) -> None:
    """A text is converted when an input method has ended the character."""
    reader.open(tmp_path, make_checkpoint(characters="\u00e9t"), width=DESKTOP)
    compose = """
        const [field, text, end] = [document.getElementById("field"), ...arguments];
        field.dispatchEvent(new CompositionEvent("compositionstart"));
        field.value = text;
        field.dispatchEvent(new InputEvent("input"));
        const during = field.value;
        field.dispatchEvent(new CompositionEvent("compositionend"));
        return [during, field.value];
    """
    assert reader.run(compose, "te\u0301") == ["te\u0301", "t\u00e9"]


@both
def test_generating_and_stopping(reader: Reader, tmp_path: Path, width: int) -> None:
    """Generate continues the text until Stop; then the page says what it wrote."""
    reader.open(tmp_path, width=width)
    reader.write("neuron")
    reader.run("document.getElementById('set-length').value = 100000")
    reader.click("#generate")
    reader.wait(lambda: len(reader.text) > 30)
    reader.click("#stop")
    status = reader.wait(lambda: reader.find("#status").text)
    text = reader.text
    assert text.startswith("neuron")
    assert status.startswith(f"{len(text) - 6:,} characters, ")
    assert status.endswith("Stopped.")
    assert reader.texts("#spoken") == [text[6:]]
    assert reader.find("#generate").is_displayed()
    assert not reader.find("#stop").is_displayed()


def test_typing_ends_the_generation(reader: Reader, tmp_path: Path) -> None:
    """A key while the network writes ends the generation, and the key's character stays last."""
    reader.open(tmp_path, width=DESKTOP)
    reader.run("document.getElementById('set-length').value = 100000")
    reader.click("#generate")
    start = len(reader.text)
    reader.wait(lambda: len(reader.text) > start)
    reader.find("#field").send_keys("Q")
    assert reader.text.endswith("Q")
    reader.wait(lambda: reader.find("#generate").is_displayed())
    reader.wait(lambda: reader.texts(".bar-list .glyph"))
    assert reader.text.endswith("Q")


def test_the_same_seed_repeats_the_text(reader: Reader, tmp_path: Path) -> None:
    """Two generations with one seed write the same; the filters of the form are applied."""
    reader.open(tmp_path, width=DESKTOP)
    written = []
    for settings in ({"seed": "5"}, {"seed": "5"}, {"seed": "6"}, {"seed": "6", "top_k": "1"}):
        reader.write("neuron")
        for name, value in settings.items():
            reader.run(
                "document.getElementById('set-' + arguments[0]).value = arguments[1]", name, value
            )
        reader.run("document.getElementById('status').textContent = ''")
        reader.click("#generate")
        reader.wait(lambda: reader.find("#status").text)
        written.append(reader.text)
    assert written[0] == written[1]
    assert len(set(written)) == 3
    assert len(written[0]) == 206


@both
def test_every_view_shows_the_same_text(reader: Reader, tmp_path: Path, width: int) -> None:
    """The arrow keys switch views, and each shows its panel for the text of the field."""
    models = [make_checkpoint(cell, characters=LETTERS, cell=cell) for cell in CELLS]
    reader.open(tmp_path, *models, width=width)
    reader.write("neuron")
    reader.run("document.getElementById('tab-write').focus()")
    contents = {
        "inside": (".track-characters", "⏎neuron"),
        "unfolded": (".chain .glyph", "⏎"),
        "whatif": ("#whatif h2", "Another text"),
    }
    for view in VIEWS[1:]:
        reader.press("\ue014")  # ArrowRight
        assert reader.run("return document.activeElement.id") == f"tab-{view}"
        selector, text = contents[view]
        reader.wait(partial(shows, reader, selector, text))
        shown = [name for name in VIEWS if reader.find(f"#{name}").is_displayed()]
        assert shown == [view]
        assert reader.text == "neuron"
    assert len(reader.texts(".chain")) == len(models)


def test_a_step_and_a_unit_inside(reader: Reader, tmp_path: Path) -> None:
    """The arrow keys select a step; a unit of any cell shows its equations with true numbers."""
    models = [make_checkpoint(cell, characters=LETTERS, cell=cell, num_layers=2) for cell in CELLS]
    reader.open(tmp_path, *models, width=DESKTOP, view="inside", text="neuron")
    reader.wait(lambda: "Character 5: reads “n”" in "".join(reader.texts("#inside h2")))
    reader.run("document.querySelector('.track-characters').focus()")
    reader.press("\ue012", "\ue012")  # ArrowLeft
    assert "Character 3: reads “r”" in "".join(reader.texts("#inside h2"))
    assert reader.texts(".one-hot .hot") == ["r1"]
    assert reader.texts(".coloured") == [""]
    reader.run("document.querySelectorAll('#inside .chip input')[1].click()")
    for k, label in enumerate(("LSTM", "GRU", "minGRU", "RNN", "Feed-forward")):
        reader.run("document.querySelectorAll('#models-choice input')[arguments[0]].click()", k)
        reader.wait(partial(starts, reader, "#inside .cell h3", f"{label}, layer 0: unit "))
        *_, numbers, result = reader.texts(".equation")[0].split(" = ")
        if "·" in numbers:
            numbers, result = (part.replace("\N{MINUS SIGN}", "-") for part in (numbers, result))
            factors = [float(number) for number in re.findall(r"[-.\d]+", numbers)]
            products = sum(a * b for a, b in zip(factors[::2], factors[1::2], strict=True))
            # Every number is rounded to two decimals.
            assert products == pytest.approx(float(result), abs=0.05)
        assert reader.texts(".coloured") == ["neuron"]
        assert "Character 3: reads “r”" in "".join(reader.texts("#inside h2"))


@both
def test_shutting_a_gate(reader: Reader, tmp_path: Path, width: int) -> None:
    """A gate that is held from a clicked character on changes the prediction and the text."""
    reader.open(tmp_path, make_checkpoint(characters=LETTERS, scale=2), width=width)
    reader.write("neuron")
    reader.show("whatif")
    assert not reader.find("#whatif .track-characters").is_displayed()  # no gate is held
    choose(reader, 0, "f")
    reader.wait(lambda: reader.texts("#whatif .held"))
    reader.click("#whatif .track-characters > :nth-child(4)")
    reader.wait(lambda: reader.texts("#whatif .held") == list("uron"))
    reader.wait(lambda: len(reader.texts("#whatif .bar-list")) == 2)
    before, after = reader.texts("#whatif .bar-list")
    assert before != after
    reader.wait(lambda: reader.texts(".prose mark"))
    assert reader.texts("#whatif h3")[:2] == ["As trained", "With forget f held closed"]
    choose(reader, 1, "1")
    reader.wait(lambda: "With forget f held open" in reader.texts("#whatif h3"))


def choose(reader: Reader, place: int, value: str) -> None:
    """Choose a value in one of the lists of the view What if."""
    reader.wait(lambda: len(reader.texts("#whatif select")) > place)
    script = "const s = document.querySelectorAll('#whatif select')[arguments[0]];"
    script += "s.value = arguments[1]; s.dispatchEvent(new Event('change'))"
    reader.run(script, place, value)


def test_a_second_text_parts_from_the_first(reader: Reader, tmp_path: Path) -> None:
    """The page marks where two texts differ and how far their states and predictions part."""
    reader.open(tmp_path, width=DESKTOP, view="whatif", text="a dog")
    reader.find("#other").send_keys("a wog")
    reader.wait(lambda: reader.texts("#whatif .differs") == ["d", "w"])
    distances = reader.run(
        "const height = (bar) => Number(bar.getAttribute('height'));"
        "const lanes = document.querySelectorAll('.lane-bars.memory');"
        "return Array.from(lanes, (lane) => Array.from(lane.children, height))"
    )
    assert len(distances) == 2  # of c and h
    for each in distances:
        assert each[:3] == [0, 0, 0]
        assert all(0 < distance <= 1 for distance in each[3:])
        assert len(each) == 6
    other = reader.find("#other")
    other.clear()
    other.send_keys("a frog")  # the common end is aligned
    reader.wait(lambda: reader.texts("#whatif .differs") == ["d", "", "f", "r"])
    other.clear()
    other.send_keys("a bad dog")
    expected = ["", "", "", "", "b", "a", "d", "␣"]
    reader.wait(lambda: reader.texts("#whatif .differs") == expected)
    assert "differ at character 2." in "".join(reader.texts("#whatif .muted"))


def test_presets_suit_the_models(reader: Reader, tmp_path: Path) -> None:
    """A preset sets text, view and a note; it is offered if a model can do what it asks for."""
    week, context = (Checkpoint.load(find(f"tour/{name}")) for name in ("recall", "context"))
    for checkpoint, task in ((week, "Day 1 to day 5"), (context, "Dog and wolf")):
        reader.open(tmp_path, checkpoint, width=DESKTOP)
        assert reader.texts("#presets button") == [task]
    reader.open(tmp_path, width=DESKTOP)  # a network that was not trained
    assert reader.texts("#presets button") == []
    neurons = Checkpoint.load(find("tour/neurons-lstm"))
    reader.open(tmp_path, neurons, width=DESKTOP)
    assert reader.texts("#presets button") == ["“neuron”, letter by letter"]
    reader.click("#presets button:nth-of-type(1)")
    assert reader.text == "neuron"
    assert reader.find("#unfolded").is_displayed()
    assert reader.find("#preset-note").is_displayed()
    reader.show("inside")  # the note is about another view
    assert not reader.find("#preset-note").is_displayed()
    reader.show("unfolded")
    assert reader.find("#preset-note").is_displayed()
    reader.find("#field").send_keys("s")
    assert not reader.find("#preset-note").is_displayed()
    reader.open(tmp_path, make_checkpoint(characters="nero"), width=DESKTOP)
    assert reader.texts("#presets button") == []


def test_hostile_names_and_texts_stay_text(reader: Reader, tmp_path: Path) -> None:
    """Markup in the name of a model, its vocabulary or the text makes no element in any view."""
    models = [
        make_checkpoint(HOSTILE + cell, characters=HOSTILE + LETTERS, cell=cell)
        for cell in CELLS[:2]
    ]
    reader.open(tmp_path, *models, width=DESKTOP, text=HOSTILE)
    lower_line(reader)
    for view in VIEWS:
        reader.show(view)
        reader.wait(lambda: reader.texts("#mirror")[0].startswith(HOSTILE))
    assert reader.texts("img") == []
    assert reader.find("h1").text.startswith(HOSTILE.rpartition("/")[2])  # the folder's name
