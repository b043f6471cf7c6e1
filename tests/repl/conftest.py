"""Models with known predictions, an engine that counts its steps, and simulated key presses."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session, get_app_or_none
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput

from chargen.generation.context import Reader
from chargen.model.checkpoint import Checkpoint
from chargen.model.engine import Engine, Floats, Ids, States
from chargen.repl.session import Session
from chargen.repl.settings import SessionSettings
from chargen.repl.terminal import Terminal
from chargen.text.kind import TextKind
from chargen.text.vocabulary import Vocabulary
from tests.bigram import make_bigram

LINE = "abc de\n"


class CountingEngine(Engine):
    """An engine that counts the characters it reads, and can simulate Ctrl-C."""

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
    """Return a small LSTM with random weights."""
    loaded = Checkpoint.load(make_model(tmp_path / "random", hidden_size=8, num_layers=2))
    return CountingEngine(loaded.config, loaded.weights)


@pytest.fixture
def reader(engine: CountingEngine) -> Reader:
    """Return the reader of the LSTM."""
    return Reader(engine, Vocabulary.build(["to be, or not"]))


@pytest.fixture
def known() -> Reader:
    """Return a bigram model that writes "abc de" line by line; after "x" all are equally likely."""
    next_characters = dict(zip(LINE, LINE[1:] + LINE[0], strict=True))
    return make_bigram(LINE + "xyz/", next_characters, CountingEngine)


@pytest.fixture
def poems() -> Reader:
    """Return a bigram model of documents that writes "ab\\nc"."""
    following = {"\x1e": "a", "a": "b", "b": "\n", "\n": "c", "c": "\x1e"}
    return make_bigram("abc\n", following, kind=TextKind("document", separator="%"))


@pytest.fixture
def session(known: Reader) -> Session:
    """Return a session with the bigram model."""
    return Session(known, SessionSettings(seed=1), name="abc")


class _Screen(DummyOutput):
    """Keeps the output that remains on the screen: everything written outside the editor."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, data: str) -> None:
        if get_app_or_none() is None:
            self.text += data


@pytest.fixture
def keyboard() -> Iterator[PipeInput]:
    """Return the input for simulated key presses."""
    with create_pipe_input() as keys:
        yield keys


@pytest.fixture
def play(keyboard: PipeInput, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Press keys in a terminal and return what remains on the screen.

    Each text is typed when the prediction after the one before is complete. `suggestions` and
    `toolbars` collect what is displayed after each text.
    """
    monkeypatch.setenv("TERM", "xterm")

    def call(
        session: Session,
        *texts: str,
        suggestions: list[str] | None = None,
        toolbars: list[str] | None = None,
    ) -> str:
        screen = _Screen()
        with create_app_session(input=keyboard, output=screen):
            terminal = Terminal(session)
        app = terminal._prompt.app
        remaining = iter([*texts, "\x03", "\x04"])
        waiting = False

        def pressed(_: object) -> None:
            nonlocal waiting
            waiting = False

        def rendered(_: object) -> None:
            nonlocal waiting
            task = terminal._task
            if waiting or (task is not None and not task.done()) or app.is_done:
                return
            suggestion = app.current_buffer.suggestion
            if suggestions is not None:
                suggestions.append(suggestion.text if suggestion else "")
            if toolbars is not None:
                toolbars.append("".join(piece[1] for piece in terminal._toolbar()))
            waiting = True
            keyboard.send_text(next(remaining, ""))

        app.key_processor.after_key_press += pressed
        app.after_render += rendered
        with create_app_session(input=keyboard, output=screen):
            terminal.run()
        return screen.text.replace("\r", "")

    return call
