"""Small studies that are fast on any machine, and one whole comparison that the tests share."""

from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
import torch

from chargen.comparison.compare import compare, open_folder
from chargen.comparison.config import StudyConfig
from chargen.comparison.folder import ComparisonFolder
from chargen.comparison.options import ComparisonOptions
from chargen.comparison.result import Comparison
from chargen.comparison.runner import Progress
from chargen.evaluation.coherence import Families, read_rhyme_families
from chargen.text.corpus import Corpus
from chargen.text.kind import STREAM, TextKind

Result = TypeVar("Result")

SMALL = StudyConfig(
    text_characters=20_000,
    windows=(8, 32),
    context_targets=60,
    gradient_places=4,
    task_characters=2_000,
    task_episodes=20,
    task_hidden_size=12,
    task_learning_rates=(1e-3, 1e-2),
    sweep_episodes=60,
    gradient_episodes=8,
)
OPTIONS = ComparisonOptions(
    tasks=("recall",), lags=(25, 50), hidden_size=32, repeats=3, prompt="neuron"
)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Use one thread: for networks this small, a second one is slower."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def rhymes(repository: Path) -> Path:
    return repository / "corpora" / "rhymes.txt"


@pytest.fixture(scope="session")
def families(repository: Path) -> Families:
    return read_rhyme_families(repository / "corpora" / "rhyme-families.txt")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[ComparisonFolder]:
    """A folder for the stages of one study."""
    made = ComparisonFolder.open(tmp_path / "folder", "x", {})
    yield made
    made.close()


def finish(work: Generator[float, None, Result]) -> Result:
    """Run a generator to its end and return its result."""
    while True:
        try:
            assert 0 <= next(work) <= 1
        except StopIteration as end:
            result: Result = end.value
            return result


@pytest.fixture(scope="session")
def run(rhymes: Path, families: Families) -> Callable[..., Comparison]:
    """A function that runs a small comparison in a folder.

    stops: where it is stopped and started again: after a number of steps, or in a stage.
    """

    def call(
        path: Path,
        options: ComparisonOptions = OPTIONS,
        stops: tuple[int | str, ...] = (),
        kind: TextKind = STREAM,
        text: Path = rhymes,
    ) -> Comparison:
        corpus = Corpus.read([text], kind=kind)
        for stop in (*stops, None):
            folder = open_folder(path, corpus, options, families)
            work = compare(corpus, options, folder, families=families, config=SMALL)
            if stop is not None:
                for step, record in enumerate(work, 1):
                    assert isinstance(record, Progress)
                    if stop in (step, record.doing):
                        break
                work.close()
                folder.close()
        *progress, comparison = work
        assert isinstance(comparison, Comparison)
        fractions = [record.fraction for record in progress if isinstance(record, Progress)]
        assert fractions == sorted(fractions)
        assert 0 <= fractions[0] <= fractions[-1] <= 1
        folder.finish(comparison)
        folder.close()
        return comparison

    return call


@pytest.fixture(scope="session")
def whole(
    run: Callable[..., Comparison], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Comparison]:
    """The folder of a small comparison of four cells on a text and a task, and its result."""
    path = tmp_path_factory.mktemp("whole") / "comparison"
    return path, run(path)
