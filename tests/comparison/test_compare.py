"""Tests of a whole comparison: it is complete and consistent, and can be stopped at any time."""

import math
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from chargen.comparison.compare import compare, open_folder
from chargen.comparison.options import DEFAULT_CELLS, ComparisonOptions
from chargen.comparison.result import Comparison
from chargen.comparison.storage import read_comparison
from chargen.comparison.writing import MAX_DOCUMENT
from chargen.errors import OptionError
from chargen.evaluation.surprisal import shares as choice_shares
from chargen.evaluation.validation import streams, validation_nats
from chargen.generation.context import Reader
from chargen.model.checkpoint import Checkpoint
from chargen.model.network import Network
from chargen.text.corpus import Corpus
from chargen.text.kind import LINE, TextKind
from chargen.text.split import split

Whole = tuple[Path, Comparison]


def test_every_cell_is_measured_on_the_text(whole: Whole) -> None:
    text = whole[1].text
    assert text is not None
    assert tuple(text.cells) == DEFAULT_CELLS
    for name, cell in text.cells.items():
        assert cell.network.cell == name
        assert [run.seed for run in cell.runs] == [1, 2, 3]
        assert all(run.resumed == 0 for run in cell.runs)
        assert cell.validation_bits == pytest.approx(
            sum(run.validation_nats or math.nan for run in cell.runs) / 3 / math.log(2)
        )
        losses = {trial.learning_rate: trial.nats for trial in cell.sweep.trials}
        assert len(losses) >= 3
        assert losses[cell.sweep.best] == min(nats for nats in losses.values() if nats is not None)
        spelling = cell.diagnostics.spelling
        assert [step.prefix for step in spelling] == ["n", "ne", "neu", "neur", "neuro"]
        assert cell.diagnostics.context.by_length
        assert cell.writing.samples[0].startswith("neuron")
        assert 0 <= (cell.writing.coherence.known_words or 0) <= 1
    assert text.characters_read == pytest.approx(20_000, rel=0.05)
    assert len(text.corpus.coherence.kept_rhyme) > 5
    assert text.ranked[0].behind is not None


def test_every_cell_is_measured_on_the_task(whole: Whole) -> None:
    task = whole[1].tasks["recall"]
    assert tuple(task.cells) == DEFAULT_CELLS
    assert task.example.count("day 5") == 1
    assert task.example[slice(*task.answer)] in task.choices
    for result in task.cells.values():
        assert len(result.sweep.trials) == 2
        assert [training.seed for training in result.trainings] == [1, 2, 3]
        assert len(result.spans) == 3
        assert result.gradient is not None
        assert len(result.gradient.share) >= 50 + len("\nday 1: fog")
    assert not any(task.cells["feedforward"].gradient.share[1:])  # type: ignore[union-attr]
    assert any(task.cells["lstm"].gradient.share[1:])  # type: ignore[union-attr]


def test_windows_are_compared_over_three_seeds(whole: Whole) -> None:
    text = whole[1].text
    assert text is not None
    assert text.window_cell == "lstm"
    assert [window.bptt_length for window in text.windows] == [8, 32]
    assert all(len(window.nats) == 3 for window in text.windows)


def test_checks_of_the_method_pass(whole: Whole) -> None:
    passed = {check.name for check in whole[1].checks if check.passed}
    assert passed >= {
        "parameters",
        "parameters (recall)",
        "characters read",
        "no use of context",
        "no gradient through time",
    }


def test_saved_models_have_the_reported_losses(whole: Whole, rhymes: Path) -> None:
    """The losses equal those of other code on the held-out text."""
    path, comparison = whole
    assert comparison.text is not None
    corpus = Corpus.read([rhymes])
    for name, cell in comparison.text.cells.items():
        model = Checkpoint.load(path / "models" / name)
        parts = split(corpus, model.vocabulary, validation_fraction=0.1, seed=1)
        network = Network(model.config)
        network.load_weights(model.weights)
        nats = validation_nats(network, parts.ids, streams(parts.validation))
        assert nats == pytest.approx(cell.runs[0].validation_nats, abs=1e-5)
        assert model.measured["validation_nats"] == cell.runs[0].validation_nats
        assert model.config.parameters == cell.network.parameters
        other = Checkpoint.load(path / "models" / f"{name}-seed-2")
        assert other.measured["validation_nats"] == cell.runs[1].validation_nats


def test_networks_of_tasks_can_be_loaded(whole: Whole) -> None:
    """The networks are ordinary models of lines, which started from random weights."""
    path, comparison = whole
    task = comparison.tasks["recall"]
    for name in ("recall-lstm", "recall-gru-seed-3"):
        model = Checkpoint.load(path / "models" / name)
        assert model.kind == LINE
        assert model.description.start["model"] is None
        reader = Reader.of(model)
        context = reader.read(task.example[: task.answer[0]])
        _, shares = choice_shares(reader, context, task.choices)
        assert shares.sum() == pytest.approx(1)


def test_a_finished_folder_has_nothing_else(whole: Whole) -> None:
    path, comparison = whole
    names = {file.name for file in path.iterdir()}
    assert names == {"comparison.json", "comparison.schema.json", "models"}
    assert read_comparison(path / "comparison.json") == comparison


def test_a_stopped_comparison_ends_the_same(
    whole: Whole, run: Callable[..., Comparison], tmp_path: Path
) -> None:
    """The comparison is stopped in and between trainings; only times and notes differ."""
    found = run(tmp_path / "it", stops=(3, 30, 100, 200))
    assert without_times(found) == without_times(whole[1])
    assert whole[1].notes == ()


def without_times(value: Any) -> Any:
    """Replace everything that depends on the clock or on interruptions."""
    if is_dataclass(value) and not isinstance(value, type):
        changes = {each.name: without_times(getattr(value, each.name)) for each in fields(value)}
        changes |= {name: 0 for name in ("seconds", "resumed", "notes") if name in changes}
        return replace(value, **changes)
    if isinstance(value, dict):
        return {key: without_times(item) for key, item in value.items()}
    return [without_times(item) for item in value] if isinstance(value, tuple) else value


def test_an_interrupted_training_is_noted(run: Callable[..., Comparison], tmp_path: Path) -> None:
    options = ComparisonOptions(cells=("lstm",), hidden_size=16)
    found = run(tmp_path / "it", options, stops=("training, LSTM", "training, LSTM"))
    assert found.text is not None
    assert [run.resumed for run in found.text.cells["lstm"].runs] == [2]
    assert found.notes == ("The training of the LSTM with seed 1 was interrupted 2 times.",)


def test_contexts_do_not_cross_lines(
    run: Callable[..., Comparison], tmp_path: Path, rhymes: Path
) -> None:
    """Contexts and gradients end at the start of a line.

    With one seed, no windows are compared: the differences would be noise.
    """
    options = ComparisonOptions(cells=("mingru",), hidden_size=16)
    text = run(tmp_path / "it", options, kind=LINE).text
    assert text is not None
    assert (text.window_cell, text.windows) == ("", ())
    longest = max(len(line) for line in rhymes.read_text().split("\n"))
    diagnostics = text.cells["mingru"].diagnostics
    assert max(diagnostics.context.by_length) <= longest
    assert len(diagnostics.gradient_after.share) <= longest + 1


def test_documents_are_compared_to_the_end(
    run: Callable[..., Comparison], tmp_path: Path, rhymes: Path
) -> None:
    """The result says what a text is, and no text of a network has the boundary."""
    path, options = tmp_path / "text.txt", ComparisonOptions(cells=("mingru",), hidden_size=16)
    path.write_text("\n%\n".join(rhymes.read_text().split("\n")))
    kind = TextKind("document", separator="%")
    found = run(tmp_path / "it", options, kind=kind, text=path)
    assert found.text is not None
    assert (found.text_kind, found.settings["max_document"]) == (kind, MAX_DOCUMENT)
    samples = found.text.cells["mingru"].writing.samples
    assert len(samples) == 6
    assert not any(kind.boundary in sample for sample in samples)


def test_an_unknown_prompt_is_refused(tmp_path: Path, rhymes: Path) -> None:
    """The prompt has characters that are not in the text. The created folder is removed."""
    options = ComparisonOptions(prompt="нейрон")
    corpus = Corpus.read([rhymes])
    folder = open_folder(tmp_path / "it", corpus, options)
    with pytest.raises(OptionError, match="prompt must be a word of the text"):
        list(compare(corpus, options, folder))
    folder.close()
    assert not (tmp_path / "it").exists()


def test_a_text_or_a_task_is_required(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="nothing to compare"):
        open_folder(tmp_path / "it", None, ComparisonOptions())
