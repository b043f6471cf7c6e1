"""Fixtures of all tests."""

import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import settings

from chargen.model.checkpoint import CONFIG, TOKENIZER, Description, write_model
from chargen.model.config import ModelConfig
from chargen.text.kind import STREAM, TextKind
from chargen.text.vocabulary import Vocabulary
from tests.same_run import assert_same_run as compare_runs

# There is no deadline, since tests do not measure time. The examples are the same in every run.
settings.register_profile("chargen", deadline=None, derandomize=True, database=None)
# More examples, different ones in every run, to search for bugs.
settings.register_profile("search", deadline=None, max_examples=1_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "chargen"))


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root folder of the repository."""
    return Path(__file__).parents[1]


@pytest.fixture(scope="session")
def data(repository: Path) -> Path:
    """A folder of real texts, which are not part of the repository."""
    folder = repository / os.environ.get("CHARGEN_TEST_DATA", "../shared/data")
    if not folder.is_dir():
        pytest.skip(f"no texts in {folder} (set CHARGEN_TEST_DATA)")
    return folder


@pytest.fixture(scope="session")
def make_model() -> Callable[..., Path]:
    """A function that writes a small model with random weights."""

    def make(
        folder: Path,
        text: str = "to be, or not",
        seed: int = 0,
        weights_dtype: str = "float32",
        kind: TextKind = STREAM,
        **sizes: Any,
    ) -> Path:
        vocabulary = Vocabulary.build([text], boundary=kind.boundary)
        small = {"embedding_size": 3, "hidden_size": 4}
        config = ModelConfig(len(vocabulary), **{**small, **sizes})
        random = np.random.default_rng(seed)
        weights = {
            name: random.standard_normal(shape, np.float32)
            for name, shape in config.shapes().items()
        }
        corpus = {"name": "text", "kind": asdict(kind)}
        description = Description(config, {"seed": seed}, corpus, {"preset": "tiny"})
        siblings = {CONFIG: description.to_json(), TOKENIZER: vocabulary.to_json()}
        folder.mkdir(parents=True)
        for name, content in siblings.items():
            (folder / name).write_bytes(content)
        measured = {"step": seed, "validation_nats": 1.5}
        write_model(folder, siblings, weights, measured, weights_dtype=weights_dtype)
        return folder

    return make


@pytest.fixture
def assert_same_run() -> Callable[[Path, Path], None]:
    """Return a function that compares two run folders bit by bit, except for times."""
    return compare_runs


@pytest.fixture(scope="session")
def trained(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that was trained for a few seconds, with a tenth of the text as validation set."""
    from chargen import train

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("trained") / "rhymes"
    train(
        repository / "corpora" / "rhymes.txt",
        output=folder,
        steps=400,
        hidden_size=48,
        embedding_size=16,
        batch_size=8,
        sequence_length=32,
        learning_rate=0.02,
        validation_fraction=0.1,
        precision="float32",
        device="cpu",
    )
    torch.set_num_threads(before)
    return folder


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add an option for the tests that take minutes."""
    parser.addoption("--long", action="store_true", help="run the tests that take minutes, too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip the tests that take minutes."""
    if not config.getoption("--long"):
        skip = pytest.mark.skip(reason="takes minutes (--long runs it)")
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(skip)
