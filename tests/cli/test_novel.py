"""Tests of `chargen sample` with the training text: `--novel`, `--highlight copied` and JSON."""

import io
import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chargen.cli.copies import find_training_text
from chargen.errors import CorpusError
from chargen.model.checkpoint import SOURCE, Checkpoint
from chargen.text.kind import LINE, TextKind
from chargen.text.source import TextSource
from tests.cli.outcome import Command, Outcome, Refused

FAILURE, USAGE = 1, 2
SHORT = ("-n", "6", "--seed", "1", "-t", "1")


@pytest.fixture
def lines(make_model: Callable[..., Path], here: Path) -> str:
    """A model of lines of a few letters, with random weights."""
    return str(make_model(here / "lines", text="abc", kind=LINE))


@pytest.fixture
def recorded(here: Path, model: Path, text: str) -> str:
    """A model whose folder records that it was trained on text.txt."""
    shutil.copytree(model, here / "checkpoints" / "text")
    record("checkpoints/text", TextSource.of([text], "auto").to_json())
    return "checkpoints/text"


def objects(outcome: Outcome) -> list[dict[str, Any]]:
    """Return the JSON objects of a call."""
    return [json.loads(line) for line in outcome.out.splitlines()]


def record(path: str, content: bytes) -> None:
    """Replace text.json of a model."""
    Path(path, SOURCE).write_bytes(content)


# --novel


def test_lines_of_the_text_are_drawn_again(chargen: Command, here: Path, lines: str) -> None:
    """Samples that are lines of the text are left out; the others are the next ones in order."""
    command = ("sample", "-m", lines, *SHORT, "--num-samples")
    drawn = [line for line in chargen(*command, "400").out.splitlines() if line]
    known = drawn[:5]
    (here / "known.txt").write_text("\n".join(["x", *(f"  {line} " for line in known)]))
    expected = [line for line in dict.fromkeys(drawn) if line not in known][:8]
    novel = chargen(*command, "8", "--novel", "--against", "known.txt")
    assert novel.out.splitlines() == expected
    assert (novel.status, novel.err) == (0, "")


def test_the_prompt_is_part_of_a_line(chargen: Command, here: Path, lines: str) -> None:
    """A prompt and its continuation are compared together with the lines."""
    command = ("sample", "-m", lines, *SHORT, "-p", "ab")
    (here / "known.txt").write_text(chargen(*command).out)
    novel = chargen(*command, "--novel", "--against", "known.txt")
    assert novel.status == 0
    assert novel.out.startswith("ab")
    assert novel.out != (here / "known.txt").read_text()


def test_parts_of_a_stream_are_drawn_again(chargen: Command, here: Path, model: Path) -> None:
    """A sample of a stream is left out if it occurs anywhere in one of several texts."""
    command = ("sample", "-m", str(model), *SHORT, "--json", "--num-samples")
    drawn = [json.loads(line)["text"] for line in chargen(*command, "9").out.splitlines()]
    (here / "one.txt").write_text(f"...{drawn[0]}...")
    (here / "two.txt").write_text(f"...{drawn[2]}...")
    against = ("--against", "one.txt", "--against", "two.txt")
    novel = chargen(*command, "2", "--novel", *against)
    found = [json.loads(line) for line in novel.out.splitlines()]
    assert [each["text"] for each in found] == [drawn[1], drawn[3]]
    assert [each["sample"] for each in found] == [0, 1]


def test_too_few_novel_texts_are_an_error(chargen: Command, here: Path, model: Path) -> None:
    """The found texts are printed, and one line counts them and says what to do; status 1."""
    (here / "known.txt").write_text("".join(map(chr, range(32, 127))).replace("c", ""))
    options = ("-n", "1", "--seed", "1", "--num-samples", "4")
    outcome = chargen("sample", "-m", str(model), *options, "--novel", "--against", "known.txt")
    assert (outcome.status, outcome.out) == (FAILURE, "c\n")
    assert outcome.err == (
        "chargen: error: found 1 of 4 novel texts at temperature 0.8: 1,000 consecutive texts occur"
        " in the training text or repeat a sample (raise the temperature, or generate longer"
        " texts)\n"
    )


def test_each_temperature_has_novel_texts(chargen: Command, here: Path, model: Path) -> None:
    """Texts of the first temperature that occur are drawn again, and those of others are kept."""
    fixed = ("sample", "-m", str(model), *SHORT[:4], "--json", "-t")
    drawn = [objects(chargen(*fixed, t, "--num-samples", "3")) for t in ("1", "2")]
    cold, hot = ([each["text"] for each in texts] for texts in drawn)
    (here / "known.txt").write_text(cold[0])
    command = (*fixed, "1,2", "--num-samples", "2", "--novel", "--against", "known.txt")
    found = objects(chargen(*command))
    assert [each["text"] for each in found] == [*cold[1:], *hot[:2]]
    assert [each["settings"]["temperature"] for each in found] == [1, 1, 2, 2]


def test_each_temperature_has_its_copied_shares(chargen: Command, here: Path, model: Path) -> None:
    """In JSON, each text at each temperature has its copied share."""
    fixed = ("sample", "-m", str(model), "-n", "50", "--seed", "3", "--json", "--novel")
    command = (*fixed, "-t", "0.3,0.8", "--against", "known.txt")
    (here / "known.txt").write_text("#")
    cold, hot = objects(chargen(*command))
    assert (cold["copied"], hot["copied"]) == (0, 0)
    (here / "known.txt").write_text(f"#{cold['text'][:20]}#{hot['text'][:30]}#")
    assert [each["copied"] for each in objects(chargen(*command))] == [20 / 50, 30 / 50]


def test_a_separator_and_labels_are_printed(
    chargen: Command, on_terminal: Callable[..., str], here: Path, model: Path
) -> None:
    """Novel texts are separated like others, in a pipe and on a terminal."""
    (here / "known.txt").write_text("#")
    plain = ("sample", "-m", str(model), *SHORT[:4], "-t", "0.3,0.8")
    novel = (*plain, "--novel", "--against", "known.txt")
    assert chargen(*novel, "--separator", "--").out == chargen(*plain, "--separator", "--").out
    assert on_terminal(*novel) == on_terminal(*plain)


def test_a_novel_sentence(chargen: Command, here: Path, make_model: Callable[..., Path]) -> None:
    """A sentence of a document is drawn again if it occurs in a longer document."""
    kind = TextKind("document", separator="%")
    model = make_model(here / "sentences", text="ab. ", kind=kind, seed=11)
    command = ("sample", "-m", str(model), "--max-sentences", "1", "--seed", "1", "--json")
    drawn = objects(chargen(*command, "--num-samples", "20"))
    reasons = {each["text"]: each["stop_reason"] for each in drawn if each["text"].strip()}
    number = list(reasons.values()).index("sentences")
    sentence = list(reasons)[number]
    (here / "known.txt").write_text(f"aaaaaaaa{sentence}bbbbbbbb")
    novel = (*command, "--num-samples", str(number + 1), "--novel", "--against", "known.txt")
    *before, last = (each["text"] for each in objects(chargen(*novel)))
    assert before == list(reasons)[:number]
    assert last != sentence


# The training text


def test_the_text_of_the_training_is_found(
    chargen: Command,
    here: Path,
    text: str,
    quick: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A model finds its unchanged text from any folder, and the share in JSON is a number."""
    assert chargen("train", text, *quick).status == 0
    model = str(here / "checkpoints" / "text")
    (here / "elsewhere").mkdir()
    monkeypatch.chdir(here / "elsewhere")
    assert chargen("sample", "-m", model, "--novel", "-n", "50", "-t", "2").status == 0
    assert json.loads(chargen("sample", "-m", model, "--json").out)["copied"] == 0


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda _: Path("text.txt").unlink(), r", \S+text.txt, does not exist"),
        (lambda _: Path("text.txt").write_text("other"), r", \S+text.txt, has changed since"),
        (lambda _: Path("text.txt").write_bytes(b"\0"), r", \S+text.txt, has changed since"),
        (
            lambda model: record(model, b'{"files": ["-"], "encoding": "auto"}'),
            ", standard input, is not stored",
        ),
        (lambda model: record(model, b"{}"), r"text.json is damaged"),
        (lambda model: Path(model, SOURCE).unlink(), "does not record where its training text is"),
    ],
)
@pytest.mark.parametrize("option", ["--novel", "--highlight=copied"])
def test_a_text_that_is_not_available_is_an_error(
    chargen: Command,
    refused: Refused,
    recorded: str,
    spoil: Callable[[str], Any],
    reason: str,
    option: str,
) -> None:
    """One line names the text and --against. In JSON, the share is then null."""
    spoil(recorded)
    error = refused(FAILURE, "sample", option)
    assert re.search(reason, error)
    assert re.search(r"\(pass .* with --against\)$", error)
    assert json.loads(chargen("sample", "--json").out)["copied"] is None


def test_the_encoding_applies_to_the_text(chargen: Command, here: Path, model: Path) -> None:
    """The text of --against is read in the encoding, and a note about it is printed."""
    (here / "known.txt").write_bytes("der Käse ist süß, die Nüsse für Flöße".encode("cp1252"))
    command = ("sample", "-m", str(model), *SHORT, "--novel", "--against", "known.txt")
    assert "known.txt: decoded as" in chargen(*command).err
    assert chargen(*command, "--encoding", "cp1252").err == ""


def test_a_large_text_is_announced(
    here: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A terminal shows that a text is read, before it is read; here, it is a binary file."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    with open(here / "large.txt", "wb") as large:
        large.truncate(60_000_000)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", shown := Terminal())
        with pytest.raises(CorpusError):
            find_training_text(Checkpoint.load(model), ["large.txt"], "auto", is_needed=True)
    assert shown.getvalue() == "reading the training text (60 MB)\n"


def test_json_does_not_read_a_large_text(chargen: Command, here: Path, recorded: str) -> None:
    """The share of a recorded text above 50 MB is null, and --novel reads the text anyway."""
    with open(here / "text.txt", "ab") as large:
        large.truncate(50_000_001)
    loaded = Checkpoint.load(recorded)
    assert find_training_text(loaded, (), "auto", is_needed=False) is None
    with pytest.raises(CorpusError, match="has changed"):
        find_training_text(loaded, (), "auto", is_needed=True)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ("--against text.txt", "--against has no effect without --novel, --highlight copied or"),
        ("--against text.txt --highlight", "--against has no effect without"),
        ("--highlight copied --json", "--json and --highlight are mutually exclusive"),
        ("--highlight all", "Invalid value for '--highlight': 'all'"),
        ("--encoding utf-8", "--encoding has no effect without --file or --against"),
        (
            "--novel --against text.txt -n 0",
            "--novel needs a limit on each text, but --length has none",
        ),
    ],
)
def test_options_that_do_not_fit_are_refused(
    refused: Refused, model: Path, text: str, options: str, error: str
) -> None:
    """An option without effect, and an unknown value, are usage errors."""
    assert refused(USAGE, "sample", "-m", str(model), *options.split()).startswith(error)


# Copies


@pytest.fixture
def half_copied(chargen: Command, here: Path, model: Path) -> tuple[str, ...]:
    """A command whose 50 characters have 20 in known.txt at 10, and 19 at the end."""
    command = ("sample", "-m", str(model), "-n", "50", "--seed", "3")
    sample = chargen(*command).out
    (here / "known.txt").write_text(f"#{sample[10:30]}#{sample[31:50]}#")
    return (*command, "--against", "known.txt")


def test_json_has_the_copied_share(chargen: Command, half_copied: tuple[str, ...]) -> None:
    """The copied share counts the characters in stretches of 20 or more."""
    shares = [
        json.loads(line)["copied"]
        for line in chargen(*half_copied, "--num-samples", "3", "--json").out.splitlines()
    ]
    assert shares == [20 / 50, 0, 0]


def test_copies_are_marked_on_a_terminal(
    on_terminal: Callable[..., str], half_copied: tuple[str, ...], here: Path
) -> None:
    """The stretch is inverse, and the last line says what is marked and states its share."""
    shown = on_terminal(*half_copied, "--highlight", "copied")
    *_, last = shown.splitlines()
    text = shown.removesuffix(f"{last}\n")
    assert (
        "".join(re.findall("\x1b\\[7m(.)\x1b\\[0m", text, flags=re.DOTALL))
        == ((here / "known.txt").read_text()[1:21])
    )
    assert re.sub("\x1b\\[[0-9]*m", "", last) == (
        "copied: 40% of 50 characters; stretches of 20 or more characters that occur in the"
        " training text"
    )


def test_copies_in_a_pipe(chargen: Command, half_copied: tuple[str, ...]) -> None:
    """A pipe gets the plain text; a warning and the share are on standard error."""
    outcome = chargen(*half_copied, "--highlight", "copied")
    assert outcome.out == chargen(*half_copied[:-2]).out
    warning, share = outcome.err.splitlines()
    assert warning.startswith("chargen: warning: nothing is marked: ")
    assert share.startswith("copied: 40% of 50 characters; ")


def test_whole_documents_are_copied(
    chargen: Command, here: Path, make_model: Callable[..., Path]
) -> None:
    """A short document that equals one of the text counts as copied, and the summary says so."""
    kind = TextKind("document", separator="%")
    model = make_model(here / "docs", text="abc", kind=kind)
    command = ("sample", "-m", str(model), "-n", "6", "-t", "1", "--seed", "3")
    (here / "known.txt").write_text(chargen(*command).out)
    outcome = chargen(*command, "--highlight", "copied", "--against", "known.txt")
    assert "copied: 100% of 1 character; " in outcome.err
    assert outcome.err.endswith("training text, or a whole document of it\n")
