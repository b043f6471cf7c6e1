"""Tests of the features of a text, and of the search for units that follow them."""

import numpy as np
import pytest

from chargen.evaluation.unit_features import features, unit_features

TEXT = 'One (two)\nsaid "No".\n'


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("position in the line", [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, *range(1, 11), 0]),
        ("characters to the end of the line", [*range(9, -1, -1), *range(10, -1, -1)]),
        ("inside quotation marks", [*[0] * 15, 1, 1, 1, 0, 0, 0]),
        ("inside brackets", [*[0] * 4, 1, 1, 1, 1, *[0] * 13]),
        (
            "letters of the word so far",
            [1, 2, 3, 0, 0, 1, 2, 3, 0, 0, 1, 2, 3, 4, 0, 0, 1, 2, 0, 0, 0],
        ),
        ("capital letter", [1, *[0] * 15, 1, 0, 0, 0, 0]),
        ("last word starts with a capital", [1] * 5 + [0] * 11 + [1] * 5),
        ("next word starts with a capital", [0] * 10 + [1] * 6 + [0] * 5),
    ],
)
def test_features_of_a_text(name: str, expected: list[int]) -> None:
    """Each feature has a value after each character."""
    assert features(TEXT)[name].tolist() == expected


LONG = "".join(f"line {'of text ' * (k % 7)}ends here.\n" for k in range(60))


def test_the_unit_that_follows_a_feature_is_found() -> None:
    """Its sign does not matter, and it is confirmed on the other half, unlike noise."""
    random = np.random.default_rng(1)
    units = random.standard_normal((len(LONG), 12))
    position = features(LONG)["position in the line"]
    units[:, 7] = 0.3 * random.standard_normal(len(LONG)) - position / position.std()
    found = unit_features(units, LONG, 6)
    best = {each.feature: each for each in found}["position in the line"]
    assert (best.layer, best.unit) == (1, 1)
    # The noise leaves a correlation of 1 / sqrt(1.09) = 0.958.
    assert best.found == pytest.approx(-0.958, abs=0.02)
    assert best.confirmed == pytest.approx(-0.958, abs=0.02)
    assert best.chance < 0.5
    assert found[0].feature == best.feature


def test_without_a_unit_that_follows_it_nothing_is_confirmed() -> None:
    """For units of noise, the correlations found are at chance level.

    The largest of 20 exceeds the largest of 19 others in 1 of 20 cases for each feature; the bound
    of twice the chance level is exceeded with a probability below 1e-6.
    """
    random = np.random.default_rng(2)
    found = unit_features(random.standard_normal((len(LONG), 12)), LONG, 12)
    assert sum(each.is_confirmed for each in found) <= 1
    for each in found:
        assert abs(each.found) < 2 * each.chance
        assert abs(each.confirmed) < 0.15


def test_a_constant_feature_is_left_out() -> None:
    """A text without brackets has no unit for them, and a constant unit has no correlation."""
    units = np.zeros((len(LONG), 3))
    found = unit_features(units, LONG, 3)
    names = [each.feature for each in found]
    assert "inside brackets" not in names
    assert "position in the line" in names
    assert all(each.found == each.confirmed == each.chance == 0 for each in found)
