"""Tests of generation: from a model, settings and a prompt to a stream of characters."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chargen.generation.context import Reader, known_log_probabilities
from chargen.generation.filters import make_filters
from chargen.generation.generate import generate, generate_texts, random_seed
from chargen.generation.records import Drawn, Stopped
from chargen.generation.sampler import Sampler
from chargen.generation.settings import GenerationSettings
from chargen.model.cells.registry import CELLS
from chargen.model.checkpoint import Checkpoint
from chargen.model.engine import Engine, Floats, Ids, States, log_softmax
from chargen.text.kind import TextKind
from chargen.text.vocabulary import Vocabulary
from tests.bigram import make_bigram

MakeReader = Callable[..., Reader]


def settings(**values: Any) -> GenerationSettings:
    """Return settings, by default of 100 characters at temperature 1."""
    return GenerationSettings(**{"temperature": 1, "length": 100, "seed": 1, **values})


def text_and_reason(reader: Reader, prompt: str = "", **values: Any) -> tuple[str, str]:
    """Return the text of one sample, and the reason of its end."""
    *drawn, last = generate(reader, settings(**values), prompt)
    assert isinstance(last, Stopped)
    return "".join(record.character for record in drawn if isinstance(record, Drawn)), last.reason


def text(reader: Reader, prompt: str = "", **values: Any) -> str:
    """Return the text of one sample."""
    return text_and_reason(reader, prompt, **values)[0]


# The stream of characters


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("prompt", ["", "t", "to be\nor", "\n", "never \u660e seen \ud800"])
def test_generation_draws_and_reads_alternately(
    make_reader: MakeReader, cell: str, prompt: str
) -> None:
    """After a newline and the prompt, each character is drawn and then read."""
    reader = make_reader(cell=cell)
    engine, characters = reader.engine, reader.vocabulary.characters
    chosen = settings(temperature=0.9, top_k=9, seed=4)
    sampler = Sampler(make_filters(chosen), seed=4)
    states = engine.empty_states()
    for k in reader.vocabulary.encode("\n" + prompt).tolist():
        logits, states = engine.step(np.array([k]), states)
    expected, log_probabilities = "", []
    for _ in range(100):
        drawn = sampler.draw(logits)
        expected += characters[drawn[0]]
        log_probabilities.append(log_softmax(logits)[0, drawn[0]])
        logits, states = engine.step(drawn, states)
    records = list(generate(reader, chosen, prompt, log_probabilities=True))
    assert records.pop() == Stopped(0, "length")
    scored = [record for record in records if isinstance(record, Drawn)]
    assert "".join(record.character for record in scored) == expected
    # The prompt is read in chunks, so float32 rounding differs.
    found = [record.log_probability for record in scored]
    assert found == pytest.approx(log_probabilities, abs=1e-4)
    assert generate_texts(reader, chosen, prompt) == [expected]
    assert {record[2] for record in generate(reader, chosen) if isinstance(record, Drawn)} == {None}


@pytest.mark.parametrize("last", [1, 3, 64])
@pytest.mark.parametrize("prompt", ["", "to be, or not to be"])
def test_the_penalty_counts_the_prompt(reader: Reader, prompt: str, last: int) -> None:
    """The last characters of prompt and text are penalised before each draw."""
    written = text(reader, prompt, repetition_penalty=3, repetition_last=last)
    sampler, whole, context = Sampler(make_filters(settings()), seed=1), prompt, reader.read(prompt)
    states, logits = context.states, context.logits
    for character in written:
        row = logits[0].astype(np.float64)
        for k in set(reader.vocabulary.encode(whole[-last:]).tolist()):
            row[k] = row[k] / 3 if row[k] > 0 else row[k] * 3
        drawn = sampler.draw(row[None])
        assert reader.vocabulary.characters[drawn[0]] == character
        logits, states = reader.engine.step(drawn, states)
        whole += character


def test_characters_are_drawn_on_demand(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unlimited text is generated only as far as it is consumed."""
    steps = []
    step = Reader.step

    def counted(self: Reader, ids: Ids, states: States) -> tuple[Floats, States]:
        steps.append(ids)
        return step(self, ids, states)

    monkeypatch.setattr(Reader, "step", counted)
    endless = generate(reader, settings(length=None))
    first = [record.character for record in islice(endless, 1000) if isinstance(record, Drawn)]
    assert len(steps) == 999
    assert "".join(first).startswith(text(reader))


@pytest.mark.parametrize("length", [0, 1, 2, 57, 300])
def test_length_counts_generated_characters(reader: Reader, length: int) -> None:
    """The length does not count the prompt, and a longer text begins with a shorter one."""
    written, reason = text_and_reason(reader, "to be", length=length)
    assert (len(written), reason) == (length, "length")
    assert text(reader, "to be", length=400).startswith(written)


def test_a_context_can_be_used_repeatedly(reader: Reader) -> None:
    """A context that was read before replaces the prompt, and generation does not modify it."""
    context = reader.read("to be")
    for array in (context.logits, *(part for state in context.states for part in state)):
        array.setflags(write=False)
    expected = list(generate(reader, settings(), "to be", num_samples=3))
    for _ in range(2):
        assert list(generate(reader, settings(), context=context, num_samples=3)) == expected


def test_the_unknown_character_is_never_generated(reader: Reader) -> None:
    """A model that predicts U+FFFD generates other characters."""
    logits = reader.engine.step

    def certain(ids: Ids, states: States) -> tuple[Floats, States]:
        result, states = logits(ids, states)
        result[:, 0] = 1000
        return result, states

    reader.engine.step = certain  # type: ignore[method-assign]
    written = text(reader, "\u660e", length=500)
    assert len(written) == 500
    assert "\ufffd" not in written


# Seeds


def test_the_seed_determines_the_text(reader: Reader) -> None:
    """The same seed gives the same text, and eight seeds give eight texts."""
    assert text(reader, "to", seed=1) == text(reader, "to", seed=1)
    assert len({text(reader, "to", seed=seed) for seed in range(8)}) == 8
    assert len({text(reader, "to", seed=seed, temperature=0) for seed in range(8)}) == 1


def test_without_a_seed_texts_differ(reader: Reader) -> None:
    """Random seeds have 32 bits; two texts without a seed differ.

    The probability of a false alarm is 1.2e-6: two of 100 such seeds are equal.
    """
    assert text(reader, seed=None) != text(reader, seed=None)
    seeds = [random_seed() for _ in range(100)]
    assert all(0 <= seed < 1 << 32 for seed in seeds)
    assert len(set(seeds)) == 100


def test_settings_can_be_written_as_json() -> None:
    """Settings can be restored from the JSON that describes a sample."""
    made = GenerationSettings(stop=("\n\n",), length=None, seed=7)
    restored = json.loads(json.dumps(asdict(made)))
    assert GenerationSettings(**{**restored, "stop": tuple(restored["stop"])}) == made


def make_cycle() -> Reader:
    """Return a model without memory that generates "a" after a newline, then "bcabca..."."""
    return make_bigram("abc", {"\n": "a", "a": "b", "b": "c", "c": "a", "\ufffd": "c"})


def test_a_newline_resets_a_model_of_lines(make_reader: MakeReader) -> None:
    """After a newline, a model of lines generates what it generates without a prompt."""
    lines, other = make_reader(lines=True), make_reader(lines=False)
    assert text(lines, "to be\n") == text(lines)
    assert text(other, "to be\n") != text(lines)


# The end of a text


DOCUMENT = TextKind("document", separator="%")


def make_poem() -> Reader:
    """Return a model without memory that writes the document "ab\\nc" again and again."""
    following = {"\x1e": "a", "a": "b", "b": "\n", "\n": "c", "c": "\x1e"}
    return make_bigram("abc\n", following, kind=DOCUMENT)


def test_a_sample_ends_with_its_document() -> None:
    """The boundary is not part of it, and the length is only a limit."""
    poem = make_poem()
    for length, expected, reason, ending in (
        (None, "ab\nc", "end", "\x1e"),
        (5, "ab\nc", "end", "\x1e"),
        (3, "ab\n", "length", ""),
    ):
        *drawn, stopped = generate(poem, settings(length=length, temperature=0))
        assert "".join(each.character for each in drawn if isinstance(each, Drawn)) == expected
        assert stopped == Stopped(0, reason, ending)
    assert generate_texts(poem, settings(temperature=0), "ab", num_samples=2) == ["\nc"] * 2
    (newline,) = generate_texts(poem, settings(temperature=0, until_newline=True))
    assert newline == "ab"


def test_past_the_end_the_next_document_follows() -> None:
    """The boundary is then a character like any other."""
    chosen = settings(length=9, temperature=0)
    assert generate_texts(make_poem(), chosen, past_end=True) == ["ab\nc\x1eab\nc"]


def test_a_line_ends_a_sample_of_lines(make_reader: MakeReader) -> None:
    """A model of lines generates the line that --until-newline generates."""
    lines = make_reader(lines=True)
    for seed in range(5):
        chosen = settings(length=300, seed=seed)
        *_, stopped = generate(lines, chosen)
        assert isinstance(stopped, Stopped)
        assert stopped.reason in ("end", "length")
        line = text(lines, length=300, seed=seed)
        assert line == text(lines, length=300, seed=seed, until_newline=True)
        assert "\n" not in line


@pytest.mark.parametrize("temperature", [0, 1])
def test_confidence_stops_at_the_first_uncertain_character(
    reader: Reader, temperature: float
) -> None:
    """The text ends where the network's top probability, at any temperature, is too low."""
    whole = text(reader, temperature=temperature)
    states = reader.engine.empty_states()
    top = []
    for k in reader.vocabulary.encode("\n" + whole).tolist():
        logits, states = reader.engine.step(np.array([k]), states)
        top.append(float(np.exp(known_log_probabilities(logits).max())))
    bounds = [0.0, *sorted(top[:-1])[::10], 1.0]
    assert len(set(bounds)) > 5
    for bound in bounds:
        stop = next((k for k, value in enumerate(top[:-1]) if value < bound), len(whole))
        expected = (whole[:stop], "length" if stop == len(whole) else "confidence")
        assert text_and_reason(reader, temperature=temperature, confidence=bound) == expected
    assert text(reader, temperature=temperature, confidence=1.0) == ""


@pytest.mark.parametrize(
    ("stop", "expected", "reason"),
    [
        (("c",), "ab", "stop"),
        (("a",), "", "stop"),
        (("bcab",), "a", "stop"),
        (("cabd",), "abcabcabca", "length"),  # held back, then released
        (("abcabcabcab",), "abcabcabca", "length"),  # held back until the end
        (("abcabcabca",), "", "stop"),  # complete with the last character
        (("bca", "ca"), "a", "stop"),
        (("ca", "bca"), "a", "stop"),
    ],
)
def test_a_text_ends_before_its_stop_text(
    stop: tuple[str, ...], expected: str, reason: str
) -> None:
    """The text "abcabcabca" is cut before the stop text."""
    assert text_and_reason(make_cycle(), temperature=0, length=10, stop=stop) == (expected, reason)


def test_a_possible_stop_text_is_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A character is yielded as soon as no stop text can begin with it."""
    draws = []
    draw = Sampler.draw

    def counted(self: Sampler, logits: Floats) -> Ids:
        draws.append(logits)
        return draw(self, logits)

    monkeypatch.setattr(Sampler, "draw", counted)
    records = generate(make_cycle(), settings(temperature=0, stop=("bcb",)))
    found = [(record[1], len(draws)) for record in islice(records, 6)]
    # After "bc" comes "a": only then is "bcb" excluded.
    assert found == [("a", 1), ("b", 4), ("c", 4), ("a", 4), ("b", 7), ("c", 7)]


def test_an_end_by_confidence_releases_held_back_characters() -> None:
    """The beginning of a stop text is released when confidence ends the text."""
    reader = make_cycle()
    weights = reader.engine._decoder.copy()
    weights[reader.vocabulary.encode("b")[0]] = 0  # after "b" all characters are equally likely
    reader.engine._decoder = weights
    found = text_and_reason(reader, temperature=0, stop=("abc",), confidence=0.5)
    assert found == ("ab", "confidence")


def test_until_newline_ends_before_a_newline(reader: Reader) -> None:
    """The reason is "newline" with `until_newline` and "stop" with a stop text."""
    whole = text(reader, length=300)
    line = whole[: whole.index("\n")]
    assert text_and_reason(reader, length=300, until_newline=True) == (line, "newline")
    assert text_and_reason(reader, length=300, stop=("\n",)) == (line, "stop")


def test_maxima_count_from_the_prompt(reader: Reader) -> None:
    """The text ends with the last complete unit; the prompt's own line is the first one."""
    whole = text(reader, "to", length=400)
    for count in (1, 2, 4):
        line = "\n".join(whole.split("\n")[:count])
        assert text_and_reason(reader, "to", length=400, max_lines=count) == (line, "lines")
    following = {"\n": "a", "a": ".", ".": " ", " ": "a"}
    dots = make_bigram("a. \n", following)
    for prompt, expected in (("", "a. a."), ("a", ". a."), ("a.", " a. a.")):
        found = text_and_reason(dots, prompt, temperature=0, max_sentences=2)
        assert found == (expected, "sentences")


def test_a_stop_text_can_be_included() -> None:
    """The text ends after its stop text."""
    found = text_and_reason(make_cycle(), temperature=0, stop=("cab",), include_stop=True)
    assert found == ("abcab", "stop")


# Several samples


def by_sample(reader: Reader, chosen: GenerationSettings, first: int, count: int) -> dict[int, Any]:
    """Return text and reason of each sample, and assert that no record follows its end."""
    texts: dict[int, str] = dict.fromkeys(range(first, first + count), "")
    ended: dict[int, tuple[str, str]] = {}
    for record in generate(reader, chosen, "to ", num_samples=count, first_sample=first):
        assert record.sample not in ended
        if isinstance(record, Drawn):
            texts[record.sample] += record.character
        else:
            ended[record.sample] = (texts[record.sample], record.reason)
    found = generate_texts(reader, chosen, "to ", num_samples=count, first_sample=first)
    assert found == [ended[k][0] for k in texts]
    return ended


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("lines", [False, True])
def test_samples_that_end_do_not_influence_the_others(
    make_reader: MakeReader, cell: str, lines: bool
) -> None:
    """A sample of a batch equals that sample alone, at any length of the others."""
    reader = make_reader(cell=cell, lines=lines)
    common = settings(temperature=1.3, repetition_penalty=1.3, repetition_last=4, seed=5)
    half = float(np.exp(known_log_probabilities(reader.start.logits).max())) / 2
    for ending in (
        {"length": 120, "stop": ("to", "b, "), "until_newline": True},
        {"length": 120, "stop": ("nn",), "confidence": half, "include_stop": True},
        {"length": 120, "max_lines": 2, "max_paragraphs": 1, "max_sentences": 2},
        {"length": 40},
        {"length": 0},
    ):
        chosen = replace(common, **ending)
        together = by_sample(reader, chosen, 0, 12)
        assert together == {k: by_sample(reader, chosen, k, 1)[k] for k in range(12)}


def test_log_probabilities_of_a_batch(reader: Reader) -> None:
    """Each sample of a batch has separate log-probabilities."""
    arguments = {"prompt": "to ", "log_probabilities": True}
    together = list(generate(reader, settings(), num_samples=3, **arguments))  # type: ignore[arg-type]
    for k in range(3):
        alone = generate(reader, settings(), first_sample=k, **arguments)  # type: ignore[arg-type]
        found = [each[2] for each in together if each.sample == k and isinstance(each, Drawn)]
        expected = [each[2] for each in alone if isinstance(each, Drawn)]
        # Float32 rounding differs between batch sizes.
        assert found == pytest.approx(expected, abs=1e-4)


def test_all_reasons_occur(reader: Reader) -> None:
    """The samples of the test above end for every reason."""
    common = settings(temperature=1.3, repetition_penalty=1.3, repetition_last=4, seed=5, length=60)
    first = by_sample(reader, replace(common, stop=("to",), until_newline=True), 0, 40)
    assert {reason for _, reason in first.values()} == {"stop", "newline", "length"}
    second = by_sample(reader, replace(common, confidence=0.3), 0, 40)
    assert "confidence" in {reason for _, reason in second.values()}


def test_more_samples_than_a_batch(reader: Reader) -> None:
    """Samples are numbered across batches of 256."""
    many = generate_texts(reader, settings(length=10, seed=6), num_samples=300)
    assert len(many) == 300
    last = generate_texts(reader, settings(length=10, seed=6), num_samples=2, first_sample=298)
    assert many[298:] == last


class RecordingReader(Reader):
    """Keeps the logits [B, V] and the ids [B] of each step."""

    def __init__(self, engine: Engine, vocabulary: Vocabulary, **facts: Any) -> None:
        super().__init__(engine, vocabulary, **facts)
        self.steps: list[tuple[Floats, Ids]] = []

    def step(self, ids: Ids, states: States) -> tuple[Floats, States]:
        """Read ids and keep the result."""
        logits, states = super().step(ids, states)
        self.steps.append((logits.copy(), ids.copy()))
        return logits, states


def record(checkpoint: Checkpoint, samples: int, first: int) -> tuple[Floats, Ids]:
    """Return logits [T, B, V] and ids [T, B] of 1,000 steps, where logits k come after id k."""
    reader = RecordingReader.of(checkpoint)
    assert isinstance(reader, RecordingReader)
    chosen = settings(length=1_001, seed=11)
    for _ in generate(reader, chosen, "the cat ", num_samples=samples, first_sample=first):
        pass
    logits, ids = zip(*reader.steps, strict=True)
    return np.stack(logits), np.stack(ids)


def test_a_hundred_samples_equal_single_samples_except_for_rounding(trained: Path) -> None:
    """A sample of a batch has the logits of that sample alone, up to a draw that rounding decides.

    The uniform numbers of both are equal, so only rounding can make the first difference. It
    decides a draw with a probability of about 1e-6 per character of the vocabulary.
    """
    checkpoint = Checkpoint.load(trained)
    together, batched = record(checkpoint, 100, 0)
    equal = 0
    for k in range(100):
        alone, own = record(checkpoint, 1, k)
        differing = np.flatnonzero(batched[:, k] != own[:, 0])
        until = int(differing[0]) if len(differing) else len(own)
        equal += until == len(own)
        # A logit of about 10 is a float32 sum of 48 products with an error of about 1e-6, of states
        # with the same error; accumulated errors are about ten times as large.
        assert np.abs(together[:until, k] - alone[:until, 0]).max() < 1e-4
    assert equal >= 90
