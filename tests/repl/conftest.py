"""Models whose next character is known, an engine that counts, and a player of keys."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from prompt_toolkit.application import get_app_or_none
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput

from chargen.generation.context import Reader
from chargen.generation.settings import Settings
from chargen.model.checkpoint import Checkpoint
from chargen.model.config import ModelConfig
from chargen.model.engine import Engine, Floats, Ids, States
from chargen.repl.session import Session
from chargen.repl.terminal import Terminal
from chargen.text.vocabulary import Vocabulary

LINE = "abc de\n"


class CountingEngine(Engine):
    """An engine that counts the characters it reads, and can be interrupted like a person does."""

    count = 0
    interrupt_at: int | None = None

    def step(self, ids: Ids, states: States) -> tuple[Floats, States]:
        self.count += 1
        if self.count == self.interrupt_at:
            raise KeyboardInterrupt
        return super().step(ids, states)

    def read(self, ids: Ids, states: States) -> States:
        self.count += len(ids)
        return super().read(ids, states)


@pytest.fixture
def engine(tmp_path: Path, make_model: Callable[..., Path]) -> CountingEngine:
    """A small LSTM with weights by chance."""
    loaded = Checkpoint.load(make_model(tmp_path / "chance", hidden_size=8, num_layers=2))
    return CountingEngine(loaded.config, loaded.weights)


@pytest.fixture
def reader(engine: CountingEngine) -> Reader:
    """Its reader, which writes nonsense of many kinds."""
    return Reader(engine, Vocabulary.build(["to be, or not"]))


@pytest.fixture
def known() -> Reader:
    """A model without memory that writes "abc de" line after line; after "x" it knows nothing."""
    vocabulary = Vocabulary.build([LINE, "xyz/"])
    size = len(vocabulary)
    table = np.zeros((size, size), np.float32)
    following = vocabulary.encode(LINE[1:] + LINE[0])
    table[following, vocabulary.encode(LINE)] = 20
    config = ModelConfig(size, "feedforward", "one-hot", hidden_size=size)
    weights = {
        "layers.0.weight_ih_l0": np.eye(size, dtype=np.float32),
        "layers.0.bias_ih_l0": np.zeros(size, np.float32),
        "decoder.weight": table,
        "decoder.bias": np.zeros(size, np.float32),
    }
    return Reader(CountingEngine(config, weights), vocabulary)


@pytest.fixture
def session(known: Reader) -> Session:
    """A session with the model that is known."""
    return Session(known, Settings(until_newline=True, confidence=0.5, seed=1), name="abc")


class _Paper(DummyOutput):
    """Keeps what stays on the screen: what is written while no line is being edited."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, data: str) -> None:
        if get_app_or_none() is None:
            self.text += data


@pytest.fixture
def keyboard() -> Iterator[PipeInput]:
    """Where keys are typed."""
    with create_pipe_input() as keys:
        yield keys


@pytest.fixture
def play(keyboard: PipeInput) -> Callable[..., str]:
    """Types keys, each text when the terminal has thought about the one before; what it printed.

    Of the ghosts that stood there the last of each text is put into `ghosts`.
    """

    def call(
        session: Session,
        *texts: str,
        ghosts: list[str] | None = None,
        bars: list[str] | None = None,
    ) -> str:
        paper = _Paper()
        terminal = Terminal(session, input=keyboard, output=paper)
        app = terminal._prompt.app
        left = iter([*texts, "\x03", "\x04"])
        waits = False

        def pressed(_: object) -> None:
            nonlocal waits
            waits = False

        def rendered(_: object) -> None:
            nonlocal waits
            work = terminal._work
            if waits or (work is not None and not work.done()) or app.is_done:
                return
            suggestion = app.current_buffer.suggestion
            if ghosts is not None:
                ghosts.append(suggestion.text if suggestion else "")
            if bars is not None:
                bars.append("".join(piece[1] for piece in terminal._toolbar()))
            waits = True
            keyboard.send_text(next(left, ""))

        app.key_processor.after_key_press += pressed
        app.after_render += rendered
        terminal.run()
        return paper.text.replace("\r", "")

    return call
