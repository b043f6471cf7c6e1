"""A whole comparison, as one that is read or written."""

from collections.abc import Callable, Iterator

import pytest
import torch

from chargen.records import Comparison
from tests.a_comparison import make_comparison


@pytest.fixture(scope="session")
def build() -> Callable[..., Comparison]:
    """A maker of comparisons, called with the cells and the tasks that it is to have."""
    return make_comparison


@pytest.fixture(scope="session")
def comparison() -> Comparison:
    """The whole comparison."""
    return make_comparison()


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Networks as small as those of tests wait for a second thread more than it helps them."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
