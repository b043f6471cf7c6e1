"""Tests of documents and cells, from training to generation and scores."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from chargen.model.checkpoint import Checkpoint
from chargen.text.kind import LINE, STREAM, TextKind
from tests.cli.outcome import Command, Outcome, Refused

POEMS = "\n%\n".join(["ab\ncd", "cd\nab"] * 6) + "\n"
CSV = 'id,text\n1,"ab\ncd"\n2,\n' + "3,cdab\n" * 9


@pytest.fixture
def train(here: Path, chargen: Command, quick: tuple[str, ...]) -> Callable[..., Outcome]:
    """A short `chargen train`; it must succeed."""
    (here / "poems.txt").write_text(POEMS)
    (here / "m.csv").write_text(CSV)

    def call(*options: str) -> Outcome:
        outcome = chargen("train", *quick, *options)
        assert outcome.status == 0, outcome.err
        return outcome

    return call


def test_a_model_of_documents(here: Path, chargen: Command) -> None:
    """It stores what a text is, and every command follows it."""
    (here / "poems.txt").write_text(POEMS)
    sizes = ("--hidden-size", "16", "--batch-size", "4", "--sequence-length", "32")
    options = (*sizes, "--steps", "150", "--learning-rate", "0.02")
    outcome = chargen("train", "poems.txt", "--separator", "%", *options)
    assert "poems: 12 documents, 72 characters" in outcome.err
    assert "next      chargen sample -m checkpoints/poems --num-samples 5\n" in outcome.out
    model = Checkpoint.load("checkpoints/poems")
    assert (model.kind.name, model.kind.separator) == ("document", "%")
    assert (
        "12 documents: each document between lines '%' is"
        in (here / "checkpoints/poems/README.md").read_text()
    )
    info = json.loads(chargen("info", "--json").out)
    assert (info["corpus_texts"], info["corpus_longest_text"]) == (12, 5)
    assert info["corpus_kind"] == {"name": "document", "separator": "%", "column": None}
    # The trained model ends each text after four letters and a newline.
    printed = chargen("sample", "--num-samples", "3", "--temperature", "0").out
    first = printed.partition("\n\n")[0]
    assert len(first) == 5
    assert printed == f"{first}\n\n{first}\n\n{first}\n"
    record = json.loads(chargen("sample", "--json", "--temperature", "0").out)
    assert (record["text"], record["stop_reason"]) == (first, "end")
    scored = json.loads(chargen("score", "--file", "poems.txt", "--json").out)
    assert scored["characters"] == 72
    assert [each["character"] for each in scored["each"]][:7] == list("ab\ncd\x1ec")
    assert scored["bits_per_character"] < 1
    assert chargen("score", "--file", "poems.txt").out.startswith("ab\u23ce\n")
    resumed = chargen("train", "poems.txt", "--resume", "--steps", "2", "--separator", "---")
    assert "--separator --- differs from the run to resume, which has %" in resumed.err


def test_a_model_of_cells(here: Path, train: Command, chargen: Command) -> None:
    """The summary counts the blank cells; a resumed run reads the same column again."""
    outcome = train("m.csv", "--column", "text")
    assert "m: 10 cells, 1 blank cell skipped, 51 characters" in outcome.err
    assert "looks like a table" not in outcome.err
    assert Checkpoint.load("checkpoints/m").kind.column == "text"
    assert chargen("train", "m.csv", "--resume", "--steps", "2", "-o", "checkpoints/m").status == 0
    scored = json.loads(chargen("score", "--file", "m.csv", "--json").out)
    assert scored["characters"] == 51


def test_a_column_is_read_in_the_tables_of_a_folder(
    here: Path, train: Command, chargen: Command
) -> None:
    """CSV, TSV and JSON Lines files are found in any case; other files are counted."""
    (here / "tables" / "sub").mkdir(parents=True)
    (here / "tables" / "A.CSV").write_text("text\nabcd\nbcda\n")
    (here / "tables" / "b.tsv").write_text("id\ttext\n1\tcdab\n2\tdabc\n")
    (here / "tables" / "sub" / "c.jsonl").write_text('{"text": "ab"}\n')
    (here / "tables" / "d.ndjson").write_text('{"text": "cd"}\n')
    (here / "tables" / "readme.txt").write_text("no table")
    outcome = train("tables", "--column", "text")
    assert outcome.err.splitlines()[0] == "tables: 4 files read, 1 skipped (1 not matching)"
    assert "tables: 6 cells, " in outcome.err
    (here / "empty").mkdir()
    message = chargen("train", "empty", "--column", "text").err
    assert "that match **/*.csv or **/*.tsv or **/*.jsonl or **/*.ndjson (pass" in message


def test_a_run_is_resumed_with_the_options_of_its_texts(
    here: Path, train: Command, chargen: Command
) -> None:
    """The options of the texts can be repeated or omitted: they are stored."""
    (here / "tables").mkdir()
    (here / "tables" / "m.csv").write_bytes(CSV.replace("cdab", "cd\xe9").encode("latin-1"))
    options = ("--column", "text", "--glob", "*.csv", "--encoding", "latin-1", "--normalize", "nfd")
    assert "tables: 10 cells, 1 blank cell skipped" in train("tables", *options).err
    finished = chargen("train", "tables", *options, "--resume").out
    command = shlex.split(finished.partition("further with: chargen ")[2])
    assert chargen(*command).status == 0


def test_models_of_several_kinds_read_one_file(
    here: Path, make_model: Callable[..., Path], chargen: Command
) -> None:
    """Each divides it like its training text, and a warning says that they differ."""
    (here / "poems.txt").write_text("ab\ncd\n%\ncd\nab\n")
    make_model(here / "poems", "abcd\n%", kind=TextKind("document", separator="%"))
    for name, kind in {"stream": STREAM, "lines": LINE}.items():
        make_model(here / name, "abcd\n%", kind=kind)
    file = ("score", "--file", "poems.txt", "--json")
    outcome = chargen(*file, "-m", "poems", "-m", "stream")
    counts = [json.loads(line)["characters"] for line in outcome.out.splitlines()]
    assert counts == [12, 14]
    unfair = (
        "the comparison is unfair: the models split the text differently: poems (each document"
        " between lines '%' is a separate text), stream (one stream of characters)"
    )
    assert outcome.err == f"chargen: warning: {unfair}\n"
    assert chargen(*file, "-m", "lines", "-m", "stream").err == ""


def test_a_prompt_in_a_file_is_read_like_the_training_text(
    here: Path, make_model: Callable[..., Path], chargen: Command
) -> None:
    """Separators and blank lines are not characters; the model continues the last text."""
    (here / "poems.txt").write_text("ab\ncd\n\n%\n\ncd\n")
    make_model(here / "poems", "abcd\n", kind=TextKind("document", separator="%"))
    make_model(here / "lines", "abcd\n%", kind=LINE)
    prompts = {}
    for options in ("poems", "poems --keep-newline", "lines"):
        outcome = chargen("sample", "--file", "poems.txt", "--json", "-m", *options.split())
        assert outcome.err == ""
        prompts[options] = json.loads(outcome.out)["prompt"]
    assert prompts == {
        "poems": "ab\ncd\x1ecd",
        "poems --keep-newline": "ab\ncd\x1ecd\n",
        "lines": "ab\ncd\n%\ncd",
    }
    printed = chargen("sample", "--file", "poems.txt", "-m", "poems", "-n", "1").out
    assert printed.startswith("ab\ncd\n%\ncd")


@pytest.mark.parametrize("options", [(), ("--lines",)])
def test_a_table_that_is_read_as_text_is_reported(train: Command, options: tuple[str, ...]) -> None:
    """One line names its columns and the option that reads one."""
    warning = (
        "m.csv looks like a table but is read as plain text"
        " (--column text reads one column; columns: id, text)"
    )
    assert train("m.csv", *options).err.count(warning) == 1


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ("poems.txt --separator ===", 2, "poems has no line that equals --separator '==='"),
        ("m.csv --column txt", 1, "m.csv has no column txt (it has id, text)"),
        ("poems.txt --column text", 1, "poems.txt is not a table, so it has no column text"),
        ("m.csv --column text --lines", 2, "--lines and --column are mutually exclusive"),
    ],
)
def test_a_refused_kind_is_one_line(
    here: Path, refused: Refused, arguments: str, status: int, message: str
) -> None:
    """Nothing is written."""
    (here / "poems.txt").write_text(POEMS)
    (here / "m.csv").write_text(CSV)
    assert message in refused(status, "train", *arguments.split())
