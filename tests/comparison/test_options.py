"""Tests of the options of a comparison: the message of an error has the allowed values."""

import math
from typing import Any

import pytest

from chargen.comparison.options import ComparisonOptions
from chargen.errors import OptionError
from chargen.tasks.registry import TASKS


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"cells": ("lstm", "transformer")}, "cells must be one of lstm, gru, mingru, rnn, feed"),
        ({"cells": ("lstm", "lstm")}, "cells must be a list without duplicates"),
        ({"cells": ()}, "cells must be one value or more"),
        ({"minutes": 0.0}, "minutes must be"),
        ({"minutes": math.nan}, "minutes must be"),
        ({"repeats": 0}, "repeats must be"),
        ({"seed": -1}, "seed must be"),
        ({"prompt": "n"}, "prompt must be two characters or more"),
        ({"tasks": ("recall",), "lags": (5,)}, "lags must be between 13 and 3,200 for recall"),
        ({"tasks": ("recall",), "lags": (6_400,)}, "lags must be"),
        ({"tasks": ("recall",), "lags": ()}, "lags must be one value or more"),
        ({"tasks": ("juggling",)}, "tasks must be one of recall, nesting"),
        ({"hidden_size": 0}, "hidden_size must be"),
        ({"num_layers": 0}, "num_layers must be"),
    ],
)
def test_values_that_are_not_allowed_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message) as caught:
        ComparisonOptions(**fields)
    assert "\n" not in str(caught.value)


def test_all_tasks_can_be_chosen() -> None:
    assert ComparisonOptions(tasks=("all",)).tasks == tuple(TASKS)
