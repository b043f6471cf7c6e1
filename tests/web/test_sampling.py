"""Tests of the page's text generation against `chargen sample`."""

from collections.abc import Callable
from dataclasses import asdict
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from chargen.generation.context import Reader
from chargen.generation.filters import FILTERS, make_filters
from chargen.generation.generate import generate, generate_texts
from chargen.generation.records import Drawn, Stopped
from chargen.generation.settings import GenerationSettings
from chargen.model.cells.registry import CELLS
from chargen.model.checkpoint import Checkpoint
from chargen.model.find import find
from chargen.options import MAX_SEED
from chargen.text.kind import TextKind
from chargen.web.document import FOLDER
from tests.web.checkpoints import make_checkpoint
from tests.web.conftest import PageEngine

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

CHECKPOINTS = [make_checkpoint(cell=cell, scale=1.0) for cell in CELLS]
SETTINGS: list[dict[str, Any]] = [
    {"temperature": 1.0},
    {"temperature": 0.0},
    {"temperature": 0.5, "top_k": 4},
    {"top_p": 0.8},
    {"temperature": 1.5, "min_p": 0.2},
    {"threshold": 0.15},
    {"temperature": 1.2, "top_k": 6, "top_p": 0.9, "min_p": 0.01, "threshold": 0.05},
]


@pytest.fixture(scope="module")
def engine(open_engine: Callable[..., PageEngine]) -> PageEngine:
    """A page with one model per cell."""
    return open_engine(*CHECKPOINTS)


@pytest.mark.parametrize("k", range(len(CELLS)), ids=CELLS)
@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_text_is_that_of_chargen_sample(engine: PageEngine, k: int, temperature: float) -> None:
    """The same seed generates the same 300 characters.

    The engines' logits differ by rounding, so a uniform must lie within about 1e-6 of a border
    between two characters to change the text; none of these does.
    """
    reader = Reader.of(CHECKPOINTS[k])
    for seed in (0, 7):
        settings = GenerationSettings(temperature=temperature, length=300, seed=seed)
        expected = generate_texts(reader, settings, "to be")[0]
        reply = engine.ask("generate", model=k, text="to be", settings=asdict(settings))
        assert (reply["text"], reply["reason"]) == (expected, "length")


def test_the_pretrained_model_generates_the_same_text(
    open_engine: Callable[..., PageEngine],
) -> None:
    """So does the English model, whose weights are float16 in its file and in the page."""
    checkpoint = Checkpoint.load(find("english"))
    settings = GenerationSettings(length=60, seed=1)
    expected = generate_texts(Reader.of(checkpoint), settings, "The old ")[0]
    engine = open_engine(checkpoint, weights_dtype="float16")
    reply = engine.ask("generate", model=0, text="The old ", settings=asdict(settings))
    assert reply["text"] == expected


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_filtered_text_is_that_of_chargen_sample(
    engine: PageEngine, settings: dict[str, Any]
) -> None:
    """Every filter keeps the same characters."""
    settings = {**settings, "length": 100, "seed": 3}
    expected = generate_texts(Reader.of(CHECKPOINTS[0]), GenerationSettings(**settings))[0]
    reply = engine.ask("generate", model=0, text="", settings=settings)
    assert reply["text"] == expected


def test_confidence_ends_the_text(engine: PageEngine) -> None:
    """The text ends where that of chargen ends, for the same reason, with the same surprisals."""
    settings = GenerationSettings(confidence=0.3, temperature=0.0, length=300, seed=0)
    *drawn, stopped = generate(Reader.of(CHECKPOINTS[0]), settings, "to", log_probabilities=True)
    reply = engine.ask("generate", model=0, text="to", settings=asdict(settings))
    assert isinstance(stopped, Stopped)
    assert reply["reason"] == stopped.reason == "confidence"
    characters = [each for each in drawn if isinstance(each, Drawn)]
    assert characters
    assert reply["text"] == "".join(each.character for each in characters)
    expected = np.array([each.log_probability for each in characters], np.float64)
    np.testing.assert_allclose(np.negative(reply["nats"]), expected, atol=1e-5)  # float32 rounding


def test_a_text_ends_with_its_document(open_engine: Callable[..., PageEngine]) -> None:
    """It ends where that of chargen ends; the symbol of the boundary starts a new text."""
    documents = TextKind("document", separator="%")
    checkpoint = make_checkpoint(kind=documents, scale=1.0)
    reader, engine = Reader.of(checkpoint), open_engine(checkpoint)
    reasons = set()
    for seed in range(4):
        settings = GenerationSettings(length=60, temperature=1.5, seed=seed)
        *drawn, stopped = generate(reader, settings, "to be")
        reply = engine.ask("generate", model=0, text="to be", settings=asdict(settings))
        assert isinstance(stopped, Stopped)
        assert reply["reason"] == stopped.reason
        assert reply["text"] == "".join(each.character for each in drawn if isinstance(each, Drawn))
        reasons.add(stopped.reason)
    assert "end" in reasons
    start, after = (
        engine.ask("next", model=0, text=text, settings={}) for text in ("", "to\u00b6")
    )
    assert after["probabilities"] == start["probabilities"]


def test_a_suggestion_is_the_most_likely_text(engine: PageEngine) -> None:
    """It is the greedy text, up to its length or its first newline."""
    settings = GenerationSettings(temperature=0, length=30)
    for k, checkpoint in enumerate(CHECKPOINTS):
        greedy = generate_texts(Reader.of(checkpoint), settings, "to")[0]
        line, newline, _ = greedy.partition("\n")
        reply = engine.ask("suggest", model=k, text="to", length=30, confidence=0)
        assert reply["text"] == line + newline
    assert engine.ask("suggest", model=0, text="to", length=30, confidence=1)["text"] == ""


def test_held_gates_change_the_generated_text(engine: PageEngine) -> None:
    """A gate that is held open from a later step on changes only the text after it."""
    k = list(CELLS).index("lstm")
    settings = {"temperature": 0.7, "length": 60, "seed": 1}
    free = engine.ask("generate", model=k, text="to be", settings=settings)["text"]
    held = [{"layer": 0, "gate": "o", "unit": None, "from": 26, "value": 0}]
    other = engine.ask("generate", model=k, text="to be", settings=settings, interventions=held)
    # Step 26 reads the character 25, the 21st generated one, so it predicts the 22nd.
    assert other["text"][:21] == free[:21]
    assert other["text"] != free


@pytest.mark.parametrize("seed", [0, 1, 1 << 53, MAX_SEED])
def test_random_numbers_are_those_of_numpy(browser: "Chrome", seed: int) -> None:
    """The numbers are bit-identical to those of numpy's Philox generator."""
    source = (FOLDER / "sampler.js").read_text(encoding="utf-8")
    body = "const u = new Uniforms(arguments[0]); return Array.from({length: 9}, () => u.next())"
    expected = np.random.Generator(np.random.Philox(key=[seed, 0])).random(9)
    assert browser.execute_script(source + body, str(seed)) == expected.tolist()


def test_the_page_has_every_filter_and_default(browser: "Chrome") -> None:
    """The filters are those of chargen in the same order, and so are the defaults of settings."""
    source = (FOLDER / "sampler.js").read_text(encoding="utf-8")
    names, defaults = browser.execute_script(
        source + "return [Object.keys(FILTERS), DEFAULT_SETTINGS]"
    )
    assert names == [each.option for each in FILTERS]
    del defaults["seed"]  # random in chargen
    assert defaults == {name: getattr(GenerationSettings(), name) for name in defaults}


def test_filters_give_the_same_probabilities(browser: "Chrome") -> None:
    """The probabilities from which a character is drawn are equal, ties and certainty included."""
    source = (FOLDER / "sampler.js").read_text(encoding="utf-8")
    body = (
        "return arguments[0].map(([logits, settings]) => [...filtered(logits, complete(settings))])"
    )
    certain, ties = np.arange(12) * 50.0, np.array([9.0, 1.0, 1.0, 0.0])
    rows = [np.random.default_rng(0).standard_normal(12) * 3, np.zeros(12), certain, ties]
    extremes = [{"temperature": 1e-300}, {"top_p": 0.0}, {"min_p": 1.0}]
    cases = list(product(rows, SETTINGS + extremes))
    request = [(logits.tolist(), settings) for logits, settings in cases]
    replies = browser.execute_script(source + body, request)
    for (logits, settings), found in zip(cases, replies, strict=True):
        x = logits[None].copy()
        x[:, 0] = -np.inf
        for apply in make_filters(GenerationSettings(**settings)):
            x = apply(x)
        # Sums of a dozen float64 numbers, in another order.
        np.testing.assert_allclose(found, np.exp(x[0]), rtol=1e-12, err_msg=str(settings))
