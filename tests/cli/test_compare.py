"""`chargen compare` writes a report, reports errors in one line, and can be interrupted."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from chargen.comparison import compare as comparing
from chargen.comparison.config import StudyConfig
from chargen.comparison.storage import encode_comparison, read_comparison
from chargen.model.checkpoint import Checkpoint
from chargen.tasks.registry import TASKS
from chargen.web.page import page
from tests.cli.outcome import Command, Refused
from tests.example_comparison import make_comparison

SMALL = StudyConfig(
    task_characters=2_000,
    task_episodes=20,
    task_hidden_size=12,
    task_learning_rates=(1e-3,),
    sweep_episodes=60,
)
TASK = ("compare", "--task", "recall", "--cells", "rnn,gru", "--lags", "25,50")


@pytest.fixture(autouse=True, scope="module")
def small() -> Iterator[None]:
    """Tasks that take a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparing, "compare", partial(comparing.compare, config=SMALL))
        yield


def test_a_report_on_a_task_is_written(here: Path, chargen: Command) -> None:
    """The folder has the page, the numbers, the figures and the networks; the summary lists all."""
    outcome = chargen(*TASK, "--seed", "0")
    assert outcome.status == 0, outcome.err
    folder = here / "comparisons" / "recall"
    report = Path("comparisons/recall/report.html")
    assert f"report    {report}" in outcome.out
    progress = re.findall(r"^ *(\S+%)  .", outcome.err, re.MULTILINE)
    assert progress
    assert all(re.fullmatch(r"\d+\.\d%", fraction) for fraction in progress)
    example = (
        f"chargen score -m {Path('comparisons/recall/models/recall-gru')} --prompt 'day 1: fog."
    )
    assert example in outcome.out
    assert "--choices rain,snow,fog,wind,hail,thunder" in outcome.out
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert names >= {
        "report.html",
        "comparison.json",
        "comparison.schema.json",
        "main.png",
        "models/recall-gru/model.safetensors",
    }
    assert not any(name.startswith(("work", "stages")) for name in names)
    found = read_comparison(folder / "comparison.json")
    networks = [Checkpoint.load(folder / "models" / f"recall-{cell}") for cell in ("rnn", "gru")]
    task = found.tasks["recall"]
    start = {"view": "inside", "text": task.example[: task.answer[0]]}
    html = page(networks, **start, names=["RNN", "GRU"], title="RNN, GRU: recall")
    assert (folder / "networks-recall.html").read_bytes() == html
    link = b'<a href="networks-recall.html">Step through recall</a>'
    assert link in (folder / "report.html").read_bytes()
    command = "chargen compare --task recall --cells rnn,gru --seed 0 --lags 25,50"
    assert found.settings["command"] == command


def test_repeating_a_command_creates_another_folder(here: Path, chargen: Command) -> None:
    """A finished comparison is never overwritten."""
    assert chargen(*TASK).status == 0
    first = here / "comparisons" / "recall" / "comparison.json"
    before = first.read_bytes()
    assert chargen(*TASK).status == 0
    assert first.read_bytes() == before
    assert (here / "comparisons" / "recall-2" / "comparison.json").exists()


def test_foreign_files_are_not_changed(here: Path, text: str, chargen: Command) -> None:
    """This includes a file with the name of the lock file, and an empty folder."""
    (here / "it").mkdir()
    (here / "it" / ".lock").write_text("precious")
    (here / "empty").mkdir()
    assert chargen("compare", text, "-o", "it").status == 1
    assert chargen("compare", text, "-o", "empty").status == 1
    assert (here / "it" / ".lock").read_text() == "precious"
    assert (here / "empty").is_dir()


def test_a_report_is_drawn_again(here: Path, chargen: Command) -> None:
    """The same numbers give the same page; without networks, it links to no page of them."""
    (here / "it").mkdir()
    (here / "it" / "comparison.json").write_bytes(encode_comparison(make_comparison()))
    pages = []
    for _ in range(2):
        assert chargen("compare", "--from", "it").status == 0
        pages.append((here / "it" / "report.html").read_bytes())
        (here / "it" / "report.html").unlink()
    assert pages[0] == pages[1]
    assert b"networks.html" not in pages[0]
    assert not list((here / "it").glob("networks*"))


@pytest.mark.parametrize("name", TASKS)
def test_a_task_is_written_as_text(here: Path, chargen: Command, name: str) -> None:
    """The file has one episode per line, depends only on the seed, and replaces no other file."""
    outcome = chargen("compare", "--task", name, "--write", "task.txt")
    assert outcome.status == 0
    assert "chargen train task.txt --lines" in outcome.out
    lines = (here / "task.txt").read_text().splitlines()
    assert len(lines) == 2_000
    assert all(TASKS[name].announcement in line for line in lines)
    again = chargen("compare", "--task", name, "--write", "-")
    assert again.out == "".join(f"{line}\n" for line in lines)
    refused = chargen("compare", "--task", name, "--write", "task.txt")
    assert (refused.status, "task.txt exists" in refused.err) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ("", 2, "nothing to compare (pass a text, or set --task)"),
        ("--task memory", 2, "'memory' is not one of 'recall', 'nesting'"),
        ("--task recall --cells lstm,transformer", 2, "'transformer' is not one of 'lstm'"),
        ("--task recall --cells lstm,,", 2, "'' is not one of"),
        ("--task recall --lags many", 2, "'many' is not a valid integer"),
        ("--task recall --lags 5", 2, "--lags must be between 13 and 3,200 for recall, got 5"),
        ("--task recall --minutes nan", 2, "--minutes must be a number between 0.1 and"),
        ("--task recall --repeats 0", 2, "--repeats must be a whole number between 1 and 100"),
        ("--task recall --lines", 2, "--lines has no effect without TEXT"),
        ("missing.txt", 1, "missing.txt"),
        ("text.txt", 1, "needs 2,000 or more"),
        ("text.txt --lags 25", 2, "--lags has no effect without --task"),
        ("text.txt --rhymes missing.txt", 1, "missing.txt"),
        ("text.txt --rhymes text.txt", 1, "text.txt, line 1: expected a new family"),
        ("lines.txt --lines", 1, "has 2 distinct lines; a comparison of separate lines needs 20"),
        ("--task all --write x.txt", 2, "--write needs one task"),
        ("--write x.txt", 2, "--write needs one task"),
        ("--task recall --write no/such/folder.txt", 1, "cannot be written"),
        ("--task recall --write x.txt --repeats 2", 2, "--repeats has no effect with --write"),
        ("--task recall --write x.txt --seed -1", 2, "--seed must be a whole number between 0"),
        ("--from nowhere", 1, "nowhere has no comparison.json"),
        ("--from nowhere --cells rnn", 2, "--cells has no effect with --from"),
        ("--from nowhere text.txt", 2, "TEXT has no effect with --from"),
        ("--from damaged", 1, "comparison.json is damaged: Input data was truncated"),
        ("--from old", 1, "has version 1, but this version of chargen reads version 2"),
        ("--task recall -o text.txt", 1, "is a file, not a folder"),
        ("--task recall -o taken", 1, "taken contains other files (thesis.txt) but no comparison"),
    ],
)
def test_every_mistake_is_reported_in_one_line(
    here: Path, text: str, refused: Refused, arguments: str, status: int, message: str
) -> None:
    """Files are not changed either."""
    for name, file, content in (
        ("taken", "thesis.txt", "years of work"),
        ("damaged", "comparison.json", ""),
        ("old", "comparison.json", '{"format": "chargen comparison", "version": 1}'),
    ):
        (here / name).mkdir()
        (here / name / file).write_text(content)
    (here / "lines.txt").write_text("the same line here\nanother line\n" * 200)
    assert message in refused(status, "compare", *arguments.split())


def test_ctrl_c_keeps_finished_stages(here: Path, repository: Path) -> None:
    """The exit status is 130, and the printed command resumes."""
    rhymes = str(repository / "corpora" / "rhymes.txt")
    words = [sys.executable, "-m", "chargen", "compare", rhymes, "--cells", "gru", "--minutes", "3"]
    with subprocess.Popen(words, cwd=here, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "learning rate" in line:
                break
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        assert process.wait() == 130
    assert "stopped; resume with: chargen compare --cells gru --minutes 3 " in rest
    assert (here / "comparisons" / "rhymes" / "stages.json").exists()
    with subprocess.Popen(words, cwd=here, stderr=subprocess.PIPE, text=True) as again:
        assert again.stderr is not None
        assert "; resuming" in again.stderr.readline()
        again.kill()
