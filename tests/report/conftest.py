"""A whole comparison, and all that is drawn of it."""

from collections.abc import Callable

import pytest

from chargen.records import Comparison
from chargen.report.folder import files
from tests.a_comparison import make_comparison


@pytest.fixture(scope="session")
def build() -> Callable[..., Comparison]:
    """A maker of comparisons, called with the cells and the tasks that it is to have."""
    return make_comparison


@pytest.fixture(scope="session")
def comparison() -> Comparison:
    """The whole comparison."""
    return make_comparison()


@pytest.fixture(scope="session")
def written(comparison: Comparison) -> dict[str, bytes]:
    """All files of the whole comparison."""
    return files(comparison)
