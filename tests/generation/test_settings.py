"""One value holds every knob: it refuses what is not allowed and does what its parts do."""

import json
import math
from collections.abc import Callable
from dataclasses import asdict

import numpy as np
import pytest

from chargen.errors import OptionError
from chargen.generation.context import Reader
from chargen.generation.filters import MinP, Temperature, Threshold, TopK, TopP
from chargen.generation.generate import generate
from chargen.generation.repetition import Repetition
from chargen.generation.sampler import Sampler
from chargen.generation.settings import Settings
from chargen.generation.stopping import Stopping
from chargen.records import Drawn


def test_filters_that_do_nothing_are_left_out() -> None:
    """Only the temperature is always there; the others when they keep less than all."""
    assert Settings().filters == [Temperature(0.8)]
    everything = Settings(temperature=1, top_k=3, top_p=0.9, min_p=0.1, threshold=0.2)
    assert everything.filters == [Temperature(1), TopK(3), TopP(0.9), MinP(0.1), Threshold(0.2)]
    assert Settings(top_k=0, top_p=1.0, min_p=0.0, threshold=0.0).filters == [Temperature(0.8)]


def test_a_penalty_that_does_nothing_is_left_out() -> None:
    """At 1 there is no rule."""
    assert Settings().repetition is None
    assert Settings(repetition_penalty=1.3).repetition == Repetition(1.3, 64)
    assert Settings(repetition_penalty=0.9, repetition_last=5).repetition == Repetition(0.9, 5)


def test_the_end_of_a_text_is_passed_on() -> None:
    """All four ways to end are in the rule."""
    made = Settings(length=None, stop=("x",), until_newline=True, confidence=0.5).stopping
    assert made == Stopping(None, ("x",), True, 0.5)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", -1),
        ("top_k", -1),
        ("top_p", 1.5),
        ("min_p", math.nan),
        ("threshold", 2),
        ("repetition_penalty", 0),
        ("repetition_last", 0),
        ("length", -1),
        ("stop", ("",)),
        ("confidence", -1),
        ("seed", -1),
        ("seed", 2**63),
    ],
)
def test_what_a_part_refuses_is_refused_at_once(name: str, value: object) -> None:
    """Not when the first character is drawn, and with the name of the option."""
    with pytest.raises(OptionError, match=f"^--{name.replace('_', '-')} must "):
        Settings(**{name: value})  # type: ignore[arg-type]


def test_it_can_be_written_as_json() -> None:
    """What was drawn by can be told to another program, and made again from that."""
    settings = Settings(stop=("\n\n",), length=None, seed=7)
    told = json.loads(json.dumps(asdict(settings)))
    assert Settings(**{**told, "stop": tuple(told["stop"])}) == settings


def test_writing_is_generating(reader: Reader) -> None:
    """`write` reads the prompt and generates with the parts, for any of the samples."""
    settings = Settings(temperature=1.1, top_k=6, length=30, stop=("to",), seed=3)
    written = list(settings.write(reader, "be, ", samples=2, first=4, scored=True))
    sampler = Sampler([Temperature(1.1), TopK(6)], seed=3, samples=2, first=4)
    stopping = Stopping(30, ("to",))
    assert written == list(generate(reader, sampler, reader.read("be, "), stopping, scored=True))
    assert {record.sample for record in written} == {4, 5}


def test_without_a_seed_each_time_is_another(reader: Reader) -> None:
    """Two texts of 40 characters without a seed differ.

    Two of 2**32 seeds are the same once in four thousand million runs; that two seeds draw the
    same 40 of ten characters is rarer still.
    """
    one, other = (list(Settings(length=40, temperature=2).write(reader, "")) for _ in range(2))
    assert one != other


@pytest.mark.parametrize("last", [1, 3, 64])
@pytest.mark.parametrize("prompt", ["", "to be, or not to be"])
def test_the_end_of_the_prompt_is_no_news(
    make_reader: Callable[..., Reader], prompt: str, last: int
) -> None:
    """The penalty sees the last characters of the prompt as it sees what was drawn."""
    reader = make_reader()
    settings = Settings(
        temperature=1, repetition_penalty=3, repetition_last=last, length=40, seed=5
    )
    written = [r.character for r in settings.write(reader, prompt) if isinstance(r, Drawn)]
    # By hand: the rule on the logits, and the draws of a sampler without it.
    sampler, text, context = Sampler([], seed=5), prompt, reader.read(prompt)
    states, logits = context.states, context.logits
    for character in written:
        row = logits[0].astype(np.float64)
        for k in set(reader.vocabulary.encode(text[-last:]).tolist()):
            row[k] = row[k] / 3 if row[k] > 0 else row[k] * 3
        drawn = sampler.draw(row[None].astype(np.float64))
        assert reader.vocabulary.characters[drawn[0]] == character
        logits, states = reader.engine.step(drawn, states)
        text += character
