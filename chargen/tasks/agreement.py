"""Agreement: a pronoun that fits its subject, and then a new subject to forget the old one for."""

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
_LEAST_LAG = len(_STOP) + SHORTEST + len(ANNOUNCEMENT)
# The first subject's own lag is short, or a long episode would be twice as long.
_LONGEST_FIRST = 40


def episode(random: Random, lag: int) -> Episode:
    """Make one such as `in came eva. wow. then she bowed. in came tom. yum. then he sang.`."""
    first_lag = random.randint(_LEAST_LAG, min(lag, _LONGEST_FIRST))
    betweens = [_between(random, first_lag), _between(random, lag)]
    verbs = [random.choice(_VERBS), random.choice(_VERBS)]
    # The subjects are drawn after the distraction, which therefore cannot tell them.
    old = random.choice(PRONOUNS)
    others = [pronoun for pronoun in PRONOUNS if pronoun != old]
    new = old if random.random() < 0.5 else random.choice(others)

    text, subject = "", ""
    answers = []
    for pronoun, between, verb in zip((old, new), betweens, verbs, strict=True):
        subject = random.choice([name for name in SUBJECTS[pronoun] if name != subject])
        text += f" in came {subject}" if text else f"in came {subject}"
        fact_end = len(text) - 1
        text += between
        answers.append(Answer(len(text), pronoun, fact_end, PRONOUNS, certain(PRONOUNS, pronoun)))
        text += f"{pronoun} {verb}."
    return Episode(text, tuple(answers))


def _between(random: Random, lag: int) -> str:
    """What stands between a subject and its pronoun."""
    return _STOP + fill(random, lag - len(_STOP) - len(ANNOUNCEMENT)) + ANNOUNCEMENT


AGREEMENT = Task(
    name="agreement",
    summary="a pronoun fits the last subject, and the one before it must be forgotten",
    choices=PRONOUNS,
    announcement=ANNOUNCEMENT,
    least_lag=_LEAST_LAG,
    # Without any memory. Who misses the new subject and still knows the old one is right in half
    # of the episodes, since half of the new subjects take the old one's pronoun.
    chance=1 / 3,
    episode=episode,
)
