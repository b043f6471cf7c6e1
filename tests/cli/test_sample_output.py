"""Tests of where `chargen sample` prints: pipes, terminals and full disks."""

import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from chargen.cli.sample import stream
from chargen.generation.records import Drawn, Stopped
from tests.cli.outcome import Command

Launch = Callable[..., subprocess.Popen[bytes]]

posix = pytest.mark.skipif(os.name == "nt", reason="needs POSIX pipes and signals")


# Pipes


def test_an_argument_that_is_not_utf_8(model: Path, launch: Launch) -> None:
    """An invalid byte is named in a warning and treated as an unknown character."""
    arguments = ["sample", "-m", str(model), "-n", "20", "--prompt", b"the\xff"]
    out, err = launch(*arguments).communicate()
    assert err == (
        b"chargen: warning: the model does not know these characters in the prompt:"
        b" U+DCFF lone surrogate\n"
    )
    assert out.decode("utf-8").startswith("the\ufffd")
    assert len(out.decode("utf-8")) == 4 + 20 + 1


@posix
def test_a_closed_pipe_is_not_an_error(model: Path, launch: Launch) -> None:
    """`chargen sample -n 100000 | head -c 10` ends silently."""
    process = launch("sample", "-m", str(model), "-n", "100000", "--prompt", "the cat sat")
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.read(10) == b"the cat sa"
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 0


@posix
def test_ctrl_c_ends_the_line(model: Path, launch: Launch) -> None:
    """Ctrl-C ends an unlimited text with a newline and status 130, without a traceback."""
    # A process in the background may have been started with SIGINT ignored.
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


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_an_error_of_one_line(model: Path) -> None:
    """A text that cannot be written ends with status 1."""
    command = [sys.executable, "-m", "chargen", "sample", "-m", str(model), "-n", "100"]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, cwd=model.parent, check=False
        )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(b"chargen: error: ")


CONTROLS = "the \x1b[31mcat\nsat on the mat \x7f\x9b and\tsang"
SHOWN = "the \u241b[31mcat\nsat on the mat \u2421<009B> and\tsang"


def test_control_characters_are_written_to_a_pipe(here: Path, sample: Command) -> None:
    """A pipe gets the text unchanged, and JSON in ASCII escapes."""
    (here / "prompt.txt").write_text(f"{CONTROLS} \u2028 \u202e")
    options = ("--file", "prompt.txt", "-n", "5")
    assert sample(*options).out.startswith(CONTROLS)
    out = sample(*options, "--json").out
    assert re.sub("[ -~\n]", "", out) == ""
    assert json.loads(out)["prompt"] == f"{CONTROLS} \u2028 \u202e"


# Terminals


def test_each_character_is_flushed_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal a character appears when it is drawn."""
    flushed = []

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

        def flush(self) -> None:
            flushed.append(self.getvalue())

    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", Terminal())
        reason = stream("the", [*(Drawn(0, c, None) for c in " ca"), Stopped(0, "length")])
    assert reason == "length"
    assert flushed == ["the", "the ", "the c", "the ca", "the ca\n"]


@pytest.mark.parametrize("options", [(), ("--num-samples", "2"), ("--highlight",)])
def test_control_characters_are_visible_on_a_terminal(
    here: Path, model: Path, on_terminal: Callable[..., str], options: tuple[str, ...]
) -> None:
    """Control characters are shown as symbols; newlines and tabs are unchanged."""
    (here / "prompt.txt").write_text(CONTROLS)
    shown = on_terminal("sample", "-m", str(model), "--file", "prompt.txt", "-n", "5", *options)
    assert re.search(f"^{re.escape(SHOWN)}", shown, flags=re.MULTILINE)


COLOUR = re.compile("\x1b\\[38;5;([0-9]+)m(.)\x1b\\[0m", flags=re.DOTALL)


def test_highlight_colours_generated_characters(
    model: Path, on_terminal: Callable[..., str], sample: Command
) -> None:
    """Generated characters have colours, the prompt has none, and a legend follows."""
    options = ("--prompt", "the", "-n", "40", "--seed", "2")
    shown = on_terminal("sample", "-m", str(model), *options, "--highlight")
    prompt, coloured = shown[:3], COLOUR.findall(shown[3:])
    assert prompt == "the"
    assert "".join(character for _, character in coloured)[:40] == sample(*options).out[3:43]
    assert len({colour for colour, _ in coloured[:40]}) > 1
    assert shown.splitlines()[-1].count("+") == 5


def test_highlight_does_not_colour_a_pipe(sample: Command) -> None:
    """A pipe gets the text without colours, and a warning is printed."""
    plain, highlighted = sample("--seed", "1"), sample("--seed", "1", "--highlight")
    assert highlighted.out == plain.out
    (line,) = highlighted.err.splitlines()
    assert line.startswith("chargen: warning: --highlight has no effect")


@pytest.mark.parametrize(
    ("options", "labels"),
    [
        (("-n", "9"), []),
        (("-n", "9", "--num-samples", "2"), ["1", "2"]),
        (("-n", "9", "-t", "0.5,1"), ["temperature 0.5", "temperature 1"]),
        (
            ("-n", "9", "-t", "0.5,1", "--num-samples", "2"),
            ["1, temperature 0.5", "2, temperature 0.5", "1, temperature 1", "2, temperature 1"],
        ),
        (("--until-newline", "--num-samples", "2"), []),
        (
            ("--until-newline", "-t", "0.5,1", "--num-samples", "2"),
            ["temperature 0.5", "temperature 1"],
        ),
        (("-n", "9", "--num-samples", "2", "--separator", "%"), []),
    ],
)
def test_texts_have_labels_on_a_terminal(
    model: Path, on_terminal: Callable[..., str], options: tuple[str, ...], labels: list[str]
) -> None:
    """A label states the sample and the temperature where there are several; lines need none."""
    shown = on_terminal("sample", "-m", str(model), "--prompt", "the", "--seed", "1", *options)
    assert re.findall("^--- (.*) ---$", shown, flags=re.MULTILINE) == labels
    assert "\n\n---" not in shown
