"""Tests of the ONNX graph against the numpy engine, with onnxruntime."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from chargen.generation.context import Reader
from chargen.generation.generate import generate_texts
from chargen.generation.onnx_graph import onnx_graph
from chargen.generation.settings import GenerationSettings
from chargen.model.cells.registry import CELLS
from chargen.model.checkpoint import Checkpoint
from chargen.model.config import ENCODERS
from chargen.model.engine import Engine
from chargen.model.find import PRETRAINED
from chargen.text.kind import TextKind

onnxruntime = pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")

TOLERANCE = 1e-4  # of logits of about 10: float32 rounding, carried through the steps

Arrays = dict[str, npt.NDArray[Any]]


class Session:
    """The graph of a model, used as another program would: only the file is known."""

    def __init__(self, data: bytes) -> None:
        self._session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
        properties = self._session.get_modelmeta().custom_metadata_map
        self.facts: dict[str, Any] = json.loads(properties["chargen"])
        self.inputs = {each.name: each.shape for each in self._session.get_inputs()}
        self.outputs = {each.name: each.shape for each in self._session.get_outputs()}

    def start(self, samples: int = 1) -> Arrays:
        """The states before a text."""
        shape = samples, self.facts["hidden_size"]
        return {name: np.zeros(shape, np.float32) for name in self.facts["states"]}

    def step(self, ids: list[int], states: Arrays) -> tuple[npt.NDArray[np.float32], Arrays]:
        """The logits of the next characters, and the states of the next step."""
        found = self._session.run(None, {"id": np.array(ids, np.int64), **states})
        named = dict(zip(self.outputs, found, strict=True))
        return named["logits"], {name: named[f"next/{name}"] for name in states}

    def greedy(self, prompt: str, length: int) -> Iterator[str]:
        """The most likely characters after a prompt."""
        characters, states = self.facts["characters"], self.start()
        for character in self.facts["boundary"] + prompt:
            logits, states = self.step([characters.index(character)], states)
        for _ in range(length):
            logits[:, self.facts["unknown_id"]] = -np.inf
            best = int(logits.argmax())
            yield characters[best]
            logits, states = self.step([best], states)


def assert_same_logits(session: Session, loaded: Checkpoint, ids: npt.NDArray[Any]) -> None:
    """Run both on the same characters, [T, B]."""
    engine, samples = Engine(loaded.config, loaded.weights), ids.shape[1]
    mine, others = engine.empty_states(samples), session.start(samples)
    for row in ids:
        expected, mine = engine.step(row, mine)
        logits, others = session.step(row.tolist(), others)
        np.testing.assert_allclose(logits, expected, rtol=0, atol=TOLERANCE)
    parts = [part for state in mine for part in state]
    for part, other in zip(parts, others.values(), strict=True):
        np.testing.assert_allclose(other, part, rtol=0, atol=TOLERANCE)


def test_a_trained_lstm_agrees_over_a_thousand_characters(repository: Path) -> None:
    """Logits are within 1e-4 of the numpy engine, and the greedy text is identical."""
    loaded = Checkpoint.load(PRETRAINED / "english")
    session = Session(onnx_graph(loaded))
    text = (repository / "corpora" / "rhymes.txt").read_text(encoding="utf-8")[:1_000]
    assert_same_logits(session, loaded, loaded.vocabulary.encode(text)[:, None])
    greedy = GenerationSettings(temperature=0, length=1_000)
    (expected,) = generate_texts(Reader.of(loaded), greedy, "The old house")
    assert "".join(session.greedy("The old house", 1_000)) == expected


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("depth", [1, 3])
def test_every_cell_agrees(
    make_model: Callable[..., Path], tmp_path: Path, cell: str, encoder: str, depth: int
) -> None:
    """With both encoders, at any depth, for a batch: logits, states and the greedy text."""
    folder = make_model(
        tmp_path / "model", cell=cell, encoder=encoder, num_layers=depth, hidden_size=6
    )
    loaded = Checkpoint.load(folder)
    data = onnx_graph(loaded)
    onnx.checker.check_model(data, full_check=True)
    session = Session(data)
    names = [f"layer{k}/{part}" for k in range(depth) for part in CELLS[cell].state]
    states = {name: ["batch", 6] for name in names}
    assert session.inputs == {"id": ["batch"], **states}
    following = {f"next/{name}": ["batch", 6] for name in names}
    assert session.outputs == {"logits": ["batch", len(loaded.vocabulary)], **following}
    ids = np.random.default_rng(1).integers(0, len(loaded.vocabulary), (100, 3))
    assert_same_logits(session, loaded, ids)
    greedy = GenerationSettings(temperature=0, length=100)
    (expected,) = generate_texts(Reader.of(loaded), greedy, "to be")
    assert "".join(session.greedy("to be", 100)) == expected


def test_the_metadata_describes_the_model(make_model: Callable[..., Path], tmp_path: Path) -> None:
    """The vocabulary, the sizes and the start of a text; the bytes are reproducible."""
    loaded = Checkpoint.load(make_model(tmp_path / "model", text="aé昔"))
    data = onnx_graph(loaded)
    assert Session(data).facts == {
        "cell": "lstm",
        "encoder": "embedding",
        "num_layers": 1,
        "hidden_size": 4,
        "characters": ["\ufffd", "\n", "a", "é", "昔"],
        "unknown_id": 0,
        "kind": "stream",
        "boundary": "\n",
        "states": ["layer0/h", "layer0/c"],
    }
    assert onnx_graph(loaded) == data


def test_a_stream_with_few_newlines_starts_with_a_space(
    make_model: Callable[..., Path], tmp_path: Path
) -> None:
    """The graph is used with the first input of `chargen sample`."""
    loaded = Checkpoint.load(make_model(tmp_path / "model"))
    facts = {"newlines": 0, "texts": 1, "characters": 9_000}
    loaded = replace(loaded, description=replace(loaded.description, corpus=facts))
    session = Session(onnx_graph(loaded))
    assert session.facts["boundary"] == " "
    (expected,) = generate_texts(Reader.of(loaded), GenerationSettings(temperature=0, length=9))
    assert "".join(session.greedy("", 9)) == expected


def test_documents_start_with_their_boundary(
    make_model: Callable[..., Path], tmp_path: Path
) -> None:
    """The first character of a sample is that of `chargen sample`."""
    kind = TextKind("document", separator="%")
    loaded = Checkpoint.load(make_model(tmp_path / "model", kind=kind))
    session = Session(onnx_graph(loaded))
    assert (session.facts["kind"], session.facts["boundary"]) == ("document", "\x1e")
    ((best, _),) = Reader.of(loaded).next_characters(Reader.of(loaded).start, 1)
    assert "".join(session.greedy("", 1)) == best
