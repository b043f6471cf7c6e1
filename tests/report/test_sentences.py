"""Tests of sentences: they follow the numbers and state when a difference is uncertain."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from chargen.comparison.result import Comparison, TaskComparison, TaskResult, TextComparison
from chargen.evaluation.records import GradientFlow, Interval
from chargen.report import sentences
from chargen.report.theme import Styles, styles

Describe = Callable[[TextComparison, Styles], str]


@pytest.fixture(scope="module")
def text(comparison: Comparison) -> TextComparison:
    """Return the comparison on a text."""
    assert comparison.text is not None
    return comparison.text


@pytest.fixture(scope="module")
def looks(comparison: Comparison) -> Styles:
    """Return the style of each network."""
    return styles(comparison)


def plain(sentence: str) -> str:
    """Return the sentence with ordinary spaces."""
    return sentence.replace("\N{NO-BREAK SPACE}", " ")


EXPECTED = """
The LSTM needs 2.043 bits per character, 0.028 fewer than the GRU (95 % interval 0.016 to 0.040).
At the end, the training loss of the GRU is 1.904 bits per character, that of the LSTM 1.913, \
that of the RNN 2.098 and that of the feed-forward network 3.274.
The LSTM uses the last 128 characters, the GRU 64, the RNN 16 and the feed-forward network 1.
65 to 256 characters after the opening mark, the LSTM gives the right mark a probability of \
44 %, the GRU 27 %, the RNN 9.0 % and the feed-forward network 2.0 %.
The LSTM completes the word with probability 83 %, the GRU with 79 %, the RNN with 63 % and the \
feed-forward network with 0.01 %.
Share of generated words that occur in the training text: the LSTM 95 %, the GRU 92 %, the RNN \
86 % and the feed-forward network 31 %.
Share of words that rhyme, 6 words after the first rhyme word of a line: the text itself 57 %, \
the LSTM 50 %, the GRU 38 %, the RNN 11 % and the feed-forward network 6.0 %.
The LSTM needs the fewest bits, 2.049, with a window of 256 characters.
"""
SENTENCES = [
    sentences.loss,
    sentences.training,
    sentences.context,
    sentences.brackets,
    sentences.spelling,
    sentences.writing,
    sentences.rhyme,
    sentences.windows,
]


@pytest.mark.parametrize(
    ("describe", "expected"), list(zip(SENTENCES, EXPECTED.strip().splitlines(), strict=True))
)
def test_sentences_on_a_text(
    text: TextComparison, looks: Styles, describe: Describe, expected: str
) -> None:
    """Each sentence lists the networks in the order of the result, with their numbers."""
    assert plain(describe(text, looks)) == expected


@pytest.mark.parametrize("describe", SENTENCES[:-1])
def test_sentence_follows_its_numbers(
    text: TextComparison, looks: Styles, describe: Describe
) -> None:
    """If two networks swap their numbers, only their names swap in the sentence."""
    lstm, rnn = text.cells["lstm"], text.cells["rnn"]
    cells = {
        **text.cells,
        "lstm": replace(rnn, network=lstm.network),
        "rnn": replace(lstm, network=rnn.network),
    }
    swapped = {**looks, "lstm": looks["rnn"], "rnn": looks["lstm"]}
    assert (
        describe(replace(text, cells=cells), looks)
        == describe(text, swapped)
        != describe(text, looks)
    )


def test_uncertain_difference_is_stated(text: TextComparison, looks: Styles) -> None:
    """An interval that includes 0, and runs that overlap, are stated."""
    lstm, gru = text.cells["lstm"], text.cells["gru"]
    close = replace(gru, behind=Interval(0.028, -0.01, 0.05, 100))
    sentence = sentences.loss(replace(text, cells={"lstm": lstm, "gru": close}), looks)
    assert "not a significant difference" in sentence
    overlapping = replace(lstm, runs=(*lstm.runs[:2], gru.runs[2]))
    sentence = sentences.loss(replace(text, cells={"lstm": overlapping, "gru": gru}), looks)
    assert sentence.endswith("but runs with different seeds overlap.")


def test_unknown_effective_context_is_stated(text: TextComparison, looks: Styles) -> None:
    """A network that gains from every visible character has no number."""
    lstm = text.cells["lstm"]
    curve = replace(lstm.diagnostics.context, effective=None)
    cell = replace(lstm, diagnostics=replace(lstm.diagnostics, context=curve))
    sentence = plain(sentences.context(replace(text, cells={"lstm": cell}), looks))
    assert sentence == "The LSTM may use more than 512 characters."


def test_vanished_gradient_has_no_number(comparison: Comparison, looks: Styles) -> None:
    """Shares below 0.01 % are not printed as numbers; a missing gradient is stated."""
    flows = {
        "feedforward": GradientFlow((1.0,) + (0.0,) * 100),
        "rnn": GradientFlow(tuple(0.5**lag for lag in range(101))),
        "lstm": GradientFlow((1.0,) + (0.25,) * 50 + (0.5,) * 50),
    }
    recall = comparison.tasks["recall"]
    cells = {name: replace(recall.cells[name], gradient=flow) for name, flow in flows.items()}
    assert plain(sentences.gradient(replace(recall, cells=cells), looks)) == (
        "After 25, 50 and 100 characters, the LSTM has 25 %, 25 % and 50 % of its gradient left. "
        "The RNN has less than 0.01 %. In the feed-forward network, no gradient reaches that far "
        "back."
    )
    faded = GradientFlow(tuple(0.8**lag for lag in range(101)))
    cells = {name: replace(recall.cells[name], gradient=faded) for name in ("rnn", "lstm")}
    assert plain(sentences.gradient(replace(recall, cells=cells), looks)) == (
        "After 25 characters, the RNN has 0.38 % of its gradient left. After 50 and 100 "
        "characters, it has less than 0.01 %. The LSTM has 0.38 % after 25 characters, and less "
        "than 0.01 % after 50 and 100."
    )


def test_little_training_is_stated(comparison: Comparison) -> None:
    """The facts say if the networks read the text fewer than ten times, unless it is long."""
    text = comparison.text
    assert text is not None
    for passes, is_little in ((0.5, True), (9.9, True), (10, False)):
        read = round(passes * text.corpus.training_characters)
        facts = sentences.facts(replace(comparison, text=replace(text, characters_read=read)))
        assert (f"little training ({passes:.1f} passes" in facts) == is_little
    alone = replace(text, characters_read=5, cells={"rnn": text.cells["rnn"]})
    assert "little training" not in sentences.facts(replace(comparison, text=alone))
    corpus = replace(text.corpus, training_characters=20_000_000)
    long = replace(text, corpus=corpus, characters_read=10_000_000)
    assert "little training" not in sentences.facts(replace(comparison, text=long))


def only(task: TaskComparison, name: str, **fields: object) -> TaskComparison:
    """Return the task with one network and a changed evaluation."""
    result: TaskResult = task.cells[name]
    evaluation = replace(result.evaluation, **fields)  # type: ignore[arg-type]
    return replace(task, cells={name: replace(result, evaluations=(evaluation,))})


def test_spans(comparison: Comparison, looks: Styles) -> None:
    """Networks are in order of their memory span; only a chance accuracy is called chance level."""
    recall = comparison.tasks["recall"]
    assert plain(sentences.spans(recall, looks)) == (
        "The RNN forgets after 50 characters, the GRU after 800, the LSTM still remembers after "
        "3,200 and the feed-forward network answers at chance level."
    )
    some = dict.fromkeys(recall.lags, Interval(0.6, 0.55, 0.65, 500))
    sentence = plain(sentences.spans(only(recall, "rnn", accuracy=some, span=0), looks))
    few = "The RNN answers fewer than 90 % of the questions correctly at 25 characters."
    assert sentence == few
    alike = replace(recall, cells=dict.fromkeys(("gru", "lstm"), recall.cells["gru"]))
    assert plain(sentences.spans(alike, looks)) == "All networks forget after 800 characters."


def test_calibration_and_depth(comparison: Comparison, looks: Styles) -> None:
    """Networks with the smallest error or the largest depth come first."""
    sentence = plain(sentences.calibration(comparison.tasks["context"], looks))
    assert sentence.startswith(
        "The mean error of the LSTM is 0.6 percentage points, that of the GRU 8.7"
    )
    nesting = comparison.tasks["nesting"]
    sentence = plain(sentences.depth(nesting, looks))
    assert sentence == "The LSTM reaches 90 % up to depth 8, the GRU 6 and the RNN 3."
    good, bad = Interval(0.95, 0.9, 0.99, 99), Interval(0.5, 0.4, 0.6, 99)
    shallow = only(nesting, "lstm", by_depth={0: good, 1: bad, 2: good})
    assert plain(sentences.depth(shallow, looks)).endswith("up to depth 0.")
    never = only(nesting, "lstm", by_depth={0: bad})
    assert plain(sentences.depth(never, looks)) == "No network reaches 90 % at any depth."
