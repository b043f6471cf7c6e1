"""Tests of the writing protocol: prompts are the same for all, and generated text is measured."""

import numpy as np
import pytest

from chargen.comparison.splits import CorpusSplits
from chargen.comparison.writing import (
    LINES,
    PASSAGE_LENGTH,
    WritingProtocol,
    default_prompt,
)
from chargen.evaluation.coherence import Families
from chargen.generation.context import Reader
from chargen.model.config import ModelConfig
from chargen.model.engine import Engine
from chargen.text.corpus import Corpus
from chargen.text.kind import LINE, TextKind
from tests.bigram import make_bigram

PROSE = "".join(f"Number {k} was there, and another too. " for k in range(300))


def split_text(text: str) -> CorpusSplits:
    return CorpusSplits.of(Corpus.of([text]), seed=1)


def untrained(splits: CorpusSplits) -> Reader:
    config = ModelConfig(len(splits.vocabulary), hidden_size=4, embedding_size=3)
    random = np.random.default_rng(1)
    weights = {
        name: random.standard_normal(shape, np.float32) for name, shape in config.shapes().items()
    }
    return Reader(Engine(config, weights), splits.vocabulary)


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        (PROSE, "another"),
        (PROSE + "A neuron. " * 9 + PROSE, "neuron"),
        ("NEURON IS WRITTEN LARGE. " * 99, "NEURON I"),
        ("Alexander Alexander met somebody. " * 100, "somebody"),
        ("鹦鹉前头休借问。" * 400, "鹦鹉前头休借问"),
        ("1234 " * 600, "1234 123"),
    ],
)
def test_the_default_prompt_is_a_word_of_the_text(text: str, prompt: str) -> None:
    """The prompt is "neuron" if the text has it, otherwise a long word in lower case."""
    assert default_prompt(split_text(text)) == prompt


def test_the_default_prompt_is_frequent_in_all_texts() -> None:
    """The first of several separate texts has no weight of its own."""
    text = "a lantern\n" + "".join(f"window {k}\n" for k in range(400))
    splits = CorpusSplits.of(Corpus.of([text], kind=LINE), seed=1)
    assert default_prompt(splits) == "window"


def test_prose_is_continued_from_held_out_words() -> None:
    """Each prompt begins with a word, and no network was trained on it."""
    splits = split_text(PROSE)
    writing = WritingProtocol(splits, None, "number", seed=1).write(untrained(splits))
    held_out = splits.text(splits.held_out)
    assert len(writing.samples) == 6
    assert writing.samples[0].startswith("number")
    for sample in writing.samples[1:]:
        assert held_out[held_out.index(sample[:50]) - 1] == " "
        assert len(sample) > 400


def test_rhymes_are_written_line_by_line(families: Families) -> None:
    """The text itself is measured on all its lines."""
    splits = split_text("the cat sat on a mat.\na dog in the fog.\n" * 100)
    protocol = WritingProtocol(splits, families, "the", seed=1)
    assert protocol.by_lines
    assert protocol.corpus_coherence().kept_rhyme[0].count == 200
    samples = protocol.write(untrained(splits)).samples
    assert len(samples) == 2
    assert LINES == 500


def test_documents_are_written_from_their_start() -> None:
    """Each network writes whole documents; the report shows five of them after the prompt."""
    text = "".join(f"poem {k}\nis {k} lines long\n%\n" for k in range(120))
    kind = TextKind("document", separator="%")
    splits = CorpusSplits.of(Corpus.of([text], kind=kind), seed=1)
    random = untrained(splits)
    reader = Reader(random.engine, splits.vocabulary, kind=kind)
    protocol = WritingProtocol(splits, None, "poem", seed=1)
    samples = protocol.write(reader).samples
    assert protocol.by_documents
    assert len(samples) == 6
    assert samples[0].startswith("poem")
    assert not any(kind.boundary in sample for sample in samples)


def test_documents_that_rhyme_are_measured_by_lines(families: Families) -> None:
    """Networks write whole documents, and the end of a document ends its last line."""
    text = "".join(f"end)\nthe cat of verse {k} sat on a mat (the\n%\n" for k in range(60))
    kind = TextKind("document", separator="%")
    splits = CorpusSplits.of(Corpus.of([text], kind=kind), seed=1)
    protocol = WritingProtocol(splits, families, "the", seed=1)
    reader = Reader(untrained(splits).engine, splits.vocabulary, kind=kind)
    samples = protocol.write(reader).samples
    assert len(samples) == 6
    assert not any(kind.boundary in sample for sample in samples)
    assert protocol.corpus_coherence().closed == 0


def test_a_long_document_is_written_to_its_end() -> None:
    """The limit of a passage of a stream does not cut it."""
    document = "".join(chr(0x4E00 + k) for k in range(PASSAGE_LENGTH + 50))
    following = dict(zip("\x1e" + document, document + "\x1e", strict=True))
    kind = TextKind("document", separator="%")
    text = "\n%\n".join(document[k:] for k in range(40))
    splits = CorpusSplits.of(Corpus.of([text], kind=kind), seed=1)
    reader = make_bigram(document, following, kind=kind)
    samples = WritingProtocol(splits, None, document[:2], seed=1).write(reader).samples
    assert set(samples) == {document}


def test_the_same_seed_writes_the_same() -> None:
    splits = split_text(PROSE)
    first, again, other = (
        WritingProtocol(splits, None, "number", seed=seed).write(untrained(splits))
        for seed in (3, 3, 4)
    )
    assert first == again != other


def test_known_words_are_those_of_the_training_part() -> None:
    splits = split_text("the cat sat. " * 300 + "a zebra ran by. " * 27)
    coherence = WritingProtocol(splits, None, "the", seed=1).corpus_coherence()
    assert coherence.known_words is not None
    assert coherence.known_words < 0.5
    assert coherence.longest_copy > 0
