"""`chargen compare`: refused in one line, stopped without loss, drawn again from its numbers."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from chargen.comparison import memory
from chargen.comparison.storage import read_json, to_json
from chargen.tasks.table import TASKS
from tests.a_comparison import make_comparison

if TYPE_CHECKING:
    from tests.cli.conftest import Outcome

Command = Callable[..., "Outcome"]


@pytest.fixture(scope="module", autouse=True)
def small() -> Iterator[None]:
    """Tasks that are over in a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "CHARACTERS", dict.fromkeys(TASKS, 2_000))
        patch.setattr(memory, "EPISODES", 20)
        patch.setattr(memory, "HIDDEN", 12)
        patch.setattr(memory, "RATES", (1e-3,))
        patch.setattr(memory, "RATES_OF_CELL", {})
        yield


TASK = ("compare", "--task", "recall", "--cells", "rnn,gru", "--lags", "25,50")


def test_a_task_leaves_a_report(here: Path, chargen: Command) -> None:
    """The page, the numbers and the figures, and a summary that names the page."""
    outcome = chargen(*TASK)
    assert outcome.status == 0, outcome.err
    folder = here / "comparisons" / "recall"
    assert "Memory span" in outcome.out
    assert f"report    {Path('comparisons/recall/report.html')}" in outcome.out
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert names == {
        ".lock",
        "report.html",
        "comparison.json",
        "main.png",
        "figures/task-recall.png",
        "figures/task-recall.svg",
    }
    found = read_json((folder / "comparison.json").read_bytes())
    assert found.settings["command"] == "chargen compare --task recall --cells rnn,gru --lags 25,50"


def test_a_seed_of_nothing_is_told_in_the_command(here: Path, chargen: Command) -> None:
    """0 is a seed like any other."""
    assert chargen(*TASK, "--seed", "0", "-o", "it").status == 0
    found = read_json((here / "it" / "comparison.json").read_bytes())
    assert "--seed 0" in found.settings["command"]


def test_a_file_that_was_there_is_left_alone(here: Path, text: str, chargen: Command) -> None:
    """Also one that is called like ours, and an empty folder, when nothing comes of it."""
    (here / "it").mkdir()
    (here / "it" / ".lock").write_text("precious")
    (here / "empty").mkdir()
    assert chargen("compare", text, "-o", "it").status == 1
    assert chargen("compare", text, "-o", "empty").status == 1
    assert (here / "it" / ".lock").read_text() == "precious"
    assert (here / "empty").is_dir()


def test_the_same_command_twice_makes_two(here: Path, chargen: Command) -> None:
    """Nothing that is finished is written over."""
    chargen(*TASK)
    before = (here / "comparisons" / "recall" / "comparison.json").read_bytes()
    assert chargen(*TASK).status == 0
    assert (here / "comparisons" / "recall" / "comparison.json").read_bytes() == before
    assert (here / "comparisons" / "recall-2" / "comparison.json").exists()


def test_a_comparison_is_drawn_again_from_its_numbers(here: Path, chargen: Command) -> None:
    """The same numbers make the same page."""
    (here / "it").mkdir()
    (here / "it" / "comparison.json").write_bytes(to_json(make_comparison()))
    assert chargen("compare", "--from", "it").status == 0
    first = (here / "it" / "report.html").read_bytes()
    (here / "it" / "report.html").unlink()
    assert chargen("compare", "--from", "it").status == 0
    assert (here / "it" / "report.html").read_bytes() == first


@pytest.mark.parametrize("name", TASKS)
def test_a_task_is_written_as_a_corpus(here: Path, chargen: Command, name: str) -> None:
    """One episode a line, the same for the same seed, and never over another file."""
    outcome = chargen("compare", "--task", name, "--write", "task.txt")
    assert outcome.status == 0
    assert "chargen train task.txt --lines" in outcome.out
    lines = (here / "task.txt").read_text().splitlines()
    assert len(lines) == 2_000
    assert all(TASKS[name].announcement in line for line in lines)
    again = chargen("compare", "--task", name, "--write", "-")
    assert again.out == "".join(f"{line}\n" for line in lines)
    refused = chargen("compare", "--task", name, "--write", "task.txt")
    assert refused.status == 2
    assert "exists already" in refused.err


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ((), 2, "name a text, or a task with --task"),
        (("--task", "memory"), 2, "--task must be one of recall, agreement, context, nesting or"),
        (("--task", "recall", "--cells", "lstm,transformer"), 2, "'transformer'"),
        (("--task", "recall", "--cells", "lstm,,"), 2, "--cells"),
        (("--task", "recall", "--lags", "many"), 2, "--lags must be whole numbers"),
        (("--task", "recall", "--lags", "5"), 2, "between 13 and 3200 for recall, got 5"),
        (("--task", "recall", "--minutes", "nan"), 2, "--minutes must lie between"),
        (("--task", "recall", "--repeats", "0"), 2, "--repeats must lie between"),
        (("missing.txt",), 1, "missing.txt does not exist"),
        (("text.txt",), 1, "a comparison takes 2,000 or more"),
        (("--task", "all", "--write", "x.txt"), 2, "--write takes one task"),
        (("--write", "x.txt"), 2, "--write takes one task"),
        (("--task", "recall", "--write", "no/such/folder.txt"), 2, "cannot be written"),
        (("--from", "nowhere"), 1, "nowhere holds no comparison.json"),
        (("--from", "nowhere", "--cells", "rnn"), 2, "--from and --cells do not go together"),
        (("--from", "nowhere", "text.txt"), 2, "--from and TEXT do not go together"),
        (("--task", "recall", "--write", "x.txt", "--repeats", "2"), 2, "--write and --repeats"),
        (("--task", "recall", "--write", "x.txt", "--seed", "-1"), 2, "--seed must lie between"),
        (("--task", ""), 2, "--task must be one of"),
        (("text.txt", "--lags", "25"), 2, "--lags are of memory tasks"),
        (("lines.txt", "--lines"), 1, "holds 2 distinct lines; a comparison by lines takes 20"),
        (("--task", "recall", "-o", "text.txt"), 1, "is a file, not a folder"),
        (("--task", "recall", "-o", "taken"), 1, "taken holds thesis.txt and no comparison"),
    ],
)
def test_every_mistake_is_told_in_one_line(
    here: Path, text: str, chargen: Command, arguments: tuple[str, ...], status: int, said: str
) -> None:
    """With its status, and nothing is made for it."""
    (here / "taken").mkdir()
    (here / "taken" / "thesis.txt").write_text("years of work")
    (here / "lines.txt").write_text("the same line here\nanother line\n" * 200)
    outcome = chargen("compare", *arguments)
    last = outcome.err.strip().splitlines()[-1]
    assert outcome.status == status
    assert said in last
    assert last.startswith("chargen: error: ")
    assert not (here / "x.txt").exists()
    assert not (here / "comparisons").exists()


@pytest.mark.parametrize("content", ["", "{}", '{"format": "chargen comparison", "version": 9}'])
def test_damaged_numbers_are_told(here: Path, chargen: Command, content: str) -> None:
    """Instead of drawn."""
    (here / "it").mkdir()
    (here / "it" / "comparison.json").write_text(content)
    outcome = chargen("compare", "--from", "it")
    assert outcome.status == 1
    assert "comparison.json" in outcome.err
    assert not (here / "it" / "report.html").exists()


def test_ctrl_c_keeps_what_is_done(here: Path, repository: Path) -> None:
    """The process ends with 130 and says how to go on; the same command then does."""
    rhymes = str(repository / "corpora" / "rhymes.txt")
    words = [sys.executable, "-m", "chargen", "compare", rhymes, "--cells", "gru", "--minutes", "3"]
    process = subprocess.Popen(words, cwd=here, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if "trying learning rates" in line:
            break
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    rest = process.stderr.read()
    assert process.wait() == 130
    assert "to go on: chargen compare --cells gru --minutes 3.0 " in rest
    folder = here / "comparisons" / "rhymes"
    assert (folder / "stages.json").exists()
    again = subprocess.Popen(words, cwd=here, stderr=subprocess.PIPE, text=True)
    assert again.stderr is not None
    assert "going on with what is done" in again.stderr.readline()
    again.kill()
    again.wait()
    again.stderr.close()
    process.stderr.close()
