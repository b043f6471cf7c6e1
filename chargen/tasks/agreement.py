"""Agreement: a pronoun agrees with its subject; then a new subject replaces the old one."""

from __future__ import annotations

from random import Random

from chargen.tasks.episode import Answer, Episode, Task, certain
from chargen.tasks.filler import SHORTEST, fill

SUBJECTS = {
    "he": ("tom", "ben", "max", "karl"),
    "she": ("anna", "mia", "eva", "lena"),
    "they": ("the twins", "the cooks", "the clowns", "the bakers"),
}
PRONOUNS = tuple(SUBJECTS)
ANNOUNCEMENT = "then "

_STOP = ". "
_VERBS = ("sang", "bowed", "sat down", "sneezed", "danced")
_MIN_LAG = len(_STOP) + SHORTEST + len(ANNOUNCEMENT)
# The lag of the first subject is short; otherwise a long episode would be twice as long.
_MAX_FIRST_LAG = 40


def episode(random: Random, lag: int) -> Episode:
    """Draw text such as `in came eva. wow. then she bowed. in came tom. yum. then he sang.`."""
    first_lag = random.randint(_MIN_LAG, min(lag, _MAX_FIRST_LAG))
    fillers = [_filler(random, first_lag), _filler(random, lag)]
    verbs = [random.choice(_VERBS), random.choice(_VERBS)]
    # The subjects are drawn after the filler, so that the filler cannot depend on them.
    old = random.choice(PRONOUNS)
    others = [pronoun for pronoun in PRONOUNS if pronoun != old]
    new = old if random.random() < 0.5 else random.choice(others)

    text, subject = "", ""
    answers = []
    for pronoun, filler, verb in zip((old, new), fillers, verbs, strict=True):
        subject = random.choice([name for name in SUBJECTS[pronoun] if name != subject])
        text += f" in came {subject}" if text else f"in came {subject}"
        fact_end = len(text) - 1
        text += filler
        answers.append(Answer(len(text), pronoun, fact_end, PRONOUNS, certain(PRONOUNS, pronoun)))
        text += f"{pronoun} {verb}."
    return Episode(text, tuple(answers))


def _filler(random: Random, lag: int) -> str:
    """Draw the text between a subject and its pronoun."""
    return _STOP + fill(random, lag - len(_STOP) - len(ANNOUNCEMENT)) + ANNOUNCEMENT


TASK = Task(
    name="agreement",
    summary="A pronoun agrees with the last subject, and the subject before it must be forgotten.",
    choices=PRONOUNS,
    announcement=ANNOUNCEMENT,
    min_lag=_MIN_LAG,
    # Without any memory. A network that misses the new subject and still remembers the old one
    # is right in half of the episodes, since half of the new subjects have the old one's pronoun.
    chance=1 / 3,
    # With half of it, an LSTM had a memory span of 50; with all of it, 400.
    training_characters=4_500_000,
    episode=episode,
)
