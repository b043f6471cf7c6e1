"""Checks of the claims in the README."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chargen.cli.main import COMMANDS, main
from chargen.generation.context import Reader
from chargen.generation.generate import generate_texts
from chargen.generation.settings import GenerationSettings
from chargen.model.checkpoint import Checkpoint
from chargen.text.corpus import Corpus
from chargen.text.split import encode
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
    """Run the command line in this process, and expect success."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0


def test_ten_sentences_are_memorised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After training on ten sentences, the model completes at least nine of them."""
    monkeypatch.chdir(tmp_path)
    Path("ten.txt").write_text(SENTENCES, encoding="utf-8")
    run("train", "ten.txt", "--steps", "200")
    reader = Reader.of(Checkpoint.load("checkpoints/ten"))

    def is_completed(line: str) -> bool:
        greedy = GenerationSettings(temperature=0, length=len(line) - 12)
        return line[:12] + generate_texts(reader, greedy, line[:12])[0] == line

    assert sum(map(is_completed, SENTENCES.splitlines())) >= 9


@pytest.mark.parametrize("name", ["ru_onegin.txt", "zh_songci_100k.txt", "prideprejudice.txt"])
def test_real_texts_are_trained_on_without_loss(
    data: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Russian, Chinese and English texts are decoded exactly, trained on and sampled."""
    if not (data / name).exists():
        pytest.skip(f"{name} is not available")
    monkeypatch.chdir(tmp_path)
    corpus = Corpus.read([data / name])
    vocabulary = Vocabulary.build(corpus.pieces())
    ids = encode(corpus, vocabulary)[:]
    assert (ids != UNKNOWN_ID).all()
    assert vocabulary.decode(ids[1:].tolist()) == next(corpus.texts())
    run("train", str(data / name), "--steps", "3", "--hidden-size", "16", "-o", "model")
    run("sample", "-m", "model", "--prompt", next(corpus.texts())[:20], "--length", "20")


def test_the_readme_names_every_command_and_package(repository: Path) -> None:
    """The source tree of the README has every package, and no other."""
    readme = (repository / "README.md").read_text(encoding="utf-8")
    for command in COMMANDS:
        assert f"chargen {command}" in readme
    tree = readme.split("## Source tree")[1].split("```")[1]
    listed = set(re.findall(r"^  (\w+)/ ", tree, re.MULTILINE))
    folders = {path.name for path in (repository / "chargen").iterdir() if path.is_dir()}
    assert listed == folders - {"__pycache__"}


def test_the_readme_starts_with_two_commands(repository: Path) -> None:
    """The first screen has the command to train and the command to run the tests."""
    lines = (repository / "README.md").read_text(encoding="utf-8").splitlines()[:15]
    train = ".venv/bin/pip install . && .venv/bin/chargen train corpora/rhymes.txt --prompt neuron"
    test = ".venv/bin/pip install -e '.[dev]' && .venv/bin/pytest"
    commands = [line for line in lines if line.startswith("python3")]
    assert commands == [f"{VENV} && {train}", f"{VENV} && {test}"]
