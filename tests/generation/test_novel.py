"""Tests of samples that neither occur in a text nor repeat each other."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chargen.errors import GenerationError, OptionConflictError
from chargen.generation.context import Reader
from chargen.generation.generate import generate_texts
from chargen.generation.novel import generate_novel
from chargen.generation.records import Drawn, Stopped
from chargen.generation.settings import GenerationSettings
from chargen.model.checkpoint import Checkpoint
from chargen.text.kind import TextKind

MakeReader = Callable[..., Reader]


def settings(**values: Any) -> GenerationSettings:
    """Return settings, by default of three characters at temperature 1."""
    return GenerationSettings(**{"temperature": 1, "length": 3, "seed": 1, **values})


def never(text: str, is_whole: bool) -> bool:
    """Return False: no text occurs."""
    return False


def texts(records: Iterator[Drawn | Stopped], found: list[str]) -> list[str]:
    """Add the text of each record to `found`, which keeps them if the records end in an error."""
    for record in records:
        if record.sample == len(found):
            found.append("")
        assert record.sample == len(found) - 1  # one sample after the other
        if isinstance(record, Drawn):
            found[-1] += record.character
    return found


def test_the_first_novel_samples_are_found(reader: Reader) -> None:
    """The samples are those of `generate`, in order, without copied, repeated and blank ones."""
    drawn = generate_texts(reader, settings(), "to", num_samples=600)
    known = set(drawn[:40])
    expected = dict.fromkeys(text for text in drawn if text.strip() and text not in known)
    unique = {text.strip(): text for text in reversed(expected)}
    first = [text for text in expected if unique[text.strip()] == text][:100]
    found = texts(
        generate_novel(
            reader, settings(), "to", occurs=lambda text, _: text in known, num_samples=100
        ),
        [],
    )
    assert len(drawn) > len(set(drawn))
    assert found == first


def test_every_record_of_a_sample_is_kept(make_reader: MakeReader) -> None:
    """The log-probabilities and the reason of the end are those of `generate`."""
    reader = make_reader(lines=True)
    records = list(
        generate_novel(reader, settings(length=50), occurs=never, log_probabilities=True)
    )
    *drawn, last = records
    assert isinstance(last, Stopped)
    assert drawn
    assert all(isinstance(each, Drawn) and each.log_probability is not None for each in drawn)


def test_a_search_without_success_ends(reader: Reader) -> None:
    """After 1,000 consecutive failures, the error states how many samples were found."""
    asked: list[str] = []

    def occurs(text: str, _: bool) -> bool:
        asked.append(text)
        return len(asked) > 2

    found: list[str] = []
    with pytest.raises(GenerationError, match=r"^found 2 of 7 novel texts at temperature 1: 1,000"):
        texts(generate_novel(reader, settings(length=9), occurs=occurs, num_samples=7), found)
    assert found == asked[:2]
    assert len(asked) <= 1_002


def test_temperature_0_has_one_text(make_reader: MakeReader) -> None:
    """The second sample of temperature 0 cannot differ, and the error says so."""
    reader = make_reader(seed=1)
    greedy = settings(temperature=0, length=9)
    found: list[str] = []
    with pytest.raises(GenerationError, match=r"^found 1 of 3 novel texts at temperature 0: every"):
        texts(generate_novel(reader, greedy, occurs=never, num_samples=3), found)
    assert found == generate_texts(reader, greedy)


@pytest.mark.parametrize(
    ("stops", "whole"),
    [({}, True), ({"length": 2}, True), ({"max_lines": 1}, False), ({"stop": ("e",)}, False)],
)
def test_a_stop_condition_leaves_a_part(
    tmp_path: Path, make_model: Callable[..., Path], stops: dict[str, Any], whole: bool
) -> None:
    """A document is whole if it ends or reaches the length, and a part after its first line."""
    kind = TextKind("document", separator="%")
    model = make_model(tmp_path / "model", text="to be\n", kind=kind, seed=1)
    reader = Reader.of(Checkpoint.load(model))
    asked: list[bool] = []

    def occurs(_: str, is_whole: bool) -> bool:
        asked.append(is_whole)
        return False

    texts(generate_novel(reader, settings(**{"length": 99, **stops}), occurs=occurs), [])
    assert asked == [whole]


def test_a_maximum_ends_samples(reader: Reader) -> None:
    """Without a length, samples that end with their first line can be compared."""
    lines = settings(length=None, max_lines=1)
    found = texts(generate_novel(reader, lines, occurs=never, num_samples=5), [])
    assert len(set(found)) == 5
    assert not any("\n" in line for line in found)


def test_endless_samples_are_refused(reader: Reader) -> None:
    """A sample that never ends cannot be compared."""
    with pytest.raises(OptionConflictError, match="novel needs a limit on each text"):
        next(generate_novel(reader, settings(length=None), occurs=never))
