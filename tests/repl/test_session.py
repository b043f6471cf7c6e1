"""A text is written by turns, taken back, written anew and read by another model."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from chargen.errors import OptionError
from chargen.generation.context import Reader
from chargen.generation.sampler import MOST_SEED
from chargen.generation.settings import Settings
from chargen.model.checkpoint import Checkpoint
from chargen.repl.session import Session, cleaned

if TYPE_CHECKING:
    from tests.repl.conftest import CountingEngine

SETTINGS = Settings(until_newline=True, length=30, seed=1)


def begin(reader: Reader, **changes: object) -> Session:
    """A session whose answers are of 30 characters at most."""
    return Session(reader, Settings(**{**vars(SETTINGS), **changes}), name="model")


def same_place(session: Session) -> None:
    """The state is the one that reading the whole text leads to."""
    expected = session.reader.read(session.text)
    np.testing.assert_allclose(session.context.logits, expected.logits, atol=1e-4)


@pytest.mark.parametrize(
    "changes",
    [
        {"length": 30, "until_newline": False},
        {"length": 1, "until_newline": False},
        {"length": 300},
        {"length": 300, "until_newline": False, "stop": ("o", "t ")},
        {"length": 300, "until_newline": False, "stop": ("to be",), "temperature": 2.0},
        {"repetition_penalty": 1.5, "temperature": 0.0},
    ],
)
@pytest.mark.parametrize("lines", [False, True])
def test_the_text_is_what_was_typed_and_written(
    engine: "CountingEngine", reader: Reader, changes: dict[str, object], lines: bool
) -> None:
    """Every line goes on where the text stands, whatever ended the answer before it."""
    session = begin(Reader(engine, reader.vocabulary, lines=lines), **changes)
    expected = ""
    for line in ["to be", "", "not\nor", " x"]:
        expected += line + "".join(session.respond(line))
        assert session.text == expected
        same_place(session)


def test_the_newline_that_ends_an_answer_belongs_to_the_text(session: Session) -> None:
    """The next line begins a new one; an answer that ends elsewhere is gone on from."""
    assert "".join(session.respond("ab")) == "c de\n"
    assert session.at_line_start
    session.settings = Settings(length=2, until_newline=True, seed=1)
    assert "".join(session.respond("")) == "ab"
    assert not session.at_line_start
    assert "".join(session.respond("c")) == " d"
    assert session.text == "abc de\nabc d"


def test_whole_lines_end_with_a_newline_in_any_case(known: Reader) -> None:
    """In a script an answer that is cut short ends its line too."""
    settings = Settings(length=2, until_newline=True, seed=1)
    session = Session(known, settings, name="abc", whole_lines=True)
    assert "".join(session.respond("a")) == "bc\n"
    assert session.text == "abc\n"


def test_an_answer_saves_reading_it_again(engine: "CountingEngine", reader: Reader) -> None:
    """So many characters drawn are so many steps, and the state after them is at hand."""
    session = begin(reader, until_newline=False)
    list(session.respond("to"))
    before = engine.count
    list(session.respond(" be"))
    assert engine.count - before == 3 + 30


def test_an_answer_that_is_interrupted_stays(reader: Reader) -> None:
    """What was written until then belongs to the text, and the next line goes on from it."""
    session = begin(reader, until_newline=False)
    answer = session.respond("to")
    first = "".join(islice(answer, 5))
    answer.close()
    assert session.text == "to" + first
    same_place(session)


def test_ctrl_c_within_a_step_keeps_what_was_written(
    engine: "CountingEngine", reader: Reader
) -> None:
    """A signal may come at any time, while the engine computes too."""
    session = begin(reader, until_newline=False)
    engine.interrupt_at = engine.count + 9
    written: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        written.extend(session.respond("to"))
    assert len(written) > 3
    assert session.text == "to" + "".join(written)
    same_place(session)


def test_seeds_follow_one_another(reader: Reader) -> None:
    """The first answer has the seed that was given, each other the next; the last wraps round."""
    session = begin(reader, until_newline=False, seed=MOST_SEED)
    first = "".join(session.respond("to"))
    assert session.settings.seed == 0
    assert first == "".join(begin(reader, until_newline=False, seed=MOST_SEED).respond("to"))
    assert isinstance(begin(reader, seed=None).settings.seed, int)


def test_undo_takes_back_turn_after_turn(reader: Reader) -> None:
    """Text and state are what they were before the line, before the file, before the reset."""
    session = begin(reader, until_newline=False)
    moments = [(session.text, session.context)]
    for act in (
        lambda: list(session.respond("to")),
        lambda: session.read("be or\r\nnot"),
        session.reset,
        lambda: list(session.respond("not")),
    ):
        act()
        moments.append((session.text, session.context))
    assert moments[3] == ("", session.reader.start)
    for text, context in moments[-2::-1]:
        session.undo()
        assert session.text == text
        assert session.context is context
    with pytest.raises(OptionError, match="nothing to take back"):
        session.undo()


def test_regenerate_writes_the_last_answer_anew(reader: Reader) -> None:
    """The line stays, the answer is the one of the next seed, and what came before is untouched."""
    session = begin(reader, until_newline=False)
    first = "".join(session.respond("to"))
    second = "".join(session.respond(" be"))
    third = "".join(session.regenerate())
    assert session.text == "to" + first + " be" + third
    assert third != second
    session.undo()
    session.settings = Settings(**{**vars(session.settings), "seed": 2})
    assert "".join(session.respond(" be")) == second
    session.reset()
    with pytest.raises(OptionError, match="no answer"):
        list(session.regenerate())


def test_another_model_reads_the_text_so_far(
    reader: Reader, tmp_path: Path, make_model: Callable[..., Path]
) -> None:
    """After a load the text is the same, the state the other model's, and undo still works."""
    session = begin(reader)
    list(session.respond("to"))
    once = session.text
    list(session.respond("be"))
    other = Reader.of(Checkpoint.load(make_model(tmp_path / "other", seed=5)))
    text = session.text
    session.load(other, "other")
    assert (session.text, session.name) == (text, "other")
    same_place(session)
    session.undo()
    assert session.text == once
    same_place(session)
    list(session.respond("or"))
    same_place(session)


def test_half_a_character_becomes_the_unknown_one() -> None:
    """What a terminal could not decode, and newlines of other systems, make no trouble later."""
    assert cleaned("a\ud800\r\nb\rc") == "a\ufffd\nb\nc"
