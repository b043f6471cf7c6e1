"""Values from Python are held to the types that the options have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from chargen.errors import OptionError
from chargen.options import check_types


@dataclass(frozen=True)
class Options:
    """One field of each kind."""

    count: int = 1
    share: float | None = None
    name: str = "x"
    on: bool = False
    others: tuple[str, ...] = ()


@pytest.mark.parametrize(
    "good", [{"count": np.int64(3)}, {"share": 1}, {"share": np.float32(0.5)}, {"others": 5}]
)
def test_what_fits_passes(good: dict[str, object]) -> None:
    """Whole numbers are numbers too, numpy's as well, and other kinds are not looked at."""
    check_types(Options(**good))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"count": "3"}, "--count must be a whole number, got '3'"),
        ({"count": None}, "--count must be a whole number, got None"),
        ({"count": True}, "--count must be a whole number, got True"),
        ({"share": "hot"}, "--share must be a number, got 'hot'"),
        ({"share": 10**400}, "--share must be a number, got 1"),
        ({"name": None}, "--name must be a text, got None"),
        ({"on": "no"}, "--on must be True or False, got 'no'"),
    ],
)
def test_what_does_not_fit_is_refused(bad: dict[str, object], said: str) -> None:
    """The message names the option, what is wanted, and what came."""
    with pytest.raises(OptionError) as raised:
        check_types(Options(**bad))  # type: ignore[arg-type]
    assert str(raised.value).startswith(said)
