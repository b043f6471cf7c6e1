"""What the tests of training share: one thread, a short text, a tiny network."""

from collections.abc import Iterator

import pytest
import torch

from chargen.text.corpus import Corpus
from chargen.training.config import Budget
from chargen.training.plan import Asked

SENTENCES = (
    "the cat sat on the mat and sang.\n"
    "a dog ran to the gate in the rain.\n"
    "we saw a red fox by the old box.\n"
    "who made the cake that we ate by the lake?\n"
)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny networks are slower on many threads, and sums over one have one order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def corpus() -> Corpus:
    """About 1,400 characters in 40 sentences."""
    return Corpus.of([SENTENCES * 10], name="story")


@pytest.fixture
def asked() -> Asked:
    """A network that trains its twenty updates in a blink, and saves only when it must."""
    return Asked(
        budget=Budget("steps", 20),
        embedding_size=6,
        hidden_size=12,
        num_layers=1,
        batch_size=4,
        sequence_length=16,
        dropout=0.0,
        save_every=1e6,
        precision="float32",
        device="cpu",
        seed=3,
    )
