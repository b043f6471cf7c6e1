"""An example comparison and the files of its report."""

import pytest

from chargen.comparison.result import Comparison
from chargen.report.files import files
from tests.example_comparison import make_comparison


@pytest.fixture(scope="session")
def comparison() -> Comparison:
    """Return a comparison with every part."""
    return make_comparison()


@pytest.fixture(scope="session")
def written(comparison: Comparison) -> dict[str, bytes]:
    """Return all files of its report."""
    return files(comparison)
