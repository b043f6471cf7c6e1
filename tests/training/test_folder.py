"""Tests of the folder of a run: its name, its lock, and the files that it never replaces."""

import json
import os
from pathlib import Path

import pytest

from chargen.errors import CheckpointError
from chargen.model.checkpoint import CONFIG, LOG, MODEL, TRAINING
from chargen.model.locked_folder import LOCK
from chargen.model.storage import TEMPORARY
from chargen.training.folder import RunFolder
from chargen.training.records import Evaluation, Sample

OLD = {CONFIG: "old", MODEL: "old"}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test in an empty folder."""
    monkeypatch.chdir(tmp_path)


def make_model(path: Path, content: str = "old") -> Path:
    """Make a folder that looks like a model."""
    path.mkdir(parents=True)
    for name in OLD:
        (path / name).write_text(content)
    return path


def create_with(path: str | Path | None, *names: str, overwrite: bool = False) -> RunFolder:
    """Create the folder of a run on poems, and write files to it."""
    folder = RunFolder.create(None if path is None else Path(path), "poems", overwrite=overwrite)
    for name in names:
        folder.write(name, b"new")
    return folder


def reopen(path: Path | None, name: str) -> RunFolder:
    """Open a folder that has a run."""
    folder = RunFolder.reopen(path, name)
    assert folder is not None
    return folder


def files(path: str | Path) -> dict[str, str]:
    """Return every file below a folder with its content."""
    path = Path(path)
    return {
        str(file.relative_to(path)): file.read_text() for file in path.rglob("*") if file.is_file()
    }


def names(path: str | Path = ".") -> list[str]:
    """Return the names in a folder."""
    return sorted(file.name for file in Path(path).iterdir())


def test_runs_of_one_corpus_are_numbered() -> None:
    """The folder has the name of the corpus, or the name with the first free number."""
    Path("checkpoints").mkdir()
    Path("checkpoints/poems-3").write_text("not a folder")
    for name in ("poems", "poems-2", "poems-4"):
        folder = create_with(None, CONFIG)
        assert folder.path == folder.final_path == Path("checkpoints") / name
        folder.close()
    assert Path("checkpoints/poems-3").read_text() == "not a folder"


@pytest.mark.parametrize("output", [None, "a/b/c"])
def test_an_unused_folder_is_removed(output: str | None) -> None:
    """A run that fails before its first save leaves no folders, not even new parents."""
    create_with(output).close()
    assert names() == []


def test_an_empty_folder_of_the_user_is_kept() -> None:
    """Looking for a run in an empty folder does not remove the folder."""
    Path("mine").mkdir()
    assert RunFolder.reopen(Path("mine"), "poems") is None
    assert Path("mine").is_dir()


def test_an_existing_model_is_refused() -> None:
    """Without `overwrite`, an existing folder is an error and does not change."""
    model = make_model(Path("model"))
    with pytest.raises(CheckpointError, match=r"model exists \(use resume or overwrite"):
        create_with(model)
    assert files(model) == OLD


def test_a_model_is_replaced_when_the_new_one_is_finished() -> None:
    """A replacing run writes to a folder next to the old model, then moves it."""
    model = make_model(Path("model"))
    folder = create_with(model, CONFIG, MODEL, overwrite=True)
    assert folder.path != model
    assert folder.final_path == model
    assert files(model) == OLD
    folder.finish()
    assert files(model) == {CONFIG: "new", MODEL: "new"}
    assert names() == ["model"]


def test_an_interrupted_replacement_can_be_resumed() -> None:
    """The old model stays until the resumed run is finished."""
    model = make_model(Path("model"))
    folder = create_with(model, CONFIG, MODEL, TRAINING, overwrite=True)
    folder.close()
    assert files(model) == OLD
    again = reopen(model, "poems")
    assert (again.path, again.final_path) == (folder.path, model)
    again.finish()
    assert files(model) == {CONFIG: "new", MODEL: "new", TRAINING: "new"}


def test_an_interrupted_replacement_is_discarded_by_the_next() -> None:
    """A second run with `overwrite` starts in an empty folder."""
    model = make_model(Path("model"))
    create_with(model, CONFIG, MODEL, overwrite=True).close()
    second = create_with(model, overwrite=True)
    assert names(second.path) == [LOCK]
    second.write(CONFIG, b"new")
    second.finish()
    assert files(model) == {CONFIG: "new"}


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("left", [[], [LOCK, f".{CONFIG}.0123abcd{TEMPORARY}"]])
def test_an_unused_folder_is_used_directly(overwrite: bool, left: list[str]) -> None:
    """An empty folder, or that of a run killed before its first save, is not replaced."""
    Path("mine").mkdir()
    for name in left:
        (Path("mine") / name).write_text("")
    folder = create_with("mine", overwrite=overwrite)
    assert folder.path == folder.final_path == Path("mine")
    assert files("mine") == {LOCK: f" {os.getpid()}\n"}
    with pytest.raises(CheckpointError, match="mine is in use by process"):
        create_with("mine", overwrite=overwrite)
    folder.close()


@pytest.mark.parametrize(
    "theirs", [["thesis.tex"], ["config.json", "holiday.jpg"], ["log.jsonl"], ["sub/a.txt"]]
)
def test_a_folder_with_other_files_is_never_replaced(theirs: list[str]) -> None:
    """A mistyped output folder does not destroy the user's files."""
    for name in theirs:
        path = Path("mine") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("dear")
    before = files("mine")
    with pytest.raises(CheckpointError, match="mine is not a chargen model, so it is not replaced"):
        create_with("mine", overwrite=True)
    assert files("mine") == before
    assert names() == ["mine"]


def test_a_file_is_never_replaced() -> None:
    """An output folder must not be a file."""
    Path("mine").write_text("dear")
    with pytest.raises(CheckpointError, match="mine is a file, not a model folder"):
        create_with("mine")
    with pytest.raises(CheckpointError, match="mine is a file, not a model folder"):
        create_with("mine", overwrite=True)
    assert Path("mine").read_text() == "dear"


@pytest.mark.parametrize("suffix", [".old", ".new"])
def test_copies_next_to_a_replaced_model_are_kept(suffix: str) -> None:
    """A folder with a similar name is not touched."""
    model = make_model(Path("model"))
    copy = make_model(Path("model" + suffix), "a copy")
    (copy / "notes.txt").write_text("dear")
    before = files(copy)
    create_with(model, CONFIG, overwrite=True).finish()
    assert files(copy) == before


@pytest.mark.parametrize("output", [None, Path("checkpoints/novel.new")])
def test_a_run_named_like_a_replacement_replaces_nothing(output: Path | None) -> None:
    """A resumed run in novel.new stays there, and novel does not change."""
    model = make_model(Path("checkpoints/novel"))
    folder = RunFolder.create(output, "novel.new", overwrite=False)
    for name in (CONFIG, MODEL, TRAINING):
        folder.write(name, b"{}")
    folder.close()
    again = reopen(output, "novel.new")
    assert again.final_path == Path("checkpoints/novel.new")
    again.finish()
    assert files(model) == OLD


def test_a_folder_is_locked_during_training() -> None:
    """Another process cannot resume or replace an active run."""
    folder = create_with("model", CONFIG, TRAINING)
    with pytest.raises(CheckpointError, match="model is in use by process"):
        RunFolder.reopen(Path("model"), "poems")
    with pytest.raises(CheckpointError, match="model is in use by process"):
        create_with("model", overwrite=True)
    folder.close()
    first = create_with("model", CONFIG, overwrite=True)
    with pytest.raises(CheckpointError, match=r"^model is in use by process"):
        create_with("model", overwrite=True)
    first.close()


def test_the_remains_of_a_killed_run_are_removed() -> None:
    """The lock file does not block the folder, and temporary files are deleted."""
    model = make_model(Path("model"))
    for name in (LOCK, TRAINING, f".{MODEL}.0123abcd{TEMPORARY}"):
        (model / name).touch()
    reopen(model, "poems").close()
    assert names(model) == sorted([CONFIG, MODEL, TRAINING])


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("file/model", "file/model cannot be created: Not a directory"),
        ("file/a/b", "file/a/b cannot be created: Not a directory"),
        ("x" * 300, "cannot be created: File name too long"),
        (None, "checkpoints/poems cannot be created: Not a directory"),
    ],
)
def test_an_impossible_folder_is_an_error(output: str | None, message: str) -> None:
    """The error names the path and changes nothing."""
    Path("file").write_text("dear")
    Path("checkpoints").write_text("dear")
    with pytest.raises(CheckpointError, match=message):
        create_with(output)
    assert files(".") == {"file": "dear", "checkpoints": "dear"}


def test_the_newest_run_of_a_corpus_is_found() -> None:
    """Without an output folder, the newest run of the corpus is opened."""
    for name in ("poems", "poems", "poems-of-others"):
        folder = RunFolder.create(None, name, overwrite=False)
        folder.write(TRAINING, b"{}")
        folder.close()
    again = reopen(None, "poems")
    assert again.path == Path("checkpoints/poems-2")
    again.close()


def test_a_missing_run_is_not_found() -> None:
    """There is no error, and nothing is created: a loop can start the run."""
    assert RunFolder.reopen(None, "poems") is None
    assert RunFolder.reopen(Path("nowhere"), "poems") is None
    assert names() == []


@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_replacement_that_was_killed_is_ended(is_replaced: bool) -> None:
    """The old model is restored, or removed if the new one already has its place."""
    make_model(Path(".model.old"))
    if is_replaced:
        make_model(Path("model"), "new")
    with pytest.raises(CheckpointError, match="model exists"):
        create_with("model")
    assert files(".") == {f"model/{name}": "new" if is_replaced else "old" for name in OLD}


def test_the_current_folder_can_be_the_output(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dot names a folder like any other path."""
    monkeypatch.chdir(make_model(Path("model")))
    Path(TRAINING).touch()
    again = reopen(Path(), "poems")
    again.close()
    assert again.final_path.resolve() == Path().resolve()


def test_a_log_has_one_json_object_per_line_and_can_be_truncated() -> None:
    """The records after a save can be removed."""
    folder = create_with("model")
    folder.log(Evaluation(step=7, fraction=0.5, nats=1.25, best=True, seconds=0.1, characters=9))
    size = folder.log_size()
    folder.log(Sample(step=8, text="ü\n"))
    lines = (folder.path / LOG).read_text(encoding="utf-8").splitlines(keepends=True)
    assert [json.loads(line)["record"] for line in lines] == ["evaluation", "sample"]
    assert json.loads(lines[0])["nats"] == 1.25
    for truncated in (size, size + 1000):
        folder.truncate_log(truncated)
        assert (folder.path / LOG).read_text(encoding="utf-8") == lines[0]
    folder.close()


def test_two_runs_that_start_at_once_get_different_default_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that another run takes after it was found free is skipped."""
    monkeypatch.chdir(tmp_path)
    first = RunFolder.create(None, "text", overwrite=False)
    exists = os.path.exists
    monkeypatch.setattr(os.path, "exists", lambda path: path != first.path and exists(path))
    second = RunFolder.create(None, "text", overwrite=False)
    assert (first.path, second.path) == (Path("checkpoints/text"), Path("checkpoints/text-2"))
    second.close()
    first.close()
