"""The folder of a run: its name, its lock, and that nothing of anybody's is lost."""

import json
from pathlib import Path

import pytest

from chargen.errors import CheckpointError
from chargen.model.checkpoint import CONFIG, LOCK, LOG, MODEL, TRAINING
from chargen.model.storage import TEMPORARY
from chargen.records import Evaluation
from chargen.training.folder import RunFolder


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Default folders lie under the current one."""
    monkeypatch.chdir(tmp_path)


def a_model(path: Path, content: str = "old") -> Path:
    """A folder that looks like one of chargen's."""
    path.mkdir(parents=True)
    for name in (CONFIG, MODEL):
        (path / name).write_text(content)
    return path


def files(path: Path) -> dict[str, str]:
    """Every file below a folder with its content."""
    return {
        str(file.relative_to(path)): file.read_text() for file in path.rglob("*") if file.is_file()
    }


def test_runs_of_one_name_get_numbers() -> None:
    """The folder is the text's name, then the name with -2, then with -3."""
    for name in ("poems", "poems-2", "poems-3"):
        folder = RunFolder.create(None, "poems", overwrite=False)
        assert folder.path == folder.final_path == Path("checkpoints") / name
        folder.write(CONFIG, b"{}")
        folder.close()


def test_a_name_that_a_file_has_is_passed_over() -> None:
    """Where something else stands under the name, the next number is taken."""
    Path("checkpoints").mkdir()
    Path("checkpoints/poems").write_text("not a folder")
    folder = RunFolder.create(None, "poems", overwrite=False)
    assert folder.path == Path("checkpoints/poems-2")
    folder.close()
    assert Path("checkpoints/poems").read_text() == "not a folder"


def test_a_folder_in_which_nothing_was_written_is_taken_away() -> None:
    """Whoever fails before the first save leaves nothing behind, the folder for all included."""
    RunFolder.create(None, "poems", overwrite=False).close()
    assert not Path("checkpoints").exists()


def test_parents_made_for_a_folder_that_was_not_used_are_taken_away() -> None:
    """A deep -o leaves no empty folders behind either."""
    RunFolder.create(Path("a/b/c"), "poems", overwrite=False).close()
    assert not Path("a").exists()


def test_an_empty_folder_of_the_user_stays() -> None:
    """To look for a run in a folder does not remove it, however empty."""
    Path("mine").mkdir()
    RunFolder.reopen(Path("mine"), "poems").close()
    assert Path("mine").is_dir()


def test_a_folder_that_is_named_is_made_with_its_parents() -> None:
    """-o may lie some folders deep."""
    folder = RunFolder.create(Path("a/b/c"), "poems", overwrite=False)
    folder.write(CONFIG, b"{}")
    folder.close()
    assert files(Path("a/b/c")) == {CONFIG: "{}"}


def test_a_model_that_exists_is_refused() -> None:
    """Without --overwrite an existing folder is an error, and stays as it is."""
    model = a_model(Path("model"))
    with pytest.raises(CheckpointError, match=r"model exists \(--resume .*--overwrite .*-o names"):
        RunFolder.create(model, "poems", overwrite=False)
    assert files(model) == {CONFIG: "old", MODEL: "old"}


def test_a_model_is_left_alone_until_its_successor_is_finished() -> None:
    """--overwrite writes beside the old model, then puts the new one in its place."""
    model = a_model(Path("model"))
    folder = RunFolder.create(model, "poems", overwrite=True)
    folder.write(CONFIG, b"new")
    folder.write(MODEL, b"new")
    assert folder.path != model
    assert folder.final_path == model
    assert files(model) == {CONFIG: "old", MODEL: "old"}
    folder.finish()
    assert files(model) == {CONFIG: "new", MODEL: "new"}
    assert [path.name for path in Path().iterdir()] == ["model"]


def test_a_successor_that_was_stopped_leaves_the_model_alone() -> None:
    """Closed before its end, a replacing run leaves the old model, and can be found again."""
    model = a_model(Path("model"))
    folder = RunFolder.create(model, "poems", overwrite=True)
    for name in (CONFIG, MODEL, TRAINING):
        folder.write(name, b"new")
    folder.close()
    assert files(model) == {CONFIG: "old", MODEL: "old"}
    again = RunFolder.reopen(model, "poems")
    assert (again.path, again.final_path) == (folder.path, model)
    again.finish()
    assert files(model) == {CONFIG: "new", MODEL: "new", TRAINING: "new"}


def test_a_stopped_successor_is_replaced_by_the_next() -> None:
    """A second --overwrite begins from nothing."""
    model = a_model(Path("model"))
    first = RunFolder.create(model, "poems", overwrite=True)
    first.write(CONFIG, b"stopped")
    first.close()
    second = RunFolder.create(model, "poems", overwrite=True)
    assert not any(file for file in files(second.path) if file != LOCK)
    second.write(CONFIG, b"new")
    second.finish()
    assert files(model) == {CONFIG: "new"}


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_of_a_run_that_was_killed_at_once_is_taken(overwrite: bool) -> None:
    """Nothing but a lock that nobody holds and half a file: no run, so nothing to lose."""
    Path("mine").mkdir()
    for name in (LOCK, f".{CONFIG}.0123abcd{TEMPORARY}"):
        (Path("mine") / name).write_text("")
    folder = RunFolder.create(Path("mine"), "poems", overwrite=overwrite)
    assert folder.path == folder.final_path == Path("mine")
    assert files(Path("mine")) == {LOCK: ""}
    with pytest.raises(CheckpointError, match="is being trained by another process"):
        RunFolder.create(Path("mine"), "poems", overwrite=overwrite)
    folder.close()


def test_an_empty_folder_may_be_overwritten() -> None:
    """There is nothing to lose in it."""
    Path("model").mkdir()
    folder = RunFolder.create(Path("model"), "poems", overwrite=True)
    assert folder.path == Path("model")
    folder.close()


@pytest.mark.parametrize(
    "theirs", [["thesis.tex"], ["config.json", "holiday.jpg"], ["log.jsonl"], ["sub/a.txt"]]
)
def test_a_folder_with_anything_else_in_it_is_never_replaced(theirs: list[str]) -> None:
    """A mistyped -o costs nobody their files."""
    for name in theirs:
        path = Path("mine") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("dear")
    before = files(Path("mine"))
    with pytest.raises(CheckpointError, match=r"mine is not a model folder of chargen.*nothing"):
        RunFolder.create(Path("mine"), "poems", overwrite=True)
    assert files(Path("mine")) == before
    assert [path.name for path in Path().iterdir()] == ["mine"]


def test_a_file_is_never_replaced() -> None:
    """-o may not be a file, with --overwrite or without."""
    Path("mine").write_text("dear")
    with pytest.raises(CheckpointError, match="mine exists"):
        RunFolder.create(Path("mine"), "poems", overwrite=False)
    with pytest.raises(CheckpointError, match="mine is a file, not a model folder"):
        RunFolder.create(Path("mine"), "poems", overwrite=True)
    assert Path("mine").read_text() == "dear"


@pytest.mark.parametrize("suffix", [".old", ".new"])
def test_neighbours_of_a_replaced_model_are_left_alone(suffix: str) -> None:
    """Whoever keeps a copy beside the model finds it there after the model is replaced."""
    model = a_model(Path("model"))
    copy = a_model(Path("model" + suffix), "a copy that somebody made")
    (copy / "notes.txt").write_text("dear")
    before = files(copy)
    try:
        folder = RunFolder.create(model, "poems", overwrite=True)
    except CheckpointError:
        assert suffix == ".new"  # to refuse is right too, where the name is needed
    else:
        folder.write(CONFIG, b"new")
        folder.finish()
    assert files(copy) == before


@pytest.mark.parametrize("output", [None, Path("checkpoints/novel.new")])
def test_a_run_whose_own_name_ends_like_a_successors_replaces_nothing(output: Path | None) -> None:
    """A run in novel.new that is resumed stays there, and novel stays as it is."""
    model = a_model(Path("checkpoints/novel"))
    folder = RunFolder.create(output, "novel.new", overwrite=False)
    for name in (CONFIG, MODEL, TRAINING):
        folder.write(name, b"{}")
    folder.close()
    again = RunFolder.reopen(output, "novel.new")
    assert again.final_path == Path("checkpoints/novel.new")
    again.finish()
    assert files(model) == {CONFIG: "old", MODEL: "old"}


def test_a_folder_is_locked_while_it_is_trained() -> None:
    """Nobody else resumes or replaces a run that is going on."""
    folder = RunFolder.create(Path("model"), "poems", overwrite=False)
    folder.write(CONFIG, b"{}")
    folder.write(TRAINING, b"{}")
    with pytest.raises(CheckpointError, match="model is being trained by another process"):
        RunFolder.reopen(Path("model"), "poems")
    with pytest.raises(CheckpointError, match="model is being trained by another process"):
        RunFolder.create(Path("model"), "poems", overwrite=True)
    folder.close()
    RunFolder.reopen(Path("model"), "poems").close()


def test_a_successor_is_locked_while_it_is_trained() -> None:
    """Two runs do not replace one model at the same time."""
    model = a_model(Path("model"))
    first = RunFolder.create(model, "poems", overwrite=True)
    first.write(CONFIG, b"{}")
    with pytest.raises(CheckpointError, match="is being trained by another process"):
        RunFolder.create(model, "poems", overwrite=True)
    first.close()


def test_a_lock_that_a_killed_run_left_is_no_obstacle() -> None:
    """A lock's file without its owner holds nobody up."""
    model = a_model(Path("model"))
    (model / LOCK).touch()
    (model / TRAINING).touch()
    RunFolder.reopen(model, "poems").close()
    assert not (model / LOCK).exists()


def test_half_written_files_of_a_killed_run_are_cleaned_up() -> None:
    """The temporary files go when the run is opened again; the others stay."""
    model = a_model(Path("model"))
    (model / f".{MODEL}.0123abcd.tmp").write_text("half")
    (model / TRAINING).touch()
    RunFolder.reopen(model, "poems").close()
    assert set(files(model)) == {CONFIG, MODEL, TRAINING}


@pytest.mark.parametrize("output", ["file/model", "file/a/b"])
def test_a_folder_below_a_file_cannot_be_made(output: str) -> None:
    """The error says so at once, with one line for the path that was named."""
    Path("file").write_text("dear")
    with pytest.raises(CheckpointError, match=f"{output} cannot be made"):
        RunFolder.create(Path(output), "poems", overwrite=False)
    assert files(Path()) == {"file": "dear"}


def test_a_file_in_the_place_of_the_default_root_is_an_error() -> None:
    """Where `checkpoints` is a file, no number helps."""
    Path("checkpoints").write_text("dear")
    with pytest.raises(CheckpointError, match="cannot be made"):
        RunFolder.create(None, "poems", overwrite=False)


def test_a_name_that_is_too_long_is_an_error() -> None:
    """What the file system refuses is told by the name that was given."""
    with pytest.raises(CheckpointError, match="cannot be made: File name too long"):
        RunFolder.create(Path("x" * 300), "poems", overwrite=False)


def test_a_run_is_found_again_by_the_name_of_its_text() -> None:
    """Without -o the newest run of the text goes on, also one with a number."""
    for _ in range(2):
        folder = RunFolder.create(None, "poems", overwrite=False)
        folder.write(TRAINING, b"{}")
        folder.close()
    other = RunFolder.create(None, "poems-of-others", overwrite=False)
    other.write(TRAINING, b"{}")
    other.close()
    again = RunFolder.reopen(None, "poems")
    assert again.path == Path("checkpoints/poems-2")
    again.close()


def test_a_run_that_is_not_there_is_not_found_again() -> None:
    """The error tells how to start one."""
    with pytest.raises(CheckpointError, match=r"no run on poems under checkpoints/ to resume"):
        RunFolder.reopen(None, "poems")
    with pytest.raises(CheckpointError, match="nowhere does not exist"):
        RunFolder.reopen(Path("nowhere"), "poems")
    assert not list(Path().iterdir())


def test_the_current_folder_can_be_named_by_a_dot(monkeypatch: pytest.MonkeyPatch) -> None:
    """-o . is a folder like any other, for going on and for replacing."""
    monkeypatch.chdir(a_model(Path("model")))
    Path(TRAINING).touch()
    again = RunFolder.reopen(Path(), "poems")
    again.close()
    assert again.final_path.resolve() == Path().resolve()


def test_a_log_is_lines_of_json_and_can_be_cut_back() -> None:
    """Each record is one line, and what came after a save can be dropped."""
    folder = RunFolder.create(Path("model"), "poems", overwrite=False)
    record = Evaluation(step=7, fraction=0.5, nats=1.25, best=True, seconds=0.1)
    folder.log(record)
    size = folder.log_size()
    folder.log({"record": "note", "text": "ü\n"})
    lines = (folder.path / LOG).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["record"] for line in lines] == ["evaluation", "note"]
    assert json.loads(lines[0])["nats"] == 1.25
    folder.cut_log(size)
    assert (folder.path / LOG).read_text(encoding="utf-8") == lines[0] + "\n"
    folder.cut_log(size + 1000)
    assert folder.log_size() == size
    folder.close()
