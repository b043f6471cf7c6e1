"""`chargen train` from end to end, on short texts."""

import io
import json
import os
import random
import re
import select
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from chargen.model.checkpoint import CARD, CONFIG, LOG, MODEL, TOKENIZER, TRAINING, Checkpoint

if TYPE_CHECKING:
    from tests.cli.conftest import Outcome

LARGE = (
    "chargen: warning: 100,001 distinct characters make a large, slow model"
    " (--min-count 2 or more makes the rare ones unknown)"
)
FILES = {CARD, CONFIG, LOG, MODEL, TOKENIZER, TRAINING}


@pytest.fixture
def train(chargen: Callable[..., "Outcome"], quick: tuple[str, ...]) -> Callable[..., "Outcome"]:
    """`chargen train` with a tiny network; it must succeed."""

    def call(*arguments: str) -> "Outcome":
        outcome = chargen("train", *quick, *arguments)
        assert outcome.status == 0, outcome.err
        return outcome

    return call


def description(folder: str) -> dict[str, Any]:
    """What config.json says of a run's text."""
    fields: dict[str, Any] = json.loads((Path(folder) / CONFIG).read_text(encoding="utf-8"))
    return fields


def test_a_text_becomes_a_model_that_writes(
    here: Path, text: str, train: Callable[..., "Outcome"], chargen: Callable[..., "Outcome"]
) -> None:
    """One command trains, sums up, and shows what the model writes after the prompt."""
    outcome = train(text, "--prompt", "the cat")
    assert {path.name for path in (here / "checkpoints" / "text").iterdir()} == FILES
    summary, _, sample = outcome.out.partition("\n\n")
    facts = dict(line.split(maxsplit=1) for line in summary.splitlines())
    assert " 6 steps, " in facts["trained"]
    assert re.search(r"\d\.\d{3} nats \(\d\.\d{3} bpc\)", facts["loss"])
    assert facts["model"].startswith("checkpoints/text (")
    assert facts["next"] == 'chargen sample -m checkpoints/text --prompt "..."'
    assert sample.startswith("the cat")
    assert len(sample) == len("the cat") + 200 + 1
    assert chargen("sample", "--prompt", "the cat").out.startswith("the cat")


def test_what_was_chosen_is_told_before_training(
    text: str, train: Callable[..., "Outcome"]
) -> None:
    """Text, network, training and folder each have a line on standard error."""
    told = dict(line.split(maxsplit=1) for line in train(text).err.splitlines()[:6])
    assert told["text"].startswith("text: 1,440 characters, 24 distinct; nothing held out")
    assert told["model"].startswith("lstm 1 x 8, embedding 4, ")
    assert told["preset"] == "tiny, by the text's length"
    assert told["training"].startswith("6 steps, 4 x 16 characters a window, rate 0.008,")
    assert told["dropout"].endswith(", float32, cpu, 1 thread")
    assert told["folder"] == "checkpoints/text"


def test_without_a_terminal_progress_is_lines(
    text: str, train: Callable[..., "Outcome"], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each report is a line with loss, speed, gradient norm and time left; no bar is drawn."""
    monkeypatch.setattr("chargen.cli.progress._LINE_EVERY", 0.0)
    err = train(text, "--val-fraction", "0.2").err
    assert "\r" not in err
    assert "\x1b" not in err
    steps = [line for line in err.splitlines() if "  step " in line]
    assert len(steps) == 6
    shape = (
        r" *\d+%  step \d, (0:\d\d left, )?loss \d\.\d+ nats \(\d\.\d+ bpc\),"
        r" [\d,]+ characters/s, \|g\| \d+\.\d\d"
    )
    assert all(re.match(shape, line) for line in steps)
    assert all(" left, " in line for line in steps[1:])
    held_out = [line for line in err.splitlines() if "held out: " in line]
    assert len(held_out) == 2
    assert held_out[0].endswith("(best so far)")


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="there are no terminals to open")
def test_on_a_terminal_progress_is_a_bar(here: Path, text: str, quick: tuple[str, ...]) -> None:
    """A terminal shows a bar with the loss and the time left, and nothing of it stays."""
    import termios

    terminal, inside = os.openpty()
    termios.tcsetwinsize(terminal, (24, 120))
    command = [sys.executable, "-m", "chargen", "train", text, *quick, "--steps", "200"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "TERM": "xterm"}
    process = subprocess.Popen(
        command, cwd=here, env=environment, stdout=subprocess.DEVNULL, stderr=inside
    )
    os.close(inside)
    seen = b""
    while process.poll() is None or select.select([terminal], [], [], 0)[0]:
        try:
            seen += os.read(terminal, 100_000)
        except OSError:  # Linux says so when the other side is closed
            break
    os.close(terminal)
    assert process.wait() == 0
    shown = seen.decode()
    assert re.search(r"\d+% \|.{16}\| 0:0\d left, loss \d\.\d+ nats .*/s, \|g\| \d+\.\d\d", shown)


def test_runs_of_one_text_get_numbers(
    here: Path, text: str, train: Callable[..., "Outcome"]
) -> None:
    """The same command again loses nothing."""
    for _ in range(3):
        train(text)
    found = {path.name for path in (here / "checkpoints").iterdir()}
    assert found == {"text", "text-2", "text-3"}


def test_an_output_is_named_and_replaced(
    text: str, train: Callable[..., "Outcome"], here: Path
) -> None:
    """-o takes any folder, and --overwrite puts another model there."""
    train(text, "-o", "deep/down")
    train(text, "-o", "deep/down", "--overwrite", "--cell", "gru")
    assert Checkpoint.load("deep/down").config.cell == "gru"
    assert [path.name for path in (here / "deep").iterdir()] == ["down"]


def test_several_files_are_texts_of_one_corpus(here: Path, train: Callable[..., "Outcome"]) -> None:
    """They are trained on one after another, and the folder is named after the first."""
    (here / "one.txt").write_text("abc " * 30)
    (here / "two.txt").write_text("xyz " * 30)
    train("one.txt", "two.txt")
    corpus = description("checkpoints/one-and-1-more")["corpus"]
    assert (corpus["texts"], corpus["characters"]) == (2, 240)
    known = Checkpoint.load("checkpoints/one-and-1-more").vocabulary.characters
    assert known == "\ufffd\n abcxyz"


def test_a_folder_is_its_text_files(here: Path, train: Callable[..., "Outcome"]) -> None:
    """The .txt files of a folder are taken in the order of their names, others are not."""
    (here / "poems").mkdir()
    for name, content in (("b.txt", "bb" * 20), ("a.txt", "aa" * 20), ("c.md", "cc" * 20)):
        (here / "poems" / name).write_text(content)
    train("poems")
    train("poems/a.txt", "poems/b.txt", "-o", "named")
    found = [description(folder)["corpus"] for folder in ("checkpoints/poems", "named")]
    assert found[0]["sha256"] == found[1]["sha256"]
    assert found[0]["characters"] == 80


def test_standard_input_is_a_text(
    train: Callable[..., "Outcome"], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dash reads what is piped in."""
    piped = io.TextIOWrapper(io.BytesIO("naïve café\r\n".encode() * 20), encoding="ascii")
    monkeypatch.setattr(sys, "stdin", piped)
    train("-")
    assert description("checkpoints/stdin")["corpus"]["characters"] == 11 * 20
    assert "ï" in Checkpoint.load("checkpoints/stdin").vocabulary.characters


def test_lines_are_texts(here: Path, train: Callable[..., "Outcome"]) -> None:
    """With --lines every line is one, the last one's newline is counted, empty ones are not."""
    (here / "names.txt").write_text("emma\nolivia\n\nava")
    outcome = train("names.txt", "--lines")
    corpus = description("checkpoints/names")["corpus"]
    assert (corpus["lines"], corpus["texts"], corpus["characters"]) == (True, 3, 5 + 7 + 4)
    assert "3 lines" in outcome.err


def test_another_encoding_reads_the_same_text(here: Path, train: Callable[..., "Outcome"]) -> None:
    """UTF-16 and Latin-1 files of one text give one corpus."""
    content = "déjà vu, naïve\n" * 10
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "latin-1"):
        (here / f"{encoding}.txt").write_text(content, encoding=encoding)
        train(f"{encoding}.txt", "--encoding", encoding, "-o", encoding)
    digests = {
        description(encoding)["corpus"]["sha256"]
        for encoding in ("utf-8", "utf-8-sig", "utf-16", "latin-1")
    }
    assert len(digests) == 1


@pytest.mark.parametrize(
    "content", ["ab", "a short line", "\0 and a tab\there", "語\u202eאב\u0301🙂"]
)
def test_a_text_shorter_than_a_window_trains(
    here: Path, train: Callable[..., "Outcome"], chargen: Callable[..., "Outcome"], content: str
) -> None:
    """A few characters of any script make a model that writes with those characters."""
    (here / "short.txt").write_text(content, encoding="utf-8")
    train("short.txt", "--sequence-length", "64")
    written = chargen("sample", "-n", "50", "-t", "2", "--seed", "1").out
    assert set(written) <= set(content) | {"\n"}
    assert len(written) == 51


def test_a_hundred_thousand_distinct_characters_train_with_a_warning(
    here: Path, chargen: Callable[..., "Outcome"]
) -> None:
    """A text in which nearly every code point occurs is slow, but no error."""
    points = [*range(0x21, 0xD800), *range(0xE000, 0xFFFD), *range(0x10000, 0x1C000)]
    (here / "all.txt").write_text("".join(map(chr, points[:100_000])), encoding="utf-8")
    options = "--steps 1 --hidden-size 2 --embedding-size 2 --val-fraction 0 --precision float32"
    outcome = chargen("train", "all.txt", *options.split(), "--device", "cpu")
    assert outcome.status == 0, outcome.err
    assert [line for line in outcome.err.splitlines() if "warning" in line] == [LARGE]
    assert len(Checkpoint.load("checkpoints/all").vocabulary) == 100_002


def test_rare_characters_are_made_unknown(here: Path, train: Callable[..., "Outcome"]) -> None:
    """--min-count says how many characters of the text that concerned."""
    (here / "rare.txt").write_text("abab" * 20 + "xyz" + "q" * 5)
    outcome = train("rare.txt", "--min-count", "5")
    assert "chargen: warning: 3 characters of the text were made unknown\n" in outcome.err
    assert Checkpoint.load("checkpoints/rare").vocabulary.characters == "\ufffd\nabq"


def test_a_prompt_with_unknown_characters_is_warned_of(
    text: str, train: Callable[..., "Outcome"]
) -> None:
    """The warning names them, and the run goes on."""
    outcome = train(text, "--prompt", "Ça va")
    assert "never seen these characters of the prompt: v Ç\n" in outcome.err
    assert "\n\nÇa va" in outcome.out


def test_a_badly_encoded_prompt_does_not_end_a_run(
    text: str, train: Callable[..., "Outcome"]
) -> None:
    """A lone surrogate is named like another unknown character, and trained with."""
    outcome = train(text, "--prompt", "the\udcff")
    assert "never seen these characters of the prompt: \\udcff\n" in outcome.err


def test_a_model_is_trained_on_on_another_text(
    here: Path, model: Path, train: Callable[..., "Outcome"], chargen: Callable[..., "Outcome"]
) -> None:
    """--init-from keeps the network, adds the new characters, and says what it begins with."""
    (here / "new.txt").write_text("Zoë and the ZEBRA!\n" * 10, encoding="utf-8")
    outcome = chargen("train", "new.txt", "--init-from", str(model), "--steps", "4")
    assert outcome.status == 0, outcome.err
    assert "of the model it begins with" in outcome.err
    old, new = Checkpoint.load(model), Checkpoint.load("checkpoints/new")
    assert new.config.hidden_size == old.config.hidden_size
    assert new.vocabulary.characters.startswith(old.vocabulary.characters)
    assert set("ZëEBRA!") <= set(new.vocabulary.characters)


def test_a_held_out_part_is_measured(text: str, train: Callable[..., "Outcome"]) -> None:
    """--val-fraction holds part of a short text out; the summary gives its loss."""
    outcome = train(text, "--val-fraction", "0.25")
    measured = Checkpoint.load("checkpoints/text").measured["validation_nats"]
    assert f"held out: {measured:.3f} nats" in outcome.out
    assert "359 held out" in outcome.err


def test_patience_is_told_in_the_summary(here: Path, train: Callable[..., "Outcome"]) -> None:
    """A run that ended early, since letters drawn by chance teach nothing, says why."""
    draw = random.Random(5)
    (here / "noise.txt").write_text("".join(draw.choice("abcdefgh") for _ in range(300)))
    options = "--hidden-size 32 --learning-rate 0.05 --val-fraction 0.3 --patience 1 --steps 200"
    outcome = train("noise.txt", *options.split())
    assert "ended by --patience" in outcome.out


def test_minutes_are_a_budget(text: str, chargen: Callable[..., "Outcome"]) -> None:
    """Half a second is enough for a model."""
    options = "--hidden-size 8 --embedding-size 4 --device cpu --precision float32 --minutes 0.01"
    outcome = chargen("train", text, *options.split())
    assert outcome.status == 0, outcome.err
    budget = description("checkpoints/text")["training"]["budget"]
    assert budget == {"kind": "minutes", "amount": 0.01}


def test_every_choice_is_stored(text: str, chargen: Callable[..., "Outcome"]) -> None:
    """What was asked for stands in config.json, beside what came of it."""
    options = "--cell gru --encoder one-hot --num-layers 2 --dropout 0.25 --seed 7 --patience 9"
    sizes = "--hidden-size 6 --batch-size 3 --sequence-length 8 --device cpu --precision float32"
    others = "--learning-rate 0.004 --save-every 5 --val-fraction 0.2 --epochs 1"
    outcome = chargen("train", text, *f"{options} {sizes} {others}".split())
    assert outcome.status == 0, outcome.err
    fields = description("checkpoints/text")
    assert fields["model"]["cell"] == "gru"
    assert fields["model"]["encoder"] == "one-hot"
    assert (fields["model"]["hidden_size"], fields["model"]["num_layers"]) == (6, 2)
    expected = {
        "budget": {"kind": "epochs", "amount": 1.0},
        "batch_size": 3,
        "sequence_length": 8,
        "learning_rate": 0.004,
        "dropout": 0.25,
        "seed": 7,
        "patience": 9,
        "save_every": 5.0,
        "precision": "float32",
        "device": "cpu",
    }
    assert {name: fields["training"][name] for name in expected} == expected
    assert fields["asked"]["validation_fraction"] == 0.2
