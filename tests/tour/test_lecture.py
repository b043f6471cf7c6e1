"""Tests of the lecture: what its screens claim holds with the models in the package."""

import numpy as np
import pytest

from chargen.evaluation.inspection import InspectionSettings
from chargen.evaluation.trace_distance import state_distance
from chargen.model.checkpoint import CONFIG, MODEL, TOKENIZER
from chargen.model.find import PRETRAINED, TOUR, find, names
from chargen.tasks import agreement, recall
from chargen.tour import lecture
from chargen.tour.readings import chances, gradient_by_lag, load, next_chances, read
from chargen.tour.screens import Live, Screen, Table
from tests.tour_models import MODELS

RECURRENT = (lecture.RNN, lecture.LSTM)


@pytest.fixture(scope="module")
def screens() -> list[Screen]:
    """All screens."""
    return list(lecture.screens())


# The models


def test_the_folders_hold_only_models() -> None:
    """Each has three files; together they have at most 1 MB."""
    folders = sorted(path for path in (PRETRAINED / TOUR).iterdir() if path.is_dir())
    assert [folder.name for folder in folders] == sorted(MODELS)
    for folder in folders:
        assert {file.name for file in folder.iterdir()} == {CONFIG, TOKENIZER, MODEL}
    files = [path for path in (PRETRAINED / TOUR).rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 1_000_000


def test_a_name_with_the_folder_finds_a_model() -> None:
    """`tour/recall` is a model; the models of the lecture are not among the listed names."""
    assert find("tour/recall") == PRETRAINED / "tour" / "recall"
    assert not set(names()) & {TOUR, *MODELS}


# The claims of the screens


def test_softmax_and_threshold(screens: list[Screen]) -> None:
    """The probabilities are the softmax of the logits; the network writes the word, then stops."""
    trace = read(lecture.LSTM, "neur")
    exponentials = np.exp(trace.logits[-1][1:])
    assert np.allclose(trace.probabilities[-1][1:], exponentials / exponentials.sum())
    written = [part for part in screens[0].body if isinstance(part, Table)][-1].rows
    assert "".join(str(row[1]) for row in written).startswith("ron")
    assert [row[-1] for row in written] == ["write"] * (len(written) - 1) + ["stop"]


def test_only_the_network_without_memory_sees_every_r_alike() -> None:
    """After r, the feed-forward network's prediction never changes; the others' does."""
    texts = ("neur", "car", "other")
    for model in (lecture.FEEDFORWARD, *RECURRENT):
        first, *others = (read(model, text).probabilities[-1] for text in texts)
        distance = min(float(abs(other - first).sum() / 2) for other in others)
        # Matrix products of different shapes round differently.
        assert distance < 1e-12 if model == lecture.FEEDFORWARD else distance > 0.3


def test_memory_spells_neuron() -> None:
    """Only the networks with a state expect the o of neuron."""
    found = {m: next_chances(m, "neuron")[3] for m in (lecture.FEEDFORWARD, *RECURRENT)}
    assert found[lecture.FEEDFORWARD] < 0.25
    assert min(found[model] for model in RECURRENT) > 0.5


def test_the_gradient_of_the_rnn_vanishes() -> None:
    """It falls with the distance; in the LSTM, the gradient of the weather of day 1 remains."""
    following = {lecture.WEEK.format(weather=each): each[0] for each in recall.WEATHER}
    weather = len(next(iter(following))) - len("day 1: rain")
    rnn, lstm = (
        gradient_by_lag(model, following, [0, 10, 40, 60, 80, weather])
        for model in (lecture.RECALL_RNN, lecture.RECALL)
    )
    assert rnn[0] == lstm[0] == 1
    assert (rnn[1:] < rnn[:-1]).all()
    assert rnn[-1] < 1e-3
    assert lstm[-1] > 0.1
    for text, answer in following.items():
        assert chances(read(lecture.RECALL, text), [answer])[0] > 0.8
    guessed = [chances(read(lecture.RECALL_RNN, text), [c])[0] for text, c in following.items()]
    assert np.mean(guessed) < 0.3


def test_the_use_gate_is_lower_at_spaces() -> None:
    """Its mean over the units separates spaces from letters."""
    trace = read(lecture.RHYMES, lecture.RHYMING[0])
    means = trace.layers[-1]["o"].mean(1)
    spaces = np.array([character == " " for character in trace.text])
    assert means[spaces].max() < means[~spaces].min()


def test_the_state_carries_the_rhyme() -> None:
    """After the same last letters, each text expects the vowel of its own rhyme."""
    for text, vowel, other in zip(lecture.RHYMING, "ao", "oa", strict=True):
        expected, unexpected = chances(read(lecture.RHYMES, text), vowel + other)
        assert expected > 2 * unexpected


def test_day_1_is_remembered_on_day_5() -> None:
    """Each weather is the answer to its own text."""
    for weather in recall.WEATHER:
        text = lecture.WEEK.format(weather=weather)
        assert chances(read(lecture.RECALL, text), [weather])[0] > 0.8


def test_a_closed_forget_gate_erases_day_1() -> None:
    """The texts with different weather then lead to the same prediction."""
    texts = [lecture.WEEK.format(weather=weather) for weather in ("rain", "snow")]
    shut = InspectionSettings(close=("forget",), start=texts[0].index("day 5"))
    one, other = (read(lecture.RECALL, text, shut).probabilities[-1] for text in texts)
    assert float(abs(one - other).sum()) < 0.1


def test_c_keeps_the_difference_and_h_does_not() -> None:
    """Between day 1 and the question, only the long-term memory differs with the weather."""
    one, other = (
        read(lecture.RECALL, lecture.WEEK.format(weather=each)) for each in ("rain", "snow")
    )
    days = [one.text.index(f" day {day}") - 1 for day in (2, 3, 4, 5)]
    assert (
        state_distance(one, other, "c")[days].min()
        > 10 * state_distance(one, other, "h")[days].max()
    )
    assert state_distance(one, other, "h")[-1] > 0.1


def test_the_old_subject_is_forgotten() -> None:
    """The pronoun agrees with the first subject, and then with the second one."""
    for text, pronoun in ((lecture.FIRST_SUBJECT, "she"), (lecture.SECOND_SUBJECT, "he")):
        (share,) = chances(read(lecture.AGREEMENT, text), [pronoun])
        assert share > 0.8
    assert set(agreement.PRONOUNS) > {"he", "she"}


def test_the_place_decides_between_dog_and_wolf() -> None:
    """The wolf is likely in the woods, the dog in the kitchen, as in the training texts."""
    for place, animal in (("in the woods", "wolf"), ("in the kitchen", "dog")):
        trace = read(lecture.CONTEXT, lecture.STORY.format(place=place))
        (probability,) = chances(trace, [animal])
        assert 0.6 <= probability <= 0.95


# The screens


def test_every_screen_is_complete(screens: list[Screen]) -> None:
    """There are seven screens; each says what to look at and what to try, and names its models."""
    assert len(screens) == 7
    for screen in screens:
        assert screen.look
        assert screen.commands
        assert all(find(model).parent == PRETRAINED / TOUR for model in screen.models)


def test_live_figures_fit_their_models(screens: list[Screen]) -> None:
    """Each screen has one; its models are the screen's and know its texts and choices."""
    for screen in screens:
        figures = [part for part in screen.body if isinstance(part, Live)]
        assert figures
        for figure in figures:
            assert set(figure.models) <= set(screen.models)
            assert len(figure.texts) == (2 if "pair" in figure.views else 1)
            assert len({word[0] for word in figure.choices}) == len(figure.choices)
            for model in figure.models:
                known = set(load(model).vocabulary.characters)
                assert known >= set("".join((*figure.texts, *figure.choices)))
