"""The windows of an epoch. Every id is its own position, so that a window tells what it reads."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargen.training.batches import (
    NO_TARGET,
    Batch,
    Batches,
    Ids,
    LineBatches,
    Spans,
    StreamBatches,
    fitting,
)

SIZES = st.lists(st.integers(1, 60), min_size=1, max_size=8)
LANES = st.integers(1, 9)
WIDTHS = st.integers(1, 20)
EPOCHS = st.integers(0, 4)
SEEDS = st.integers(0, 2**63 - 1)


def spans_of(sizes: list[int], *, gap: int = 0) -> Spans:
    """Texts of so many targets, one behind another, with `gap` ids between that are no text's."""
    starts = np.cumsum([0] + [size + 1 + gap for size in sizes[:-1]])
    return np.stack([starts, starts + np.array(sizes) + 1], axis=1).astype(np.int64)


def positions(spans: Spans) -> Ids:
    """As many ids as the spans reach over."""
    return np.arange(int(spans.max()), dtype=np.uint32)


def stream_batches(
    sizes: list[int],
    lanes: int,
    width: int,
    *,
    seed: int = 1,
    reset_probability: float = 0.0,
    gap: int = 0,
) -> StreamBatches:
    """Streams over texts whose ids are positions."""
    spans = spans_of(sizes, gap=gap)
    return StreamBatches(positions(spans), spans, lanes, width, reset_probability, seed)


def line_batches(sizes: list[int], lanes: int, width: int, *, seed: int = 1) -> LineBatches:
    """Lines whose ids are positions; as in a corpus a line begins with its neighbour's newline."""
    stops = np.cumsum(sizes)
    spans = np.stack([stops - sizes, stops + 1], axis=1).astype(np.int64)
    return LineBatches(positions(spans), spans, lanes, width, seed)


def windows(batches: Batches, epoch: int) -> list[Batch]:
    """All windows of an epoch, in their order."""
    one = batches.epoch(epoch)
    return [one[k] for k in range(len(one))]


def predicted(batches: Batches, epoch: int) -> list[int]:
    """Every target of an epoch, sorted."""
    targets = np.concatenate([batch.targets.ravel() for batch in windows(batches, epoch)])
    return sorted(targets[targets != NO_TARGET].tolist())


def targets_of(spans: Spans) -> list[int]:
    """What there is to predict: every id of a span but its first."""
    return sorted(k for start, stop in spans.tolist() for k in range(start + 1, stop))


def continues(before: Batch, after: Batch) -> npt.NDArray[np.bool_]:
    """[B]: lanes whose next window begins with the last character they had to predict."""
    busy = after.targets[0] != NO_TARGET
    going_on: npt.NDArray[np.bool_] = busy & (before.targets[-1] == after.inputs[0])
    return going_on


def same(one: Batch, other: Batch) -> bool:
    """Whether two windows are equal in everything."""
    return all(
        np.array_equal(getattr(one, part), getattr(other, part))
        for part in ("inputs", "targets", "fresh")
    )


@given(SIZES, LANES, WIDTHS, EPOCHS, SEEDS, st.integers(0, 3))
def test_streams_predict_every_target_once_an_epoch(
    sizes: list[int], lanes: int, width: int, epoch: int, seed: int, gap: int
) -> None:
    """An epoch of streams predicts each target exactly once, whatever the sizes."""
    batches = stream_batches(sizes, lanes, width, seed=seed, gap=gap)
    assert predicted(batches, epoch) == targets_of(batches.spans)


@given(SIZES, LANES, WIDTHS, EPOCHS, SEEDS)
def test_lines_are_predicted_once_an_epoch(
    sizes: list[int], lanes: int, width: int, epoch: int, seed: int
) -> None:
    """An epoch of lines predicts each target exactly once; a newline ends one and begins one."""
    batches = line_batches(sizes, lanes, width, seed=seed)
    assert predicted(batches, epoch) == targets_of(batches.spans)


@given(SIZES, LANES, WIDTHS, EPOCHS, SEEDS)
def test_nothing_is_predicted_across_a_border(
    sizes: list[int], lanes: int, width: int, epoch: int, seed: int
) -> None:
    """A target is the successor of its input, and never the first id of a text."""
    batches = stream_batches(sizes, lanes, width, seed=seed)
    starts = batches.spans[:, 0]
    for batch in windows(batches, epoch):
        there = batch.targets != NO_TARGET
        assert np.array_equal(batch.targets[there], batch.inputs[there] + 1)
        assert not np.isin(batch.targets[there], starts).any()


@given(SIZES, LANES, WIDTHS, EPOCHS, SEEDS)
def test_a_stream_starts_from_nothing_exactly_where_it_does_not_continue(
    sizes: list[int], lanes: int, width: int, epoch: int, seed: int
) -> None:
    """Without resets a lane keeps its state where its window goes on, and nowhere else."""
    found = windows(stream_batches(sizes, lanes, width, seed=seed), epoch)
    assert found[0].fresh.all()
    for before, after in pairwise(found):
        assert np.array_equal(after.fresh, ~continues(before, after))


@given(SIZES, LANES, WIDTHS, EPOCHS, SEEDS, st.floats(0, 1))
def test_a_text_is_begun_from_nothing(
    sizes: list[int], lanes: int, width: int, epoch: int, seed: int, reset_probability: float
) -> None:
    """Wherever the first id of a text is read, the state is empty."""
    batches = stream_batches(sizes, lanes, width, seed=seed, reset_probability=reset_probability)
    starts = batches.spans[:, 0]
    for batch in windows(batches, epoch):
        there = batch.targets != NO_TARGET
        begun = np.isin(batch.inputs, starts) & there
        assert batch.fresh[begun[0]].all()
        assert not begun[1:].any()


def test_a_lane_goes_on_where_its_last_window_ended() -> None:
    """One text in one lane is read from its first id to its last without a gap."""
    found = windows(stream_batches([50], 1, 8), 0)
    assert np.concatenate([batch.inputs[:, 0] for batch in found]).tolist() == list(range(50))
    assert [bool(batch.fresh[0]) for batch in found] == [True] + [False] * 6


def test_lanes_start_evenly_spaced() -> None:
    """In the first epoch lane b begins at b/B of the text, so that all are busy to the end."""
    first = stream_batches([800], 4, 10).epoch(0)[0]
    assert first.inputs[0].tolist() == [0, 200, 400, 600]


def test_a_state_is_dropped_with_the_probability_asked_for() -> None:
    """Of the windows that go on, a share of `reset_probability` starts from nothing.

    32,000 windows with probability 0.05 give 1,600 resets, standard deviation 39; the bounds are
    five of them wide, so that a right program fails with probability 6e-7 (the seed is fixed).
    """
    batches = stream_batches([16 * 8 * 500], 16, 8, seed=4, reset_probability=0.05)
    resets = windows_that_go_on = 0
    for epoch in range(4):
        for before, after in pairwise(windows(batches, epoch)):
            going_on = continues(before, after)
            windows_that_go_on += int(going_on.sum())
            resets += int(after.fresh[going_on].sum())
    assert windows_that_go_on > 31_000
    expected = 0.05 * windows_that_go_on
    assert abs(resets - expected) < 5 * (expected * 0.95) ** 0.5


def streams(sizes: list[int], seed: int) -> Batches:
    """Three streams with resets."""
    return stream_batches(sizes, 3, 6, seed=seed, reset_probability=0.3)


def lines(sizes: list[int], seed: int) -> Batches:
    """Lines in groups of three or so."""
    return line_batches(sizes, 3, 6, seed=seed)


@pytest.mark.parametrize("kind", [streams, lines])
def test_a_window_is_a_pure_function_of_seed_epoch_and_index(
    kind: Callable[[list[int], int], Batches],
) -> None:
    """Read backwards from another object, the windows are the same ones."""
    sizes = [40, 7, 33, 12, 5]
    forwards = windows(kind(sizes, 9), 3)
    other = kind(sizes, 9).epoch(3)
    assert len(other) == len(forwards)
    for k in reversed(range(len(forwards))):
        assert same(other[k], forwards[k])


@pytest.mark.parametrize("kind", [streams, lines])
def test_other_epochs_and_other_seeds_read_in_another_order(
    kind: Callable[[list[int], int], Batches],
) -> None:
    """Neither the next epoch nor another seed reads the same windows."""
    sizes = [11, 12, 13, 14, 15, 16, 17, 18] * 5

    def first_inputs(seed: int, epoch: int) -> list[list[int]]:
        return [batch.inputs[0].tolist() for batch in windows(kind(sizes, seed), epoch)]

    assert first_inputs(1, 1) != first_inputs(1, 2)
    assert first_inputs(1, 1) != first_inputs(2, 1)


def test_other_epochs_cut_a_stream_at_other_places() -> None:
    """Five epochs put the borders of one text's windows at five different places."""
    batches = stream_batches([997], 4, 16, seed=2)
    borders = {tuple(windows(batches, epoch)[0].inputs[0].tolist()) for epoch in range(5)}
    assert len(borders) == 5


@pytest.mark.parametrize("sizes", [[1], [2], [1, 1], [3, 1]])
def test_streams_fit_a_text_shorter_than_the_lanes(sizes: list[int]) -> None:
    """Lanes that have nothing to read stay idle, and nothing is lost."""
    batches = stream_batches(sizes, 8, 64)
    for epoch in range(4):
        assert predicted(batches, epoch) == targets_of(batches.spans)


def test_a_window_is_padded_to_its_longest_lane_only() -> None:
    """No window is wider than what its longest lane has left."""
    for batch in windows(stream_batches([5, 3], 2, 64), 0):
        assert (batch.targets != NO_TARGET).any(axis=1).all()


@given(SIZES, LANES, WIDTHS, EPOCHS, SEEDS)
def test_a_line_is_read_from_its_start_with_its_state_carried(
    sizes: list[int], lanes: int, width: int, epoch: int, seed: int
) -> None:
    """A line's first window is fresh and begins at its start; its next ones go on from there."""
    batches = line_batches(sizes, lanes, width, seed=seed)
    starts = set(batches.spans[:, 0].tolist())
    begun: list[int] = []
    before: Batch | None = None
    for batch in windows(batches, epoch):
        assert batch.fresh.all() or not batch.fresh.any()
        if batch.fresh.all():
            assert (batch.targets[0] != NO_TARGET).all()
            begun += batch.inputs[0].tolist()
        else:
            assert before is not None
            going_on = batch.targets[0] != NO_TARGET
            assert going_on.any()
            assert np.array_equal(batch.inputs[0][going_on], before.targets[-1][going_on])
        before = batch
    assert sorted(begun) == sorted(starts)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=40), LANES, WIDTHS, SEEDS)
def test_a_batch_of_lines_holds_a_batch_of_characters(
    sizes: list[int], lanes: int, width: int, seed: int
) -> None:
    """No window of lines holds more characters than a batch of streams, or is wider."""
    for batch in windows(line_batches(sizes, lanes, width, seed=seed), 1):
        assert batch.inputs.size <= lanes * width
        assert len(batch.inputs) <= width


def test_lines_of_like_length_stand_side_by_side() -> None:
    """Sorted by length, the lines of two windows do not overlap: there is little padding."""
    sizes = list(range(1, 61))
    ranges = []
    for batch in windows(line_batches(sizes, 4, 64), 2):
        counts = (batch.targets != NO_TARGET).sum(axis=0)
        ranges.append((int(counts.min()), int(counts.max())))
    for (_, high), (low, _) in pairwise(sorted(ranges)):
        assert high < low


def test_equal_lines_meet_other_neighbours_every_epoch() -> None:
    """Lines of one length are dealt into other groups each epoch."""
    batches = line_batches([8] * 32, 4, 8)

    def groups(epoch: int) -> set[frozenset[int]]:
        return {frozenset(batch.inputs[0].tolist()) for batch in windows(batches, epoch)}

    assert groups(0) != groups(1) != groups(2)


@given(st.integers(1, 10**9), st.integers(1, 4096), st.integers(1, 4096), st.integers(2, 1_114_112))
def test_sizes_are_made_to_fit(
    characters: int, batch_size: int, sequence_length: int, vocab_size: int
) -> None:
    """Lanes and windows only shrink, and their float32 logits stay within 256 MB."""
    lanes, window = fitting(characters, batch_size, sequence_length, vocab_size)
    assert 1 <= lanes <= batch_size
    assert 1 <= window <= min(sequence_length, characters)
    assert 4 * lanes * window * vocab_size <= 1 << 28
    assert lanes == 1 or lanes * 2 * window <= characters


def test_sizes_that_fit_are_left_alone() -> None:
    """A text of two windows a lane or more is trained with the sizes asked for."""
    assert fitting(2 * 16 * 64, 16, 64, 100) == (16, 64)
    assert fitting(2 * 16 * 64 - 1, 16, 64, 100) == (15, 64)


def test_a_text_shorter_than_a_window_is_one_window() -> None:
    """Ten characters are one lane of ten, one character one of one."""
    assert fitting(10, 16, 64, 100) == (1, 10)
    assert fitting(1, 16, 64, 100) == (1, 1)
