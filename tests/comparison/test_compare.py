"""A whole comparison, small: everything is there, agrees, and survives being stopped."""

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chargen.comparison import memory, text
from chargen.comparison.compare import compare, open_folder
from chargen.comparison.folder import NUMBERS, ComparisonFolder
from chargen.comparison.request import Request
from chargen.comparison.storage import read_json, to_json
from chargen.comparison.text import Effort
from chargen.errors import OptionError
from chargen.evaluation.validation import streams, validation_nats
from chargen.model.checkpoint import Checkpoint
from chargen.model.network import Network
from chargen.records import Comparison, Stage
from chargen.tasks.table import TASKS
from chargen.text.corpus import Corpus, split

CELLS = ("feedforward", "rnn", "gru", "lstm")
EFFORT = Effort(40_000, 60, 4, dict.fromkeys(CELLS, 1e5), dict.fromkeys(CELLS, 1e6))


@pytest.fixture(scope="module", autouse=True)
def small() -> Iterator[None]:
    """Everything real, and little of it, however fast the machine is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "CHARACTERS", dict.fromkeys(TASKS, 2_000))
        patch.setattr(memory, "EPISODES", 20)
        patch.setattr(memory, "HIDDEN", 12)
        patch.setattr(memory, "RATES", (1e-3, 1e-2))
        patch.setattr(memory, "RATES_OF_CELL", {})
        patch.setattr(text, "WINDOWS", (8, 32))
        patch.setattr(text.TextStudy, "_effort", lambda _: EFFORT)
        yield


REQUEST = Request(tasks=("recall",), lags=(25, 50), hidden_size=32, repeats=2, prompt="neuron")


@pytest.fixture(scope="module")
def file(repository: Path) -> Path:
    return repository / "corpora" / "rhymes.txt"


def opened(path: Path, file: Path, request: Request = REQUEST) -> tuple[Corpus, ComparisonFolder]:
    corpus = Corpus.read([file], lines=request.lines)
    return corpus, open_folder(path, corpus, request)


def made(path: Path, file: Path, request: Request = REQUEST) -> Comparison:
    corpus, folder = opened(path, file, request)
    *stages, found = compare(corpus, file, request, folder, command="chargen compare")
    assert isinstance(found, Comparison)
    folder.finish(to_json(found))
    folder.close()
    shares = [stage.fraction for stage in stages if isinstance(stage, Stage)]
    assert shares == sorted(shares)
    assert 0 <= shares[0] <= shares[-1] <= 1
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, file: Path) -> tuple[Path, Comparison]:
    path = tmp_path_factory.mktemp("whole") / "it"
    return path, made(path, file)


def test_every_cell_is_measured_in_every_way(whole: tuple[Path, Comparison]) -> None:
    """On the text and on the task."""
    _, found = whole
    assert tuple(found.cells) == CELLS
    assert tuple(found.tasks["recall"].cells) == CELLS
    for cell in found.cells.values():
        assert len(cell.seeds) == 2
        assert cell.validation_nats == pytest.approx(sum(cell.seeds) / 2)
        assert cell.validation_bpc == pytest.approx(cell.validation_nats / math.log(2))
        assert len(cell.sweep) >= 3
        assert cell.learning_rate == min(cell.sweep, key=lambda tried: tried[1])[0]
        assert [step.prefix for step in cell.neuron] == ["n", "ne", "neu", "neur", "neuro"]
        assert cell.samples[0].startswith("neuron")
        assert sum(map(len, cell.samples)) > 300
        assert cell.context_curve
        assert 0 <= cell.coherence.known_words <= 1
    assert [run.sequence_length for run in found.windows] == [8, 32]
    assert found.corpus_coherence is not None
    assert len(found.corpus_coherence.kept_rhyme) > 5
    assert found.characters_read == pytest.approx(40_000, rel=0.05)


def test_a_network_without_memory_is_one(whole: tuple[Path, Comparison]) -> None:
    """What the report checks: a flat curve, no gradient through time, and as many parameters."""
    _, found = whole
    checks = {check.name: check for check in found.checks}
    for name in ("parameters", "characters read", "no use of context", "no gradient through time"):
        assert checks[name].passed, checks[name]
    flow = found.cells["feedforward"].gradient_after
    assert flow.share[0] == 1
    assert not any(flow.share[1:])
    assert any(found.cells["rnn"].gradient_after.share[1:])


def test_the_models_that_are_left_have_the_losses_that_are_told(
    whole: tuple[Path, Comparison], file: Path
) -> None:
    """Read again by other code, over the part of the text that was held out."""
    path, found = whole
    corpus = Corpus.read([file])
    for name, cell in found.cells.items():
        model = Checkpoint.load(path / "models" / name)
        parts = split(corpus, model.vocabulary, validation_fraction=0.1, seed=1)
        network = Network(model.config)
        network.begin_with(model.weights)
        nats = validation_nats(network, parts.ids, streams(parts.validation))
        assert nats == pytest.approx(cell.seeds[0], abs=1e-5)
        assert model.measured["validation_nats"] == cell.seeds[0]
        assert model.config.parameters == cell.parameters
        again = Checkpoint.load(path / "models" / f"{name}-seed-2")
        assert again.measured["validation_nats"] == cell.seeds[1]


def test_the_numbers_are_where_others_look(whole: tuple[Path, Comparison]) -> None:
    """In comparison.json, at the documented paths; nothing else is left but the models."""
    path, found = whole
    numbers = json.loads((path / NUMBERS).read_bytes())
    for name, cell in found.cells.items():
        told = numbers["cells"][name]
        assert told["parameters"] == cell.parameters
        assert told["validation_nats"] == cell.validation_nats
        assert told["validation_bpc"] == cell.validation_bpc
        assert told["effective_context"] == cell.effective_context
        task = numbers["tasks"]["recall"][name]
        assert set(task["accuracy"]) >= {"25", "50"}
        assert isinstance(task["span"], int)
    assert read_json((path / NUMBERS).read_bytes()).cells == found.cells
    assert {one.name for one in path.iterdir()} == {NUMBERS, "models", ".lock"}


def test_a_comparison_that_was_stopped_ends_the_same(
    whole: tuple[Path, Comparison], tmp_path: Path, file: Path
) -> None:
    """Stopped again and again, in trainings and between them; only the times differ."""
    for after in (3, 30, 100, 200):
        corpus, folder = opened(tmp_path / "it", file)
        work = compare(corpus, file, REQUEST, folder, command="chargen compare")
        for _ in range(after):
            assert isinstance(next(work), Stage)
        work.close()
        folder.close()
    found = made(tmp_path / "it", file)
    assert timeless(found) == timeless(whole[1])


def timeless(found: Comparison) -> Comparison:
    """Without what hangs on the clock."""
    cells = {name: replace(cell, seconds=0.0) for name, cell in found.cells.items()}
    tasks = {
        name: replace(task, cells={k: replace(c, seconds=0.0) for k, c in task.cells.items()})
        for name, task in found.tasks.items()
    }
    windows = tuple(replace(run, seconds=0.0) for run in found.windows)
    return replace(found, cells=cells, tasks=tasks, windows=windows, seconds=0.0)


def test_lines_are_texts_of_their_own(tmp_path: Path, file: Path) -> None:
    """No state, gradient or context goes beyond a line."""
    found = made(tmp_path / "it", file, Request(cells=("lstm",), lines=True, hidden_size=16))
    longest = max(len(line) for line in file.read_text().split("\n"))
    assert max(found.cells["lstm"].context_curve) <= longest
    assert len(found.cells["lstm"].gradient_after.share) <= longest + 1


def test_a_prompt_of_other_characters_is_refused(tmp_path: Path, file: Path) -> None:
    """No network could spell it."""
    request = Request(prompt="нейрон")
    corpus, folder = opened(tmp_path / "it", file, request)
    with pytest.raises(OptionError, match="--prompt"):
        list(compare(corpus, file, request, folder, command=""))
    folder.close()
    assert not (tmp_path / "it").exists()


def test_nothing_to_compare_on_is_refused(tmp_path: Path) -> None:
    """Neither a text nor a task."""
    with pytest.raises(OptionError, match="name a text"):
        open_folder(tmp_path / "it", None, Request())


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"cells": ("lstm", "transformer")}, "transformer"),
        ({"cells": ("lstm", "lstm")}, "each once"),
        ({"cells": ()}, "one cell or more"),
        ({"minutes": 0.0}, "--minutes"),
        ({"minutes": math.nan}, "--minutes"),
        ({"repeats": 0}, "--repeats"),
        ({"seed": -1}, "--seed"),
        ({"prompt": "n"}, "--prompt"),
        ({"tasks": ("recall",), "lags": (5,)}, "between 13 and 3200"),
        ({"tasks": ("recall",), "lags": (6_400,)}, "between 13 and 3200"),
        ({"tasks": ("recall",), "lags": ()}, "--lags"),
        ({"hidden_size": 0}, "--hidden-size"),
        ({"num_layers": 0}, "--num-layers"),
    ],
)
def test_what_is_not_allowed_is_told(fields: dict[str, object], told: str) -> None:
    """In one line, with the value."""
    with pytest.raises(OptionError, match=told) as caught:
        Request(**fields)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
