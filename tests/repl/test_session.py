"""Tests of the turns of a session: answers, undo, regenerate and another model."""

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from chargen.errors import CommandError
from chargen.generation.context import Reader
from chargen.model.checkpoint import Checkpoint
from chargen.options import MAX_SEED
from chargen.repl.session import Session, clean
from chargen.repl.settings import SessionSettings, model_defaults
from chargen.text.kind import LINE, STREAM
from tests.bigram import make_bigram

if TYPE_CHECKING:
    from tests.repl.conftest import CountingEngine


def begin(reader: Reader, **changes: Any) -> Session:
    """Return a session that generates answers of 30 characters."""
    settings = SessionSettings(until_newline=False, length=30, seed=1)
    return Session(reader, replace(settings, **changes), name="model")


def check_context(session: Session) -> None:
    """Check that the context is the one after reading the whole text."""
    expected = session.reader.read(session.text)
    np.testing.assert_allclose(session.context.logits, expected.logits, atol=1e-4)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"length": 1},
        {"length": 300, "until_newline": True},
        {"length": 300, "stop": ("o", "t ")},
        {"length": 300, "stop": ("to be",), "temperature": 2.0},
        {"length": 300, "stop": ("o", "t "), "include_stop": True},
        {"length": 300, "max_lines": 2},
        {"length": 600, "max_paragraphs": 1, "temperature": 3.0},
        {"repetition_penalty": 1.5, "temperature": 0.0, "until_newline": True},
    ],
)
@pytest.mark.parametrize("lines", [False, True])
def test_the_text_is_everything_typed_and_generated(
    engine: "CountingEngine", reader: Reader, changes: dict[str, Any], lines: bool
) -> None:
    """Each line continues the text, for every reason why the previous answer ended."""
    session = begin(Reader(engine, reader.vocabulary, kind=LINE if lines else STREAM), **changes)
    expected = ""
    for line in ["to be", "", "not\nor", " x"]:
        expected += line + "".join(session.respond(line))
        assert session.text == expected
        check_context(session)


def test_a_generated_newline_is_part_of_the_text(session: Session) -> None:
    """The next line starts a new line of the text; after a shorter answer it does not."""
    assert "".join(session.respond("ab")) == "c de\n"
    assert session.at_line_start
    session.settings = replace(session.settings, length=2)
    assert "".join(session.respond("")) == "ab"
    assert not session.at_line_start
    assert "".join(session.respond("c")) == " d"
    assert session.text == "abc de\nabc d"


def test_an_answer_ends_with_its_last_line_or_sentence(known: Reader) -> None:
    """The white space after it is part of the text, so the next line starts a new line."""
    session = Session(known, SessionSettings(seed=1, until_newline=False), name="abc")
    session.settings = replace(session.settings, max_lines=2)
    assert "".join(session.respond("a")) == "bc de\nabc de\n"
    assert session.at_line_start
    sentences = make_bigram("ab. \n", {"\n": "a", "a": "b", "b": ".", ".": " ", " ": "a"})
    session = Session(sentences, replace(session.settings, max_lines=0, max_sentences=2), name="b")
    assert "".join(session.respond("a")) == "b. ab. "
    assert "".join(session.respond("")) == "ab. ab. "
    check_context(session)


def test_whole_lines_always_end_with_a_newline(known: Reader) -> None:
    """In a script, an answer of limited length gets a newline too."""
    session = Session(known, SessionSettings(length=2, seed=1), name="abc", whole_lines=True)
    assert "".join(session.respond("a")) == "bc\n"
    assert session.text == "abc\n"


def test_an_answer_is_not_read_again(engine: "CountingEngine", reader: Reader) -> None:
    """Each typed or generated character costs one step."""
    session = begin(reader)
    list(session.respond("to"))
    before = engine.count
    list(session.respond(" be"))
    assert engine.count - before == 3 + 30


def test_an_interrupted_answer_is_kept(engine: "CountingEngine", reader: Reader) -> None:
    """Closing the stream and Ctrl-C during a step both keep the characters generated so far."""
    session = begin(reader)
    answer = session.respond("to")
    written = list(islice(answer, 5))
    answer.close()
    assert session.text == "to" + "".join(written)
    check_context(session)
    engine.interrupt_at = engine.count + 9
    with pytest.raises(KeyboardInterrupt):
        written.extend(session.respond(""))
    assert len(written) > 8
    assert session.text == "to" + "".join(written)
    check_context(session)


def test_each_answer_uses_the_next_seed(reader: Reader) -> None:
    """The first answer uses the given seed; the largest seed is followed by 0."""
    session = begin(reader, seed=MAX_SEED)
    first = "".join(session.respond("to"))
    assert session.settings.seed == 0
    assert first == "".join(begin(reader, seed=MAX_SEED).respond("to"))
    assert isinstance(begin(reader, seed=None).settings.seed, int)


def test_undo_restores_text_and_context(reader: Reader) -> None:
    """Undo removes answers, appended texts and resets."""
    session = begin(reader)
    moments = [(session.text, session.context)]
    for act in (
        lambda: list(session.respond("to")),
        lambda: session.append("be or\r\nnot"),
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
    with pytest.raises(CommandError, match="nothing to undo"):
        session.undo()


def test_regenerate_uses_the_next_seed(reader: Reader) -> None:
    """The line stays, the answer is the one of the next seed."""
    session = begin(reader)
    first = "".join(session.respond("to"))
    second = "".join(session.respond(" be"))
    third = "".join(session.regenerate())
    assert session.text == "to" + first + " be" + third
    assert third != second
    session.undo()
    session.settings = replace(session.settings, seed=2)
    assert "".join(session.respond(" be")) == second
    session.reset()
    with pytest.raises(CommandError, match="no answer"):
        list(session.regenerate())


def test_another_model_reads_the_text_so_far(
    reader: Reader, tmp_path: Path, make_model: Callable[..., Path]
) -> None:
    """The text stays, the context is the one of the new model, and undo works."""
    session = begin(reader)
    list(session.respond("to"))
    text = session.text
    list(session.respond("be"))
    other = Reader.of(Checkpoint.load(make_model(tmp_path / "other", seed=5)))
    session.load(other, "other")
    assert session.name == "other"
    check_context(session)
    session.undo()
    assert session.text == text
    check_context(session)
    list(session.respond("or"))
    check_context(session)


def test_typed_lines_are_cleaned() -> None:
    """Newlines are normalised, and bytes that could not be decoded become U+FFFD."""
    assert clean("a\ud800\r\nb\rc") == "a\ufffd\nb\nc"


def test_an_answer_ends_with_the_document(poems: Reader) -> None:
    """The next line starts a new document; a blank line follows one of several lines."""
    settings = SessionSettings(seed=1, temperature=0, **model_defaults(poems, SessionSettings()))
    session = Session(poems, settings, name="poems")
    assert "".join(session.respond("")) == "ab\nc\n\n"
    assert "".join(session.respond("c")) == "\n"
    assert session.at_line_start
    assert session.text == "ab\nc\x1ec\x1e"
    check_context(session)


def test_defaults_follow_the_model_unless_they_were_changed(known: Reader, poems: Reader) -> None:
    """/load changes where an answer ends, but not a setting that the user chose."""
    poems.default_length = 900
    session = Session(known, SessionSettings(seed=1), name="abc")
    session.load(poems, "poems")
    assert (session.settings.length, session.settings.until_newline) == (900, False)
    session.settings = replace(session.settings, length=50)
    session.append("ab\nc\x1ea")
    session.load(known, "abc")
    assert (session.settings.length, session.settings.until_newline) == (50, True)
    assert session.text == "ab\nc\na"
    check_context(session)
