"""What `chargen sample` writes."""

import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from chargen.model.checkpoint import MODEL, Checkpoint

if TYPE_CHECKING:
    from tests.cli.conftest import Outcome


Sample = Callable[..., "Outcome"]


def test_a_prompt_is_printed_and_continued(sample: Sample) -> None:
    """The prompt comes first, then as many characters as asked for, then the line's end."""
    outcome = sample("--prompt", "the cat", "-n", "30", "--seed", "1")
    assert outcome.out.startswith("the cat")
    assert len(outcome.out) == len("the cat") + 30 + len("\n")
    assert outcome.out.endswith("\n")
    assert outcome.err == ""


def test_the_default_length_is_200(sample: Sample) -> None:
    """Without --length a paragraph is written."""
    assert len(sample("--seed", "1").out) == 200 + len("\n")


def test_an_empty_prompt_begins_a_text(sample: Sample) -> None:
    """No prompt and an empty one are the same: what follows the beginning of a text."""
    assert sample("--seed", "4").out == sample("--seed", "4", "--prompt", "").out


def test_a_seed_repeats_a_text(sample: Sample) -> None:
    """The same seed writes the same, another one something else, and no seed something new."""
    one, same, other = (sample("--seed", seed).out for seed in ("7", "7", "8"))
    assert one == same != other
    # Two of about a thousand million seeds are equal with probability 1e-9.
    assert sample().out != sample().out


def test_the_ends_of_the_seeds_belong_to_them(sample: Sample) -> None:
    """0 and 2**63 - 1 are seeds."""
    assert sample("--seed", "0").out != sample("--seed", str(2**63 - 1)).out


def test_temperature_0_writes_the_likeliest(sample: Sample) -> None:
    """Greedy text does not depend on the seed, and is what a vanishing temperature tends to."""
    greedy = sample("-t", "0", "--seed", "1").out
    assert greedy == sample("-t", "0", "--seed", "2").out
    assert greedy == sample("-t", "1e-300", "--seed", "3").out


def test_a_high_temperature_grows_wild(sample: Sample, model: Path) -> None:
    """At an endless temperature every character of the vocabulary is as likely as another.

    Of 27 characters in 2,000 draws one is missing with probability 27 * (26/27)**2000 < 1e-31.
    """
    wild = sample("-t", "1e300", "-n", "2000", "--seed", "1").out
    known = set(Checkpoint.load(model).vocabulary.characters) - {"\ufffd"}
    assert set(wild) == known


def test_a_threshold_above_a_half_is_greedy(sample: Sample) -> None:
    """At most one character is likelier than a half, and the likeliest always stays."""
    greedy = sample("-t", "0").out
    assert sample("-t", "1", "--threshold", "0.51", "--seed", "5").out == greedy
    assert sample("-t", "1", "--threshold", "1", "--seed", "5").out == greedy


def test_a_threshold_of_0_keeps_everything(sample: Sample) -> None:
    """It is the default."""
    assert sample("--threshold", "0", "--seed", "5").out == sample("--seed", "5").out


def test_confidence_ends_a_text_that_grows_unsure(sample: Sample) -> None:
    """The text is the same up to where the best guess is less probable than asked for."""
    whole = sample("--prompt", "the ", "-n", "300", "--seed", "2").out
    unsure = sample("--prompt", "the ", "-n", "300", "--seed", "2", "--confidence", "0.6").out
    assert whole.startswith(unsure.removesuffix("\n"))
    assert len(unsure) < len(whole)
    assert sample("--prompt", "the ", "--confidence", "1").out == "the \n"
    assert len(sample("--prompt", "the ", "--confidence", "0").out) == 4 + 200 + 1


def test_unknown_characters_of_a_prompt_are_named(sample: Sample) -> None:
    """A warning names them, sorted and once each, and the sample goes on."""
    outcome = sample("--prompt", "Zebra, 語語!", "-n", "20")
    assert outcome.err == (
        "chargen: warning: the model has never seen these characters of the prompt: ! , Z 語\n"
    )
    assert outcome.out.startswith("Zebra, 語語!")
    assert len(outcome.out) == len("Zebra, 語語!") + 20 + 1


def test_a_prompt_of_very_many_unknown_characters_is_one_line(
    sample: Sample,
) -> None:
    """The warning names twenty and counts the others."""
    prompt = "".join(map(chr, range(0x4E00, 0x4E00 + 50)))
    (line,) = sample("--prompt", prompt, "-n", "5").err.splitlines()
    assert line.endswith(f" {prompt[19]} and 30 more")


def test_the_unknown_character_is_never_written(sample: Sample) -> None:
    """Not even where the prompt holds nothing else."""
    out = sample("--prompt", "語", "-n", "1000", "-t", "5", "--seed", "1").out
    assert "\ufffd" not in out


def test_newlines_of_a_prompt_are_as_in_a_corpus(sample: Sample) -> None:
    """Windows' line ends are newlines, which the model knows."""
    outcome = sample("--prompt", "a cat\r\nthe", "--seed", "1")
    assert outcome.out == sample("--prompt", "a cat\nthe", "--seed", "1").out
    assert outcome.err == ""


def test_the_newest_model_is_taken(
    here: Path, model: Path, chargen: Callable[..., "Outcome"]
) -> None:
    """Without -m it is the one below ./checkpoints that was written last."""
    for name, written in (("older", 1_000), ("newest", 3_000), ("old", 2_000)):
        shutil.copytree(model, here / "checkpoints" / name)
        os.utime(here / "checkpoints" / name / MODEL, (written, written))
    (here / "checkpoints" / "README.md").write_text("no model")
    assert "checkpoints/newest" in chargen("info").out
    assert chargen("sample", "--seed", "1").status == 0


def test_a_badly_encoded_argument_is_named_and_passed_over(
    model: Path, launch: Callable[..., subprocess.Popen[bytes]]
) -> None:
    """A byte that is no UTF-8 becomes a lone surrogate: an unknown character like others."""
    arguments = ["sample", "-m", str(model), "-n", "20", "--prompt", b"the\xff"]
    out, err = launch(*arguments).communicate()
    assert err == (
        b"chargen: warning: the model has never seen these characters of the prompt: \\udcff\n"
    )
    assert out.decode("utf-8").startswith("the\ufffd")
    assert len(out.decode("utf-8")) == 4 + 20 + 1


@pytest.mark.skipif(os.name == "nt", reason="pipes are closed otherwise there")
def test_a_reader_that_leaves_is_no_error(
    model: Path, launch: Callable[..., subprocess.Popen[bytes]]
) -> None:
    """`chargen sample -n 100000 | head -c 10` ends in silence."""
    process = launch("sample", "-m", str(model), "-n", "100000", "--prompt", "the cat sat")
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.read(10) == b"the cat sa"
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 0


@pytest.mark.skipif(os.name == "nt", reason="signals are sent otherwise there")
def test_ctrl_c_ends_the_line_and_nothing_else(
    model: Path, launch: Callable[..., subprocess.Popen[bytes]]
) -> None:
    """Endless writing is ended by Ctrl-C: a newline, no traceback, exit status 130."""
    # Started in the background a process may have been told to ignore Ctrl-C.
    program = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from chargen.cli.main import main; main()"
    )
    arguments = ["sample", "-m", str(model), "-n", "0", "--prompt", "the cat"]
    process = launch(*arguments, program=program)
    assert process.stdout is not None
    first = process.stdout.read(1)
    process.send_signal(signal.SIGINT)
    rest, err = process.communicate()
    assert process.returncode == 130
    assert (first + rest).startswith(b"the cat")
    assert (first + rest).endswith(b"\n")
    assert err.strip() == b""


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="there are no terminals to open")
def test_characters_are_shown_as_they_are_drawn(model: Path) -> None:
    """On a terminal an endless text appears at once, not when a buffer is full."""
    terminal, inside = os.openpty()
    command = [sys.executable, "-m", "chargen", "sample", "-m", str(model), "-n", "3"]
    process = subprocess.Popen([*command, "--prompt", "the"], stdout=inside, cwd=model.parent)
    os.close(inside)
    seen = b""
    while process.poll() is None or select.select([terminal], [], [], 0)[0]:
        try:
            seen += os.read(terminal, 1000)
        except OSError:  # Linux says so when the other side is closed
            break
    os.close(terminal)
    assert process.wait() == 0
    assert seen.startswith(b"the")
    assert len(seen.replace(b"\r\n", b"\n")) == 3 + 3 + 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full device here")
def test_a_full_disk_is_told_in_one_line(model: Path) -> None:
    """What cannot be written ends in an error of one line, not in a traceback."""
    command = [sys.executable, "-m", "chargen", "sample", "-m", str(model), "-n", "100"]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, cwd=model.parent, check=False
        )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(b"chargen: error: ")
