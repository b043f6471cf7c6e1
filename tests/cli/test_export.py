"""Tests of `chargen export page`."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.outcome import Command, Refused

FAILURE, USAGE_ERROR = 1, 2


def test_a_page_is_named_after_its_model(chargen: Command, here: Path, model: Path) -> None:
    """Without -o the page is <model>.html, and one line tells its name and its size."""
    outcome = chargen("export", "page", "-m", str(model))
    size = (here / "model.html").stat().st_size / 1e6
    line = f"page      model.html ({size:.1f} MB; open it in a browser)\n"
    assert (outcome.status, outcome.out, outcome.err) == (0, line, "")


def test_the_default_model_is_the_newest(
    chargen: Command, here: Path, make_model: Callable[..., Path]
) -> None:
    """Without -m the page contains the newest model in ./checkpoints."""
    make_model(here / "checkpoints" / "only")
    assert chargen("export", "page").status == 0
    assert (here / "only.html").exists()


def test_several_models_share_a_page(chargen: Command, here: Path, model: Path) -> None:
    """With several -m, the page is models.html."""
    assert chargen("export", "page", "-m", str(model), "-m", "english").status == 0
    assert (here / "models.html").stat().st_size > 3_000_000  # the English model


def test_an_existing_file_is_kept_without_overwrite(
    chargen: Command, refused: Refused, here: Path, model: Path
) -> None:
    """Only --overwrite replaces a file."""
    (here / "out.html").write_text("mine")
    command = ("export", "page", "-m", str(model), "-o", "out.html")
    message = "out.html exists (use --overwrite, or choose another file)"
    assert refused(FAILURE, *command) == message
    assert chargen(*command, "--overwrite").status == 0
    assert (here / "out.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_only_an_ordinary_file_is_replaced(
    refused: Refused, here: Path, make_model: Callable[..., Path]
) -> None:
    """A pipe, a link and the files of a model are kept, and an empty name is refused."""
    folder = make_model(here / "m")
    os.mkfifo(here / "pipe")
    (here / "link").symlink_to("elsewhere")
    before = (folder / "config.json").read_bytes()
    command = ("export", "page", "-m", str(folder), "--overwrite", "-o")
    for name in ("pipe", "link"):
        expected = f"{name} is not an ordinary file (choose another file)"
        assert refused(FAILURE, *command, name) == expected
    expected = f"{Path('m', 'config.json')} is in a model folder (choose another file)"
    assert refused(FAILURE, *command, str(Path("m", "config.json"))) == expected
    assert refused(USAGE_ERROR, *command, "").startswith("--output must be the name of a file")
    assert (here / "pipe").is_fifo()
    assert (here / "link").is_symlink()
    assert (folder / "config.json").read_bytes() == before


def test_float32_weights_have_twice_the_size(chargen: Command, here: Path) -> None:
    """--weights-dtype chooses the type; float16 is the default, and the page has at most 6 MB."""
    for dtype in ("float16", "float32"):
        options = ("-m", "english", "-o", f"{dtype}.html", "--weights-dtype", dtype)
        assert chargen("export", "page", *options).status == 0
    half, single = ((here / f"{dtype}.html").stat().st_size for dtype in ("float16", "float32"))
    parameters = 1_240_000
    assert single - half == pytest.approx(parameters * 2 * 4 / 3, rel=0.01)  # in base64
    assert half <= 6_000_000


@pytest.mark.parametrize(
    ("status", "options", "message"),
    [
        (FAILURE, "-m nothing", "there is no model nothing "),
        (FAILURE, "-m english -o no/page.html", "no/page.html cannot be written: No such file"),
        (FAILURE, "-m english -o .", ". exists (use --overwrite, or choose another file)"),
        (FAILURE, "-m english -o . --overwrite", ". is not an ordinary file (choose another file)"),
        (
            USAGE_ERROR,
            "-m english --weights-dtype int8",
            "'int8' is not one of 'float32', 'float16'",
        ),
    ],
)
def test_a_mistake_is_one_line(refused: Refused, status: int, options: str, message: str) -> None:
    """The message names the model, the file or the option."""
    assert message in refused(status, "export", "page", *options.split())


def test_a_weight_beyond_float16_is_refused(
    refused: Refused, here: Path, make_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the weight and the way out."""
    import chargen.model.checkpoint as module

    folder = make_model(here / "big")
    load = module.Checkpoint.load

    def larger(path: Path) -> module.Checkpoint:
        checkpoint = load(path)
        checkpoint.weights["decoder.bias"][0] = 1e5
        return checkpoint

    monkeypatch.setattr(module.Checkpoint, "load", larger)
    assert refused(FAILURE, "export", "page", "-m", str(folder)) == (
        f"{folder}: decoder.bias has a weight of 100,000, but float16 allows at most 65,504"
        " (use --weights-dtype float32)"
    )
