"""The commands of the section "Recipes" of the README, with small texts and small networks."""

from __future__ import annotations

import csv
import io
import re
import shlex
from pathlib import Path

import pytest

from chargen.cli.main import main

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
RECIPES = README.partition("## Recipes\n")[2].partition("\n## ")[0]
COMMANDS = [line.removeprefix("$ ") for line in RECIPES.splitlines() if line.startswith("$ ")]
PAIRS = list(zip(COMMANDS[::2], COMMANDS[1::2], strict=True))

_TABLE = ",".join(f"0x{k * 2_654_435_761 % 65_536:04x}" for k in range(5_300))


def messages() -> str:
    """A table of messages."""
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["from", "text"])
    writer.writerows(
        ["Asha", f"See you at {k} \U0001f468\u200d\U0001f469\u200d\U0001f467"] for k in range(40)
    )
    return table.getvalue()


TEXTS = {
    "names.txt": "".join(f"{a}{b}\n" for a in ("an", "jo", "ka", "mi") for b in ("na", "ra", "ta")),
    "messages.csv": messages(),
    "recipes.txt": "---\n".join(
        f"Leek soup {k}\n\n- {k} leeks\n- \u00bd tsp salt\n\n1. Wash the leeks.\n2. Boil them.\n"
        for k in range(1, 40)
    ),
    "tunes.abc": "\n".join(
        f"X:{k}\nT:The Lost Heron\nM:6/8\nK:D\n|:DED F2A|d2f e2d:|\n" for k in range(1, 40)
    ),
    "games.pgn": "\n".join(
        f'[Event "Club"]\n[Round "{k}"]\n[Result "1-0"]\n\n1. e4 e5 2. Nf3 Nc6 1-0\n'
        for k in range(40)
    ),
    "source.c": "".join(f"int add_{k}(int a)\n{{\n\treturn a + {k};\n}}\n\n" for k in range(40))
    + f"static const int table[] = {{{_TABLE}}};\n",  # a line of 37,000 characters
    "chat.txt": "".join(
        f"{k:02}/12/2023, 10:00 - \u092e\u093e\u0901: \u0928\u092e\u0938\u094d\u0924\u0947"
        " \u2764\ufe0f\n"
        for k in range(1, 60)
    ),
    "thai.txt": "".join(
        f"\u0e41\u0e21\u0e48\u0e0a\u0e2d\u0e1a{word}\n"
        for word in ("\u0e02\u0e49\u0e32\u0e27", "\u0e19\u0e49\u0e33", "\u0e17\u0e30\u0e40\u0e25")
    )
    * 20,
}


def arguments(command: str) -> list[str]:
    """Return the arguments of a command as bash passes them, without its name."""
    plain = re.sub(r"\$'([^']*)'", lambda text: shlex.quote(text[1].replace("\\n", "\n")), command)
    return shlex.split(plain)[1:]


def run(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command in this process, expect success, and return its output."""
    with pytest.raises(SystemExit) as left:
        main(words)
    printed = capsys.readouterr()
    assert left.value.code == 0, printed.err
    return printed.out


def test_every_kind_of_text_has_a_recipe() -> None:
    """Each text is trained on once, with the default size and for one minute."""
    trained = [arguments(train)[:2] for train, _ in PAIRS]
    assert trained == [["train", name] for name in TEXTS]
    assert all(train.endswith(" --minutes 1") for train, _ in PAIRS)


@pytest.mark.parametrize(("train", "sample"), PAIRS, ids=TEXTS)
def test_the_commands_work(
    train: str,
    sample: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A model is trained, and the command that follows writes a text with it."""
    monkeypatch.chdir(tmp_path)
    name = arguments(train)[1]
    Path(name).write_text(TEXTS[name], encoding="utf-8")
    small = ["--steps", "2", "--hidden-size", "16", "--precision", "float32"]
    run([*arguments(train.removesuffix(" --minutes 1")), *small], capsys)
    assert run([*arguments(sample), "--seed", "1"], capsys).strip()
