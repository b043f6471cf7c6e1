"""Each command succeeds or fails with a one-line error for any text, options and folders."""

import shutil
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.cli.outcome import Outcome
from tests.faults.commands import QUICK, TEXT, Commands, error_of
from tests.faults.test_kills import SIGKILL

FULL = settings().max_examples == 1_000  # HYPOTHESIS_PROFILE=search

texts = st.one_of(
    st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.tuples(
        st.text(max_size=300), st.sampled_from(["utf-16", "utf-32", "latin-1", "cp1251", "gb18030"])
    ).map(lambda pair: pair[0].encode(pair[1], "replace")),
    st.binary(max_size=300),
)
counts = st.sampled_from(["0", "1", "3", "17", "-1", "1.5", "nan", "x", "", "1048577", "9" * 20])
shares = st.sampled_from(["0", "0.3", "0.95", "1", "-0.1", "nan", "inf", "1e-320", "x"])
options = st.dictionaries(
    st.sampled_from(["--hidden-size", "--batch-size", "--sequence-length", "--min-count"]),
    counts,
    max_size=2,
).flatmap(
    lambda chosen: st.dictionaries(
        st.sampled_from(["--dropout", "--val-fraction", "--learning-rate", "--save-every"]),
        shares,
        max_size=2,
    ).map(lambda others: {**chosen, **others})
)
kinds = st.sampled_from(["", "--lines", "--separator=blank-line", "--column=1", "--normalize=nfd"])
encodings = st.sampled_from(["auto", "utf-8", "latin-1", "utf-16", "rot13", "no-such"])


def check(outcome: Outcome) -> bool:
    """Check that a command worked or ended with one line. Return whether it worked."""
    if outcome.status == 0:
        assert "Traceback" not in outcome.err
        return True
    error_of(outcome)
    return False


@settings(max_examples=1_000 if FULL else 12, suppress_health_check=list(HealthCheck))
@given(texts, options, kinds, encodings)
def test_any_text_and_options(
    commands: Commands, text: bytes, options: dict[str, str], kind: str, encoding: str
) -> None:
    """A model is trained for three steps and writes, or one line says why not."""
    (commands.folder / "any.txt").write_bytes(text)
    shutil.rmtree(commands.folder / "run", ignore_errors=True)
    given_options = [part for pair in options.items() for part in pair]
    fixed = ["--hidden-size", "6"] * ("--hidden-size" not in options)
    fixed += ["--init-from", "none", "--device", "cpu", "--precision", "float32"]
    arguments = ["--steps", "3", "--encoding", encoding, *fixed, *given_options]
    arguments += [kind] * bool(kind)
    if check(commands.run("train", "any.txt", "-o", "run", *arguments)):
        assert check(commands.run("sample", "-m", "run", "--length", "5"))
    else:
        assert not (commands.folder / "run").exists()


class Folder(RuleBasedStateMachine):
    """A model folder that is trained, killed, damaged, resumed, replaced and deleted."""

    commands: Commands

    @initialize()
    def begin(self) -> None:
        """Begin with an empty folder."""
        self.run = self.commands.folder / "run"
        for path in self.commands.folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
        (self.commands.folder / "text.txt").write_text(TEXT)
        self.is_damaged = False

    def command(self, *arguments: str, **options: Any) -> Outcome:
        """Run a training."""
        fixed = ("text.txt", "-o", "run", *QUICK)
        return self.commands.run("train", *fixed, *arguments, **options)

    @rule(steps=st.integers(1, 4), overwrite=st.booleans())
    def train(self, steps: int, overwrite: bool) -> None:
        """Train a new model, in the place of another one if that is wanted."""
        arguments = ["--steps", f"{steps}", *["--overwrite"] * overwrite]
        if check(self.command(*arguments)):
            self.is_damaged = False

    @rule(seconds=st.floats(0, 0.4))
    def kill(self, seconds: float) -> None:
        """Kill a resumed training."""
        arguments = ("--resume", "--steps", "30", "--save-every", "0")
        outcome = self.command(*arguments, kill_after=seconds)
        assert outcome.status == SIGKILL or check(outcome) or outcome.status in (1, 2)

    @rule()
    def resume(self) -> None:
        """Resume the training; only damage and other settings can prevent it."""
        check(self.commands.run("train", "--resume", "-o", "run"))

    @rule(data=st.data())
    def damage(self, data: st.DataObject) -> None:
        """Damage, cut or remove a file."""
        files = sorted(path for path in self.run.glob("*") if path.is_file())
        if not files:
            return
        path: Path = data.draw(st.sampled_from(files))
        content = bytearray(path.read_bytes())
        how = data.draw(st.sampled_from(["flip", "cut", "remove"]))
        place = data.draw(st.integers(0, max(0, len(content) - 1)))
        self.is_damaged = True
        if how == "remove":
            path.unlink()
        elif how == "cut":
            path.write_bytes(content[:place])
        elif content:
            content[place] ^= 1 << data.draw(st.integers(0, 7))
            path.write_bytes(content)

    @rule()
    def delete(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.run, ignore_errors=True)
        self.is_damaged = False

    @invariant()
    def sample(self) -> None:
        """Write with the model: without damage, it works if there is one."""
        if not hasattr(self, "run"):
            return
        works = check(self.commands.run("sample", "-m", "run", "--length", "5"))
        is_model = (self.run / "model.safetensors").exists()
        assert works or self.is_damaged or not is_model


def test_any_sequence_of_events(commands: Commands) -> None:
    """Training, kills, damage, resuming, replacing and deleting, in any order."""

    class Machine(Folder):
        """The folder of this test."""

    Machine.commands = commands
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=200 if FULL else 3,
            stateful_step_count=30 if FULL else 8,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
