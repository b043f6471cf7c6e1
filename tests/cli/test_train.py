"""`chargen train` from end to end, on short texts."""

import io
import json
import os
import random
import re
import select
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chargen.model.checkpoint import (
    CARD,
    CONFIG,
    LOG,
    MODEL,
    SOURCE,
    TOKENIZER,
    TRAINING,
    Checkpoint,
)
from chargen.training.state import TrainingState
from tests.cli.conftest import TEXT
from tests.cli.outcome import Command, Outcome

LARGE = (
    "chargen: warning: 100,000 distinct characters make a large and slow model"
    " (--min-count 2 or more removes rare ones)"
)
FILES = {CARD, CONFIG, LOG, MODEL, SOURCE, TOKENIZER, TRAINING}


@pytest.fixture
def train(chargen: Command, quick: tuple[str, ...]) -> Command:
    """Return a function that trains a tiny network and expects success."""

    def call(*arguments: str) -> Outcome:
        outcome = chargen("train", *without(quick, arguments), *arguments)
        assert outcome.status == 0, outcome.err
        return outcome

    return call


def without(options: tuple[str, ...], others: tuple[str, ...]) -> list[str]:
    """The options, each with a value, that are not among others: none may be given twice."""
    pairs = zip(options[::2], options[1::2], strict=True)
    return [part for name, value in pairs if name not in others for part in (name, value)]


def description(folder: str) -> dict[str, Any]:
    """Return the content of config.json."""
    fields: dict[str, Any] = json.loads((Path(folder) / CONFIG).read_text(encoding="utf-8"))
    return fields


def test_one_command_trains_a_model(
    here: Path, text: str, train: Command, chargen: Command
) -> None:
    """The command prints a summary and a sample, and `sample` finds the model."""
    outcome = train(text, "--prompt", "the cat")
    assert {path.name for path in (here / "checkpoints" / "text").iterdir()} == FILES
    summary, _, sample = outcome.out.partition("\n\n")
    facts = dict(line.split(maxsplit=1) for line in summary.splitlines())
    assert " 6 steps, " in facts["trained"]
    assert re.search(r"\d\.\d{3} nats \(\d\.\d{3} bpc\)", facts["loss"])
    assert facts["model"].startswith("checkpoints/text (")
    assert facts["next"] == "chargen sample -m checkpoints/text --prompt 'the cat'"
    assert sample.startswith("the cat")
    assert len(sample) == len("the cat") + 200 + 1
    assert chargen("sample", "--prompt", "the cat").out.startswith("the cat")


def test_the_choices_are_printed_before_training(text: str, train: Command) -> None:
    """Text, model, start, preset, training and folder have their lines on standard error."""
    printed = dict(line.split(maxsplit=1) for line in train(text).err.splitlines()[:7])
    assert printed["text"].startswith(
        "text: 1,440 characters, 24 distinct; no validation set: the text"
    )
    assert printed["model"].startswith("lstm 1 x 8, embedding 4, ")
    assert printed["start"].startswith("random weights: english ")
    assert printed["preset"] == "tiny (chosen by the length of the text)"
    assert printed["training"].startswith("6 steps, batches of 4 x 16 characters, learning")
    assert printed["dropout"].endswith(", float32, cpu, 1 thread")
    assert printed["folder"] == "checkpoints/text"


def test_progress_is_lines_without_a_terminal(
    text: str, train: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each line has loss, speed, gradient norm and time left; there is no bar."""
    monkeypatch.setattr("chargen.cli.progress._LINE_EVERY", 0.0)
    err = train(text, "--val-fraction", "0.2").err
    assert "\r" not in err
    assert "\x1b" not in err
    steps = [line for line in err.splitlines() if "  step " in line]
    assert len(steps) == 6
    shape = (
        r" *\d+%  step \d, (0:\d\d left, )?training loss \d\.\d+ nats,"
        r" [\d,]+ characters/s, gradient norm \d+\.\d\d"
    )
    assert all(re.match(shape, line) for line in steps)
    assert all(" left, " in line for line in steps[1:])
    evaluations = [line for line in err.splitlines() if "validation loss " in line]
    assert len(evaluations) == 2
    assert evaluations[0].endswith(", best so far")


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="there are no pseudo-terminals")
def test_progress_is_a_bar_on_a_terminal(here: Path, text: str, quick: tuple[str, ...]) -> None:
    """The bar has the loss and the time left."""
    import termios

    terminal, inside = os.openpty()
    termios.tcsetwinsize(terminal, (24, 120))
    command = [sys.executable, "-m", "chargen", "train", text, "--steps", "200"]
    command += without(quick, ("--steps",))
    environment = os.environ | {"OMP_NUM_THREADS": "1", "TERM": "xterm"}
    process = subprocess.Popen(
        command, cwd=here, env=environment, stdout=subprocess.DEVNULL, stderr=inside
    )
    os.close(inside)
    seen = b""
    while process.poll() is None or select.select([terminal], [], [], 0)[0]:
        try:
            seen += os.read(terminal, 100_000)
        except OSError:  # the other side is closed
            break
    os.close(terminal)
    assert process.wait() == 0
    shown = seen.decode()
    assert re.search(
        r"\d+% \|.{16}\| 0:0\d left, training loss \d\.\d+ nats, .*/s, gradient norm \d+\.\d\d",
        shown,
    )


def test_runs_of_one_text_are_numbered(here: Path, text: str, train: Command) -> None:
    """The same command does not replace an earlier model."""
    for _ in range(3):
        train(text)
    found = {path.name for path in (here / "checkpoints").iterdir()}
    assert found == {"text", "text-2", "text-3"}


def test_an_output_folder_is_replaced(text: str, train: Command, here: Path) -> None:
    """-o names any folder, and --overwrite replaces the model there."""
    train(text, "-o", "deep/down")
    train(text, "-o", "deep/down", "--overwrite", "--cell", "gru")
    assert Checkpoint.load("deep/down").config.cell == "gru"
    assert [path.name for path in (here / "deep").iterdir()] == ["down"]


def test_several_files_are_one_corpus(here: Path, train: Command) -> None:
    """The folder has the name of the first file."""
    (here / "one.txt").write_text("abc " * 30)
    (here / "two.txt").write_text("xyz " * 30)
    train("one.txt", "two.txt")
    corpus = description("checkpoints/one-and-1-more")["corpus"]
    assert (corpus["texts"], corpus["characters"]) == (2, 240)
    known = Checkpoint.load("checkpoints/one-and-1-more").vocabulary.characters
    assert known == "\ufffd\n abcxyz"


def test_a_folder_is_read_as_its_text_files(here: Path, train: Command) -> None:
    """Only .txt files are read, in the order of their names."""
    (here / "poems").mkdir()
    for name, content in (("b.txt", "bb" * 20), ("a.txt", "aa" * 20), ("c.md", "cc" * 20)):
        (here / "poems" / name).write_text(content)
    train("poems")
    train("poems/a.txt", "poems/b.txt", "-o", "named")
    found = [description(folder)["corpus"] for folder in ("checkpoints/poems", "named")]
    assert found[0]["sha256"] == found[1]["sha256"]
    assert found[0]["characters"] == 80


def test_standard_input_is_trained_on(train: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dash reads standard input."""
    piped = io.TextIOWrapper(io.BytesIO("naïve café\r\n".encode() * 20), encoding="ascii")
    monkeypatch.setattr(sys, "stdin", piped)
    train("-")
    assert description("checkpoints/stdin")["corpus"]["characters"] == 11 * 20
    assert "ï" in Checkpoint.load("checkpoints/stdin").vocabulary.characters


def test_each_line_is_a_text(here: Path, train: Command) -> None:
    """With --lines, the newline of the last line counts, and empty lines do not."""
    (here / "names.txt").write_text("emma\nolivia\n\nava")
    outcome = train("names.txt", "--lines")
    corpus = description("checkpoints/names")["corpus"]
    assert (corpus["kind"]["name"], corpus["texts"]) == ("line", 3)
    assert (corpus["characters"], corpus["longest_text"]) == (5 + 7 + 4, 6)
    assert "3 lines" in outcome.err


def test_encodings_give_the_same_corpus(here: Path, train: Command) -> None:
    """UTF-8, UTF-16 and Latin-1 files of one text have one digest."""
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
    here: Path, train: Command, chargen: Command, content: str
) -> None:
    """A few characters of any script are enough for a model that generates them."""
    (here / "short.txt").write_text(content, encoding="utf-8")
    train("short.txt", "--sequence-length", "64")
    written = chargen("sample", "-n", "50", "-t", "2", "--seed", "1").out
    assert set(written) <= set(content) | {"\n"}
    assert len(written) == 51


def test_a_very_large_vocabulary_causes_a_warning(here: Path, chargen: Command) -> None:
    """A text with 100,000 distinct characters is trained on."""
    points = [
        *range(0x21, 0x7F),
        *range(0xA0, 0xD800),
        *range(0xE000, 0xFFFD),
        *range(0x10000, 0x1C000),
    ]
    (here / "all.txt").write_text("".join(map(chr, points[:100_000])), encoding="utf-8")
    options = "--steps 1 --hidden-size 2 --embedding-size 2 --val-fraction 0 --precision float32"
    outcome = chargen("train", "all.txt", *options.split(), "--device", "cpu")
    assert outcome.status == 0, outcome.err
    assert [line for line in outcome.err.splitlines() if "warning" in line] == [LARGE]
    assert len(Checkpoint.load("checkpoints/all").vocabulary) == 100_002


def test_rare_characters_are_unknown(here: Path, train: Command) -> None:
    """With --min-count, a warning has the number of unknown characters."""
    (here / "rare.txt").write_text("abab" * 20 + "xyz" + "q" * 5)
    outcome = train("rare.txt", "--min-count", "5")
    assert "chargen: warning: 3 characters of the text are treated as unknown\n" in outcome.err
    assert Checkpoint.load("checkpoints/rare").vocabulary.characters == "\ufffd\nabq"


def test_unknown_characters_of_the_prompt_cause_a_warning(text: str, train: Command) -> None:
    """The warning lists them, also a lone surrogate, and the run continues."""
    outcome = train(text, "--prompt", "Ça va\udcff")
    assert "not know these characters in the prompt: v, Ç, U+DCFF lone surrogate\n" in outcome.err
    assert "\n\nÇa va\ufffd" in outcome.out


def test_a_model_is_fine_tuned_on_another_text(
    here: Path, model: Path, train: Command, chargen: Command
) -> None:
    """--init-from MODEL, here its name, keeps the sizes and adds the new characters."""
    (here / "new.txt").write_text("Zoë and the ZEBRA!\n" * 10, encoding="utf-8")
    shutil.copytree(model, here / "checkpoints" / "old")
    outcome = chargen("train", "new.txt", "--init-from", "old", "--steps", "4")
    assert outcome.status == 0, outcome.err
    assert "(with the sizes of old)" in outcome.err
    line = r"^start +old, which predicts the text with \d\.\d\d nats .* pairs: \d\.\d\d\)$"
    assert re.search(line, outcome.err, re.MULTILINE)
    assert "190 characters, 16 distinct;" in outcome.err  # not those that only the model knows
    old, new = Checkpoint.load(model), Checkpoint.load("checkpoints/new")
    assert new.config.hidden_size == old.config.hidden_size
    assert new.vocabulary.characters.startswith(old.vocabulary.characters)
    assert set("ZëEBRA!") <= set(new.vocabulary.characters)


def test_the_path_of_the_start_is_not_shared(
    here: Path, model: Path, text: str, quick: tuple[str, ...], chargen: Command
) -> None:
    """No file of a model has the path of --init-from, and any path of the same name resumes it."""
    sizes = ("--steps", "2", *quick[-4:])
    path = shutil.copytree(model, here / "secret" / "first")
    assert chargen("train", text, "--init-from", str(path), "-o", "out", *sizes).status == 0
    for file in (here / "out").iterdir():
        assert b"secret" not in file.read_bytes()
    config = json.loads((here / "out" / "config.json").read_bytes())
    assert config["start"]["model"] == config["options"]["init_from"] == "first"
    resume = ("train", text, "-o", "out", "--resume", "--steps", "1", "--init-from")
    assert chargen(*resume, "secret/first").status == 0
    message = chargen(*resume, str(model)).err
    assert "--init-from model differs from the run to resume, which has first" in message


def test_a_finished_run_is_trained_further(text: str, train: Command, chargen: Command) -> None:
    """--resume alone prints the command that gives the run another budget, and it works."""
    train(text)
    outcome = chargen("train", "--resume", text)
    assert (outcome.status, outcome.err) == (0, "")
    finished, command = outcome.out.rstrip("\n").split("; train it further with: chargen ")
    assert finished == "checkpoints/text is finished after 6 steps"
    assert command == "train --resume --steps 6 -o checkpoints/text"
    outcome = chargen(*command.split())
    assert outcome.status == 0, outcome.err
    printed = dict(line.split(maxsplit=1) for line in outcome.err.splitlines()[:6])
    assert printed["training"].startswith("6 steps more, after 6 steps in 0:0")
    assert " 12 steps, " in outcome.out
    shown = chargen("info", "-m", "checkpoints/text").out
    assert re.search(r"budget +6 steps \+ 6 steps\n", shown)
    assert re.search(r"training steps +12 of 12\n", shown)


def test_a_text_of_one_line_has_no_validation_set(here: Path, train: Command) -> None:
    """The summary gives the true reason, whether one line is read or several identical ones."""
    (here / "one.txt").write_text("ab " * 4_000)
    assert "; no validation set: the text has one line\n" in train("one.txt", "--lines").err
    (here / "same.txt").write_text("ab\n" * 4_000)
    assert "; no validation set: all lines are identical\n" in train("same.txt", "--lines").err


def test_a_run_in_the_current_folder_is_found(
    text: str, train: Command, chargen: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """-o . names the current folder."""
    train(text)
    monkeypatch.chdir("checkpoints/text")
    outcome = chargen("train", f"../../{text}", "--resume", "-o", ".")
    assert outcome.out.startswith(". is finished after 6 steps")


def test_the_comparison_with_english_is_printed(
    here: Path, model: Path, chargen: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line has both figures, and says how to train from scratch."""
    shutil.copytree(model, here / "english")
    monkeypatch.setattr("chargen.training.start.ENGLISH", here / "english")
    (here / "known.txt").write_text(TEXT)
    (here / "digits.txt").write_text("0123456789" * 50)
    (here / "noise.txt").write_text("".join(random.Random(1).choices("tahes ", k=1000)))
    sizes = "--hidden-size 16 --embedding-size 8 --steps 2"
    figures = r"predicts the text with \d\.\d\d nats per character \(its letter pairs: \d\.\d\d\)"
    for name, line in (
        ("known", rf"english, which {figures};\n +--init-from none starts from random weights"),
        ("digits", r"random weights: 100% of the text's characters are new to english"),
        ("noise", rf"random weights: english {figures}"),
    ):
        outcome = chargen("train", f"{name}.txt", *sizes.split())
        assert outcome.status == 0, outcome.err
        assert re.search(f"^start +{line}$", outcome.err, re.MULTILINE), outcome.err
    outcome = chargen("train", "known.txt", *sizes.split(), "--init-from", "none")
    assert re.search("^start +random weights$", outcome.err, re.MULTILINE)


def test_the_summary_says_if_the_initial_weights_are_kept(
    here: Path, text: str, model: Path, chargen: Command
) -> None:
    """The initial weights are evaluated before training and can be the best ones."""
    options = f"--init-from {model} --steps 4 --learning-rate 5 --val-fraction 0.2"
    outcome = chargen("train", text, *options.split())
    assert outcome.status == 0, outcome.err
    assert re.search(r"^  0%  validation loss .* before training$", outcome.err, re.MULTILINE)
    assert f"no update improved it: the weights are those of {model.name}\n" in outcome.out
    facts = json.loads(chargen("info", "--json").out)
    assert (facts["start"], facts["trained_steps"], facts["training_nats"]) == (model.name, 0, None)
    assert facts["start_nats"] > 0 < facts["start_bigram_nats"]
    shown = chargen("info").out
    assert re.search(rf"^start of training +{model.name}$", shown, re.MULTILINE)
    card = Path("checkpoints/text", CARD).read_text()
    assert f"The run started from the model {model.name} (sha256 `{facts['start_sha256']}`)" in card


def test_the_validation_loss_is_printed(text: str, train: Command) -> None:
    """The summary has the loss on the validation set."""
    outcome = train(text, "--val-fraction", "0.25")
    measured = Checkpoint.load("checkpoints/text").measured["validation_nats"]
    assert f"validation {measured:.3f} nats" in outcome.out
    assert "359 held out for validation" in outcome.err


def test_the_summary_advises(text: str, train: Command, chargen: Command) -> None:
    """After 60 updates a run is still improving; the log and `info` have the advice, too.

    The summary has the whole command.
    """
    advice = "still improving: train longer"
    command = "chargen train --resume --steps 60 -o checkpoints/text"
    summary = train(text, "--val-fraction", "0.2", "--steps", "60").out
    assert f"\nadvice    {advice}\n          {command}\n" in summary
    assert json.loads(chargen("info", "--json").out)["advice"] == advice
    *_, last = Path("checkpoints/text", LOG).read_text(encoding="utf-8").splitlines()
    assert json.loads(last)["advice"] == advice


def test_the_folder_is_remarked_only_if_another_one_was_taken(
    here: Path, text: str, train: Command
) -> None:
    """checkpoints/text-2 is chosen since checkpoints/text exists; -o is the user's own choice."""
    remark = "(text exists)"
    assert remark not in train(text).err
    assert remark in train(text).err
    assert remark not in train(text, "-o", "checkpoints/text-mine").err


def test_a_text_that_is_too_short_to_learn_from_causes_a_warning(
    here: Path, train: Command
) -> None:
    """It is trained on, and counted without the newline that the network reads first."""
    (here / "two.txt").write_text("hi")
    err = train("two.txt").err
    assert "warning: 2 characters are too few to learn from" in err
    assert "two: 2 characters, 2 distinct;" in err


def test_a_start_that_is_worse_than_letter_pairs_causes_a_warning(
    here: Path, model: Path, chargen: Command
) -> None:
    """It was trained on another alphabet."""
    (here / "digits.txt").write_text("0123456789" * 100)
    outcome = chargen("train", "digits.txt", "--init-from", str(model), "--steps", "1")
    assert f"{model.name} predicts the text worse than its letter pairs do" in outcome.err


def test_a_sample_takes_few_lines(here: Path, train: Command) -> None:
    """A symbol replaces each newline of a sample."""
    (here / "lines.txt").write_text("a\n" * 400)
    samples = [line for line in train("lines.txt").err.splitlines() if "|" in line]
    assert [len(line) for line in samples] == 5 * [88, 48]
    assert all(set(line.removeprefix("      | ")) <= {"a", "\u23ce"} for line in samples)


def test_the_summary_mentions_patience(here: Path, train: Command) -> None:
    """A run on random letters stops early."""
    draw = random.Random(5)
    (here / "noise.txt").write_text("".join(draw.choice("abcdefgh") for _ in range(300)))
    options = "--hidden-size 32 --learning-rate 0.05 --val-fraction 0.3 --patience 1 --steps 200"
    outcome = train("noise.txt", *options.split())
    assert "stopped early (patience)" in outcome.out
    options = options.replace("--patience 1", "-o other")
    assert "stopped early (overfitting)" in train("noise.txt", *options.split()).out


def test_minutes_are_a_budget(text: str, chargen: Command) -> None:
    """Less than a second is enough for a model."""
    options = "--hidden-size 8 --embedding-size 4 --device cpu --precision float32 --minutes 0.01"
    outcome = chargen("train", text, *options.split())
    assert outcome.status == 0, outcome.err
    budget = description("checkpoints/text")["training"]["budget"]
    assert budget == {"kind": "minutes", "amount": 0.01}


def test_the_minutes_begin_with_the_command(
    text: str, chargen: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time before training is recorded, and printed if it is long."""
    monkeypatch.setattr("chargen.cli.progress._LONG_PREPARATION", 0.0)
    options = "--hidden-size 8 --embedding-size 4 --device cpu --precision float32 --minutes 0.01"
    outcome = chargen("train", text, *options.split())
    assert re.search(r"epochs,\n +after 0:0\d of preparation", outcome.out)
    assert TrainingState.read(Path("checkpoints/text")).progress.preparation > 0


@pytest.mark.parametrize(
    ("fraction", "characters"), [("0.5", r"on 19,9\d\d of the 29,999"), ("0.25", "on all 14,999")]
)
def test_a_long_held_out_text_is_read_in_parts(
    here: Path, train: Command, chargen: Command, fraction: str, characters: str
) -> None:
    """The introduction has the size of the part, the summary that of the final measurement."""
    (here / "long.txt").write_text((TEXT * 420)[:60_000])
    outcome = train("long.txt", "--val-fraction", fraction)
    assert "each evaluation reads about 10,000 of them\n" in outcome.err
    assert re.search(f"{characters} held-out characters\n", outcome.out)
    measured = Checkpoint.load("checkpoints/long").measured["validation_characters"]
    assert f"{measured:,} held-out characters" in chargen("info", "long").out


def test_every_option_is_stored(text: str, chargen: Command) -> None:
    """config.json has the options and the resolved configuration."""
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
    assert fields["options"]["validation_fraction"] == 0.2
