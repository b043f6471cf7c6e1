"""The sentences follow the numbers, and say so where the numbers do not decide."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from chargen.records import CellResult, Comparison, Interval, TaskComparison
from chargen.report.style import looks
from chargen.report.words import loss, memory, tasks


def swapped(comparison: Comparison, one: str, other: str) -> Comparison:
    """The comparison in which two cells have each other's numbers."""
    cells = dict(comparison.cells)
    cells[one], cells[other] = (
        replace(cells[other], cell=one),
        replace(cells[one], cell=other),
    )
    found = {}
    for name, task in comparison.tasks.items():
        results = dict(task.cells)
        results[one], results[other] = (
            replace(results[other], cell=one),
            replace(results[one], cell=other),
        )
        found[name] = replace(task, cells=results)
    return replace(comparison, cells=cells, tasks=found)


def plain(text: str) -> str:
    """With ordinary spaces."""
    return text.replace("\N{NO-BREAK SPACE}", " ")


def exchanged(text: str) -> str:
    """The text in which the LSTM and the vanilla RNN have changed names."""
    text = text.replace("LSTM", "@").replace("vanilla RNN", "LSTM")
    return text.replace("@", "vanilla RNN")


@pytest.mark.parametrize(
    "say",
    [
        loss.loss,
        memory.context,
        memory.gradient,
        memory.exploding,
        memory.closers,
        memory.neuron,
    ],
)
def test_a_sentence_follows_its_numbers(
    comparison: Comparison, say: Callable[[Comparison], str]
) -> None:
    """Two cells that change numbers change places in the sentence, and nothing else changes."""
    before, after = say(comparison), say(swapped(comparison, "lstm", "rnn"))
    assert before != after
    assert after == exchanged(before)


def test_a_sentence_on_a_task_follows_its_numbers(comparison: Comparison) -> None:
    """The same holds of the memory spans."""
    known = looks(comparison)
    other = swapped(comparison, "lstm", "rnn")
    for name, task in comparison.tasks.items():
        before, after = tasks.spans(task, known), tasks.spans(other.tasks[name], known)
        assert "3,200" in before
        assert after == exchanged(before)


def test_the_best_is_named_with_its_lead(comparison: Comparison) -> None:
    """Which is best, by how much, and that every run says so."""
    said = plain(loss.loss(comparison))
    assert said.startswith("The LSTM needs 2.043 bits per character of the held-out text")
    assert "The LSTM is 0.028 bits ahead of the GRU, and each of its three runs is better" in said


def test_runs_that_overlap_name_no_better_one(comparison: Comparison) -> None:
    """A lead within the spread of the seeds is said to decide nothing."""
    lstm, gru = comparison.cells["lstm"], comparison.cells["gru"]
    mixed = (*lstm.seeds[:2], max(gru.seeds))
    close = {**comparison.cells, "lstm": replace(lstm, seeds=mixed)}
    said = loss.loss(replace(comparison, cells=close))
    assert "this does not tell which of them is the better" in said
    assert "runs is better" not in said


def test_single_runs_are_said_to_be_single(comparison: Comparison) -> None:
    """One seed gives no spread, and the sentence says what that means."""
    once = {name: replace(cell, seeds=cell.seeds[:1]) for name, cell in comparison.cells.items()}
    assert "each was trained once" in loss.loss(replace(comparison, cells=once))


def test_the_table_of_pairs_is_compared_as_it_fell_out(comparison: Comparison) -> None:
    """Near the feed-forward network, beaten by all, or beaten by none."""
    assert "little more to know from the last character alone" in loss.loss(comparison)
    assert "none of the networks beats" in loss.loss(replace(comparison, bigram_nats=0.5))
    far = loss.loss(replace(comparison, bigram_nats=4.0))
    assert "none of the networks" not in far
    assert "within 2" not in far
    assert "pairs" not in loss.loss(replace(comparison, bigram_nats=None))


def test_a_rate_at_the_end_of_the_sweep_is_owned_up_to(comparison: Comparison) -> None:
    """Where a larger or smaller rate was not tried, the sentence says that it may be better."""
    assert "may serve it better" not in loss.sweep(comparison)
    gru = replace(comparison.cells["gru"], learning_rate=0.016)
    rnn = replace(comparison.cells["rnn"], learning_rate=0.0005)
    said = loss.sweep(replace(comparison, cells={"gru": gru, "rnn": rnn}))
    assert "For the GRU that is the largest rate tried, so that a larger one" in said
    assert "For the vanilla RNN that is the smallest rate tried, so that a smaller one" in said
    assert "At 0.016 the vanilla RNN diverged." in said


def test_windows_as_good_as_the_best_are_named(comparison: Comparison) -> None:
    """What the seeds alone can move is not called a difference."""
    windows = tuple(
        replace(one, validation_nats=1.4 + 0.001 * place)
        for place, one in enumerate(comparison.windows)
    )
    said = plain(loss.window(replace(comparison, windows=windows)))
    assert "8 characters led to the lowest" in said
    assert "so that 16, 32, 64, 128 and 256 may be as good" in said


def test_the_context_is_said_with_its_last_gain(comparison: Comparison) -> None:
    """Who needs how much, what the last doubling brings, and who gains nothing further back."""
    said = plain(memory.context(comparison))
    assert "the LSTM needs the last 128 characters, the GRU 64, the vanilla RNN 16" in said
    assert "The LSTM still gains from what stands 65 to 128 characters back" in said
    assert "more than 1 character back improves the prediction of the feed-forward" in said


def test_a_gain_that_is_none_is_not_claimed(comparison: Comparison) -> None:
    """A curve that rises there loses the sentence on what is gained."""
    lstm = comparison.cells["lstm"]
    worse = {**lstm.context_curve, 128: Interval(9.0, 8.9, 9.1, 10)}
    cells = {**comparison.cells, "lstm": replace(lstm, context_curve=worse)}
    assert "still gains" not in memory.context(replace(comparison, cells=cells))


def test_a_context_beyond_what_was_tried_is_said(comparison: Comparison) -> None:
    """No k within 1 % is a result too."""
    lstm = replace(comparison.cells["lstm"], effective_context=None)
    said = plain(memory.context(replace(comparison, cells={"lstm": lstm})))
    assert said == "The LSTM is still not within 1 % when it sees the last 512 characters."


def test_a_gradient_of_nothing_is_said_to_be_exactly_nothing(comparison: Comparison) -> None:
    """Zeros have no place on the scale, so the sentence names them."""
    said = plain(memory.gradient(comparison))
    assert "In the feed-forward network the gradient is exactly 0 from lag 1 on" in said
    assert "In the LSTM the gradient is exactly 0" not in said


def only(task: TaskComparison, name: str, **fields: object) -> TaskComparison:
    """The task with one cell, changed."""
    return replace(task, cells={name: replace(task.cells[name], **fields)})  # type: ignore[arg-type]


def test_only_chance_is_called_guessing(comparison: Comparison) -> None:
    """A cell whose accuracy is clearly above chance, but below the level, is not called so."""
    known, recall = looks(comparison), comparison.tasks["recall"]
    assert "feed-forward network cannot be told from guessing" in tasks.spans(recall, known)
    some = {lag: Interval(0.6, 0.55, 0.65, 500) for lag in recall.lags}
    said = plain(tasks.spans(only(recall, "rnn", accuracy=some, span=0), known))
    assert "guessing" not in said
    assert "The vanilla RNN is below 90 % at the shortest lag already." in said


def test_a_span_is_set_against_what_was_trained(comparison: Comparison) -> None:
    """Only a span beyond the longest lag of training is said to be."""
    known, recall = looks(comparison), comparison.tasks["recall"]
    said = plain(tasks.spans(recall, known))
    assert "never trained on lags beyond 200; its span is 16 times that" in said
    assert "never trained" not in tasks.spans(only(recall, "rnn"), known)


def test_the_uncertainty_of_training_is_said_either_way(comparison: Comparison) -> None:
    """Spans of several seeds are shown; of one seed, that it is one."""
    known, recall = looks(comparison), comparison.tasks["recall"]
    assert "From seed to seed the span is 1,600 to 3,200" in tasks.spans(recall, known)
    once = plain(tasks.spans(only(recall, "lstm", spans=()), known))
    assert "trained with one seed" in once
    assert "seed to seed" not in once


def test_probabilities_are_ranked_by_how_far_they_are_off(comparison: Comparison) -> None:
    """The nearest to the truth comes first."""
    said = tasks.calibration(comparison.tasks["context"], looks(comparison))
    assert said.index("LSTM") < said.index("GRU") < said.index("vanilla RNN")


def test_depths_are_those_up_to_which_it_holds(comparison: Comparison) -> None:
    """Depth 0 that holds is a depth, and a first depth that fails is none."""
    known, nesting = looks(comparison), comparison.tasks["nesting"]
    good, bad = Interval(0.95, 0.9, 0.99, 99), Interval(0.5, 0.4, 0.6, 99)
    zero = tasks.depth(only(nesting, "lstm", by_depth={0: good, 1: bad, 2: good}), known)
    assert zero.endswith("the LSTM 0.")
    none = tasks.depth(only(nesting, "lstm", by_depth={0: bad}), known)
    assert none.endswith("the LSTM none.")


def test_an_unclipped_training_is_said_to_be_so(comparison: Comparison) -> None:
    """No clipping at all is one short sentence."""
    calm: dict[str, CellResult] = {
        name: replace(cell, clipped=0.0) for name, cell in comparison.cells.items()
    }
    said = memory.exploding(replace(comparison, cells=calm))
    assert said == "No gradient was so large that it had to be clipped."
