"""What the README promises, held against the real thing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from chargen.cli.main import COMMANDS, main
from chargen.generation.context import Reader
from chargen.generation.filters import chain
from chargen.generation.generate import characters
from chargen.generation.sampler import Sampler
from chargen.model.checkpoint import Checkpoint
from chargen.text.corpus import Corpus, encode
from chargen.text.vocabulary import UNKNOWN_ID, Vocabulary

VENV = "python3 -m venv .venv"
SENTENCES = """\
Jake can make a cake by the lake.
May will stay and play all day.
The cat in the hat sat on a mat.
A frog on a log got lost in the fog.
Bea can see a bee in the tree.
The bright white kite took flight.
The king can sing and swing on a ring.
A raccoon with a spoon sang to the moon.
Old gold is cold to hold, I am told.
Ben and his hen met ten men in a den.
"""


def run(*arguments: str) -> None:
    """Run the command line in this process; anything but success fails the test."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0


def test_ten_sentences_are_learned_by_heart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trained on ten sentences, the model completes nine of them or more from 12 characters."""
    monkeypatch.chdir(tmp_path)
    Path("ten.txt").write_text(SENTENCES, encoding="utf-8")
    run("train", "ten.txt", "--steps", "1500")
    model = Checkpoint.load("checkpoints/ten")
    reader = Reader.of(model)

    def completed(line: str) -> bool:
        greedy = Sampler(chain(temperature=0), seed=0)
        rest = characters(reader, greedy, line[:12], length=len(line) - 12)
        return line[:12] + "".join(rest) == line

    assert sum(map(completed, SENTENCES.splitlines())) >= 9


@pytest.mark.parametrize("name", ["ru_onegin.txt", "zh_songci_100k.txt", "prideprejudice.txt"])
def test_no_character_of_a_real_text_is_lost(
    data: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Russian, a Chinese and an English text train and sample, and come back whole."""
    if not (data / name).exists():
        pytest.skip(f"{name} is not here")
    monkeypatch.chdir(tmp_path)
    corpus = Corpus.read([data / name])
    vocabulary = Vocabulary.build(corpus.pieces())
    ids = encode(corpus, vocabulary)
    assert (ids != UNKNOWN_ID).all()
    assert vocabulary.decode(ids[1:].tolist()) == corpus.texts[0]
    run("train", str(data / name), "--steps", "3", "--hidden-size", "16", "-o", "model")
    run("sample", "-m", "model", "--prompt", corpus.texts[0][:20], "--length", "20")


def test_the_readme_shows_the_commands_and_the_files_that_there_are(repository: Path) -> None:
    """Every command and every module has its place in the README, and the tree invents none."""
    readme = (repository / "README.md").read_text(encoding="utf-8")
    for command in COMMANDS:
        assert f"chargen {command}" in readme
    tree = readme.split("## The tree")[1].split("```")[1]
    modules = {path.name for path in (repository / "chargen").glob("**/*.py")} - {
        "__init__.py",
        "__main__.py",
    }
    commands = {path.name for path in (repository / "chargen" / "cli").glob("*.py")}
    named = {word.strip(",:;()") for word in tree.split() if ".py" in word}
    assert named <= modules
    assert modules - commands - named == set()


def test_the_readme_s_two_commands_stand_first(repository: Path) -> None:
    """The first screen of the README holds the two commands, each whole on a line."""
    lines = (repository / "README.md").read_text(encoding="utf-8").splitlines()[:15]
    train = ".venv/bin/pip install . && .venv/bin/chargen train corpora/rhymes.txt --prompt neuron"
    test = ".venv/bin/pip install -e '.[dev]' && .venv/bin/pytest"
    commands = [line for line in lines if line.startswith("python3")]
    assert commands == [f"{VENV} && {train}", f"{VENV} && {test}"]


def test_the_module_runs_as_the_command_does(tmp_path: Path) -> None:
    """`python -m chargen --version` prints the installed version."""
    done = subprocess.run(
        [sys.executable, "-m", "chargen", "--version"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("chargen ")
