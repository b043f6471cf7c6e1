"""`chargen train`: train a model on a text."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chargen.cli.options import known_prompt, stop_signals, wait_politely

if TYPE_CHECKING:
    from chargen.training.trainer import Trainer

# Tables of these live in rooms that load numpy or torch; a test holds them equal.
PRESET_NAMES = ("auto", "tiny", "small", "base", "large")
SAMPLE_LENGTH = 200


@click.command("train")
@click.argument("paths", metavar="TEXT...", nargs=-1, required=True)
@click.option("-o", "--output", metavar="FOLDER", help="Default: checkpoints/<text's name>.")
@click.option("-p", "--prompt", default="", help="What the samples begin with.")
@click.option("--resume", is_flag=True, help="Go on with a run that was stopped.")
@click.option("--overwrite", is_flag=True, help="Replace the model that stands in FOLDER.")
@click.option("--init-from", metavar="MODEL", help="Begin with this model's weights.")
@click.option("--lines", is_flag=True, help="Each line is a text of its own.")
@click.option("--encoding", default="utf-8", show_default=True, help="Of the text files.")
@click.option("--min-count", type=int, help="Rarer characters become unknown.")
@click.option(
    "--val-fraction",
    "validation_fraction",
    type=float,
    help="Held out; 0.1, of a short text nothing.",
)
@click.option("--minutes", type=float, help="Train this long by the clock ...")
@click.option("--epochs", type=float, help="... or read the text so many times ...")
@click.option("--steps", type=int, help="... or make so many updates.")
@click.option("--preset", type=click.Choice(PRESET_NAMES), help="Sizes; auto: by the text's.")
@click.option("--cell", type=click.Choice(["lstm", "gru", "rnn", "feedforward"]))
@click.option("--encoder", type=click.Choice(["embedding", "one-hot"]))
@click.option("--embedding-size", type=int)
@click.option("--hidden-size", type=int)
@click.option("--num-layers", type=int)
@click.option("--dropout", type=float, help="Between layers; default: by passes over the text.")
@click.option("--batch-size", type=int, help="Streams side by side.")
@click.option("--sequence-length", type=int, help="Characters of a window.")
@click.option("--learning-rate", type=float, help="The peak.")
@click.option("--patience", type=int, help="End after so many evaluations without a new best.")
@click.option("--precision", type=click.Choice(["auto", "float32", "bfloat16"]))
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda", "mps"]))
@click.option("--save-every", type=float, help="Seconds between saves; 30.")
@click.option("--seed", type=int, help="Of weights, order and chance; 1.")
def command(
    paths: tuple[str, ...],
    output: str | None,
    prompt: str,
    resume: bool,
    overwrite: bool,
    init_from: str | None,
    lines: bool,
    encoding: str,
    **chosen: Any,
) -> None:
    """Train a model on TEXT: files, folders of .txt files, or - for standard input.

    It lands in checkpoints/<name of the text>, from where `chargen sample` takes it. Ctrl-C saves;
    --resume goes on as if nothing had happened.
    """
    wait_politely()
    from chargen.model.checkpoint import Checkpoint
    from chargen.text.corpus import Corpus
    from chargen.training import train as training
    from chargen.training.plan import Asked

    if overwrite and output is None and not resume:
        raise click.UsageError("--overwrite replaces the folder that -o names: name it")
    target = None if output is None else Path(output)
    given = _given(chosen)
    if resume:
        if overwrite or init_from is not None:
            option = "--overwrite" if overwrite else "--init-from"
            raise click.UsageError(f"--resume goes on with a run, {option} begins one: choose")
        if lines:
            given["lines"] = True
        trainer = training.resume(paths, given, encoding=encoding, output=target)
    else:
        trainer = training.start(
            Corpus.read(paths, encoding=encoding, lines=lines),
            Asked(**given),
            output=target,
            overwrite=overwrite,
            init_from=None if init_from is None else Checkpoint.load(init_from),
        )
    again = shlex.join(
        ["chargen", "train", "--resume", "-o", str(trainer.folder.final_path)]
        + (["--encoding", encoding] if encoding != "utf-8" else [])
        + ([f"--prompt={prompt}"] if prompt else [])
        + ["--"] * any(path.startswith("-") and path != "-" for path in paths)
        + list(paths)
    )
    watch(trainer, known_prompt(prompt, trainer.plan.vocabulary), again)


def _given(chosen: dict[str, Any]) -> dict[str, Any]:
    """The fields of `Asked` that the user set."""
    from chargen.training.config import BUDGETS, Budget

    given = {name: value for name, value in chosen.items() if value is not None}
    budgets = [(kind, given.pop(kind)) for kind in BUDGETS if kind in given]
    if len(budgets) > 1:
        names = " and ".join(f"--{kind}" for kind, _ in budgets)
        raise click.UsageError(f"{names} are two budgets: choose one")
    return given | ({"budget": Budget(*budgets[0])} if budgets else {})


def watch(trainer: Trainer, prompt: str, again: str) -> None:
    """Run a trainer, show how it goes, and let a signal end it at a step's boundary.

    again: the command that goes on with the run. A second signal does not wait for a save.
    """
    from chargen.cli.progress import Display
    from chargen.cli.sample import stream
    from chargen.generation.context import Reader
    from chargen.generation.filters import chain
    from chargen.generation.generate import characters
    from chargen.generation.sampler import Sampler
    from chargen.model.checkpoint import Checkpoint
    from chargen.records import Finished
    from chargen.text.shown import visible

    display = Display(trainer.plan, str(trainer.folder.path))
    with stop_signals() as caught:
        try:
            for record in trainer.run(prompt):
                display.show(record)
                if caught and not isinstance(record, Finished):
                    trainer.save()
                    break
            else:
                caught.clear()
                trainer.folder.finish()
        finally:
            display.close()
            trainer.folder.close()
    if caught:
        print(f"stopped and saved; to go on: {again}", file=sys.stderr)
        sys.exit(128 + caught[0])
    folder = trainer.folder.final_path
    display.summary(folder)
    model = Checkpoint.load(folder)
    sampler = Sampler(chain(temperature=0.8), seed=trainer.config.seed)
    print()
    show = visible if sys.stdout.isatty() else str
    written = characters(Reader.of(model), sampler, prompt, length=SAMPLE_LENGTH)
    stream(show(prompt), map(show, written))
