"""Tests of the batches of an epoch. Every id equals its position, so ids show what is read."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargen.text.ids import Spans
from chargen.training import batches as batches_module
from chargen.training.batches import NO_TARGET, Batch, Batches, fit_batch

SIZES = st.lists(st.integers(1, 60), min_size=1, max_size=8)
STREAMS = st.integers(1, 9)
WIDTHS = st.integers(1, 20)
EPOCHS = st.integers(0, 4)
SEEDS = st.integers(0, 2**63 - 1)


def stream_batches(
    sizes: list[int],
    streams: int,
    width: int,
    *,
    seed: int = 1,
    reset_probability: float = 0.0,
    gap: int = 0,
) -> Batches:
    """Return streams over texts with these numbers of targets. gap: ids between the texts."""
    starts = np.cumsum([0] + [size + 1 + gap for size in sizes[:-1]])
    spans = np.stack([starts, starts + np.array(sizes) + 1], axis=1).astype(np.int64)
    return batches_of(spans, streams, width, reset_probability, seed, lines=False)


def line_batches(sizes: list[int], streams: int, width: int, *, seed: int = 1) -> Batches:
    """Return lines; a line starts at the newline of the line before."""
    stops = np.cumsum(sizes)
    spans = np.stack([stops - sizes, stops + 1], axis=1).astype(np.int64)
    return batches_of(spans, streams, width, 0.0, seed, lines=True)


def batches_of(
    spans: Spans, streams: int, width: int, reset_probability: float, seed: int, *, lines: bool
) -> Batches:
    """Return the batches of spans whose ids are positions."""
    ids = np.arange(int(spans.max()), dtype=np.uint32)
    return Batches(ids, spans, streams, width, reset_probability, seed, lines)


def windows(batches: Batches, epoch: int) -> list[Batch]:
    """Return all windows of an epoch in order."""
    one = batches.epoch(epoch)
    return [one[k] for k in range(len(one))]


def assert_every_target_once(batches: Batches, epoch: int) -> None:
    """Check that an epoch predicts every id of a span except its first, exactly once."""
    targets = np.concatenate([batch.targets.ravel() for batch in windows(batches, epoch)])
    expected = sorted(k for a, b in batches.spans.tolist() for k in range(a + 1, b))
    assert sorted(targets[targets != NO_TARGET].tolist()) == expected


def continues(before: Batch, after: Batch) -> npt.NDArray[np.bool_]:
    """Return [B], True where a stream's window starts with the last target of the one before."""
    busy = after.targets[0] != NO_TARGET
    continued: npt.NDArray[np.bool_] = busy & (before.targets[-1] == after.inputs[0])
    return continued


def same(one: Batch, other: Batch) -> bool:
    """Return whether two windows are equal."""
    return all(
        np.array_equal(getattr(one, part), getattr(other, part))
        for part in ("inputs", "targets", "reset_mask")
    )


@given(SIZES, STREAMS, WIDTHS, EPOCHS, SEEDS, st.integers(0, 3))
def test_an_epoch_has_every_target_once(
    sizes: list[int], streams: int, width: int, epoch: int, seed: int, gap: int
) -> None:
    """An epoch of streams or lines has each target exactly once."""
    texts = stream_batches(sizes, streams, width, seed=seed, gap=gap)
    assert_every_target_once(texts, epoch)
    assert_every_target_once(line_batches(sizes, streams, width, seed=seed), epoch)


@given(SIZES, STREAMS, WIDTHS, EPOCHS, SEEDS)
def test_a_state_is_kept_only_where_a_stream_continues(
    sizes: list[int], streams: int, width: int, epoch: int, seed: int
) -> None:
    """A stream whose window does not continue the one before starts from an empty state."""
    found = windows(stream_batches(sizes, streams, width, seed=seed), epoch)
    assert found[0].reset_mask.all()
    for before, after in pairwise(found):
        assert (after.reset_mask | continues(before, after)).all()


@given(SIZES, STREAMS, WIDTHS, EPOCHS, SEEDS, st.floats(0, 1))
def test_no_target_and_no_state_crosses_the_border_of_a_text(
    sizes: list[int], streams: int, width: int, epoch: int, seed: int, reset_probability: float
) -> None:
    """A target follows its input. The first id of a text is the first of a window with a reset."""
    batches = stream_batches(sizes, streams, width, seed=seed, reset_probability=reset_probability)
    starts = batches.spans[:, 0]
    for batch in windows(batches, epoch):
        there = batch.targets != NO_TARGET
        assert np.array_equal(batch.targets[there], batch.inputs[there] + 1)
        assert not np.isin(batch.targets[there], starts).any()
        first = np.isin(batch.inputs, starts) & there
        assert batch.reset_mask[first[0]].all()
        assert not first[1:].any()


def test_a_piece_has_twenty_windows() -> None:
    """In a long text, 19 of 20 windows continue the one before and keep the state."""
    found = windows(stream_batches([2 * 8 * 2000], 2, 8), 0)
    kept = sum(int((~after.reset_mask).sum()) for after in found)
    assert kept / (2 * len(found)) == pytest.approx(19 / 20, abs=0.01)


def test_the_first_windows_are_spread_over_the_text() -> None:
    """The first tenth of an epoch has targets in nearly every twentieth of a text.

    Of 100 pieces, 10 are drawn; the number of the 20 parts that they reach is 8 on average.
    """
    size = 2 * 8 * 1000
    found = windows(stream_batches([size], 2, 8), 0)
    targets = np.concatenate([b.targets.ravel() for b in found[: len(found) // 10]])
    assert len(np.unique(targets * 20 // size)) >= 6


def test_states_are_reset_with_the_given_probability() -> None:
    """A share of `reset_probability` of the windows inside a piece starts from an empty state.

    30,400 windows with probability 0.05 give 1,520 resets, standard deviation 38. The bounds are
    five standard deviations: a false alarm has probability 6e-7 (the seed is fixed).
    """
    plain = stream_batches([16 * 8 * 500], 16, 8, seed=4)
    reset = stream_batches([16 * 8 * 500], 16, 8, seed=4, reset_probability=0.05)
    resets = inside_a_piece = 0
    for epoch in range(4):
        for one, other in zip(windows(plain, epoch), windows(reset, epoch), strict=True):
            inside = ~one.reset_mask
            inside_a_piece += int(inside.sum())
            resets += int(other.reset_mask[inside].sum())
    assert inside_a_piece > 30_000
    expected = 0.05 * inside_a_piece
    assert abs(resets - expected) < 5 * (expected * 0.95) ** 0.5


def make_streams(sizes: list[int], seed: int) -> Batches:
    """Return three streams with resets."""
    return stream_batches(sizes, 3, 6, seed=seed, reset_probability=0.3)


def make_lines(sizes: list[int], seed: int) -> Batches:
    """Return lines in groups of about three."""
    return line_batches(sizes, 3, 6, seed=seed)


@pytest.mark.parametrize("kind", [make_streams, make_lines])
def test_a_window_depends_only_on_seed_epoch_and_index(
    kind: Callable[[list[int], int], Batches],
) -> None:
    """Another object that is read backwards has the same windows; another epoch has others."""
    sizes = [11, 12, 13, 14, 15, 16, 17, 18] * 5
    forwards = windows(kind(sizes, 9), 3)
    other = kind(sizes, 9).epoch(3)
    assert len(other) == len(forwards)
    for k in reversed(range(len(forwards))):
        assert same(other[k], forwards[k])
    assert not same(kind(sizes, 9).epoch(4)[0], forwards[0])
    assert not same(kind(sizes, 8).epoch(3)[0], forwards[0])


def test_epochs_cut_a_stream_at_different_places() -> None:
    """Five epochs have five different borders between the windows of a text."""
    batches = stream_batches([997], 4, 16, seed=2)
    borders = {tuple(windows(batches, epoch)[0].inputs[0].tolist()) for epoch in range(5)}
    assert len(borders) == 5


@pytest.mark.parametrize("sizes", [[1], [2], [1, 1], [3, 1]])
def test_a_text_can_be_shorter_than_the_number_of_streams(sizes: list[int]) -> None:
    """Streams without text stay idle, and every target is read."""
    batches = stream_batches(sizes, 8, 64)
    for epoch in range(4):
        assert_every_target_once(batches, epoch)


def test_a_window_is_as_long_as_its_longest_stream() -> None:
    """No row of a window consists only of padding."""
    for batch in windows(stream_batches([5, 3], 2, 64), 0):
        assert (batch.targets != NO_TARGET).any(axis=1).all()


@given(SIZES, STREAMS, WIDTHS, EPOCHS, SEEDS)
def test_the_windows_of_a_line_carry_its_state(
    sizes: list[int], streams: int, width: int, epoch: int, seed: int
) -> None:
    """The first window of a line resets the state; its next windows carry it."""
    batches = line_batches(sizes, streams, width, seed=seed)
    starts = set(batches.spans[:, 0].tolist())
    begun: list[int] = []
    before: Batch | None = None
    for batch in windows(batches, epoch):
        assert batch.reset_mask.all() or not batch.reset_mask.any()
        if batch.reset_mask.all():
            assert (batch.targets[0] != NO_TARGET).all()
            begun += batch.inputs[0].tolist()
        else:
            assert before is not None
            continued = batch.targets[0] != NO_TARGET
            assert continued.any()
            assert np.array_equal(batch.inputs[0][continued], before.targets[-1][continued])
        before = batch
    assert sorted(begun) == sorted(starts)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=40), STREAMS, WIDTHS, SEEDS)
def test_a_batch_of_lines_is_not_larger_than_a_batch_of_streams(
    sizes: list[int], streams: int, width: int, seed: int
) -> None:
    """A batch has at most batch_size * sequence_length characters and sequence_length steps."""
    for batch in windows(line_batches(sizes, streams, width, seed=seed), 1):
        assert batch.inputs.size <= streams * width
        assert len(batch.inputs) <= width


def test_lines_are_grouped_by_length() -> None:
    """The lengths of the lines of two windows do not overlap, which keeps padding low."""
    sizes = list(range(1, 61))
    ranges = []
    for batch in windows(line_batches(sizes, 4, 64), 2):
        counts = (batch.targets != NO_TARGET).sum(axis=0)
        ranges.append((int(counts.min()), int(counts.max())))
    for (_, high), (low, _) in pairwise(sorted(ranges)):
        assert high < low


def test_lines_are_regrouped_every_epoch() -> None:
    """Lines of equal length are in different groups in every epoch."""
    batches = line_batches([8] * 32, 4, 8)

    def groups(epoch: int) -> set[frozenset[int]]:
        return {frozenset(batch.inputs[0].tolist()) for batch in windows(batches, epoch)}

    assert groups(0) != groups(1) != groups(2)


@given(st.integers(1, 10**9), st.integers(1, 4096), st.integers(1, 4096), st.integers(2, 1_114_112))
def test_batch_sizes_only_shrink(
    characters: int, batch_size: int, sequence_length: int, vocab_size: int
) -> None:
    """The batch fits the text, and its float32 logits take at most 256 MB."""
    streams, window = fit_batch(characters, batch_size, sequence_length, vocab_size)
    assert 1 <= streams <= batch_size
    assert 1 <= window <= min(sequence_length, characters)
    assert 4 * streams * window * vocab_size <= 1 << 28
    assert streams == 1 or streams * 2 * window <= characters


@pytest.mark.parametrize(
    ("characters", "size"),
    [(2 * 16 * 64, (16, 64)), (2 * 16 * 64 - 1, (15, 64)), (10, (1, 10)), (1, (1, 1))],
)
def test_a_batch_shrinks_only_for_a_short_text(characters: int, size: tuple[int, int]) -> None:
    """A text with at least two windows per stream has the full batch."""
    assert fit_batch(characters, 16, 64, 100) == size


def test_a_very_long_text_has_longer_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their number is bounded, and an epoch still has every target once."""
    monkeypatch.setattr(batches_module, "_MAX_PIECES", 10)
    ids = np.arange(5_001, dtype=np.uint16)
    spans = np.array([[0, 5_001]])
    batches = Batches(ids, spans, 2, 4, reset_probability=0.0, seed=1, separate=False)
    epoch = batches.epoch(0)
    read = [epoch[k] for k in range(len(epoch))]
    targets = np.concatenate([batch.targets[batch.targets >= 0] for batch in read])
    assert sorted(targets.tolist()) == list(range(1, 5_001))
    assert sum(int(batch.reset_mask.sum()) for batch in read) <= 10 + 2 + 2
