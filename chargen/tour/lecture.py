"""The seven screens of the lecture. Every number is computed when a screen is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import exp, log10

from chargen.evaluation.trace_distance import state_distance
from chargen.model.cells.registry import CELLS
from chargen.model.find import TOUR
from chargen.tasks import agreement, context, recall
from chargen.tour.readings import chances, gradient_by_lag, load, next_chances, read
from chargen.tour.screens import Bar, Command, Diagram, Drawing, Live, Row, Screen, Table

FEEDFORWARD, RNN, LSTM = (
    f"{TOUR}/neurons-feedforward",
    f"{TOUR}/neurons-rnn",
    f"{TOUR}/neurons-lstm",
)
RHYMES, RECALL, RECALL_RNN = (f"{TOUR}/{name}" for name in ("rhymes", "recall", "recall-rnn"))
AGREEMENT, CONTEXT = f"{TOUR}/agreement", f"{TOUR}/context"

THRESHOLD = 0.9
WORD = "neuron"
LAGS = (0, 5, 20, 40, 80)
RHYMING = ("The cake is by the l", "The frog in the fog is by the l")
WEEK = (
    "day 1: {weather}. we ate cake. day 2: the cat snored. day 3: we sang. a cup fell."
    " day 4: tea time. we hid. day 5: as on day 1, "
)
TWO_DAYS = "day 1: rain. we hid. day 2: as on day 1, "
FIRST_SUBJECT = "in came eva. wow. then "
SECOND_SUBJECT = FIRST_SUBJECT + "she bowed. in came tom. yum. then "
STORY = "we were {place}. we ate cake. the cat snored. a fly sneezed. oh, a "

_CELL = """\
c before ──(*)────(+)──┬────────→ c
            ↑      ↑   ↓
            f    i * g tanh
                       ↓
                  o ─→(*)───────→ h"""
# An equation is not wrapped.
_NEW_C, _NEW_H = (
    text.replace(" ", "\u00a0") for text in ("c = f * (c before) + i * g", "h = o * tanh(c)")
)
_COUNT = 5  # of the most likely next characters
_FEW = 3  # rows that are enough as an example
_LAST = 6  # characters of a text
_DECADES = 4  # of the logarithmic bars of the gradient
_MAX_WRITTEN = 12


def screens() -> Iterator[Screen]:
    """Yield the screens in order; each is computed when it is asked for."""
    return (make() for make in SCREENS)


def _one_hot() -> Screen:
    tracer, read_so_far = load(LSTM), f"A {WORD[:4]}"
    characters = tracer.vocabulary.characters
    letters = [c for c in characters if c.isascii() and c.islower()]
    vectors: list[Row] = [
        (letter, "".join("1" if each == letter else "\u00b7" for each in letters))
        for letter in WORD[:_FEW]
    ]
    trace = read(LSTM, read_so_far)
    logits = dict(zip(characters[1:], trace.logits[-1, 1:].tolist(), strict=True))
    softmax: list[Row] = [
        (c, f"{logits[c]:.1f}", f"{exp(logits[c]):.1f}", Bar(f"{p:.3f}", p))
        for c, p in trace.next_characters(-1, _FEW)
    ]
    total = sum(map(exp, logits.values()))
    start = f"A {WORD[:3]}"
    text, written = start, list[Row]()
    for _ in range(_MAX_WRITTEN):
        ((c, p),) = read(LSTM, text).next_characters(-1, 1)
        written.append((text[-8:], c, Bar(f"{p:.3f}", p), "write" if p > THRESHOLD else "stop"))
        if p <= THRESHOLD:
            break
        text += c
    return Screen(
        "One-hot vectors, softmax and a threshold",
        (LSTM,),
        (
            (
                "A network computes with numbers. A character becomes a one-hot vector: an entry"
                " for each character of the vocabulary, 1 for this one and 0 for the others."
            ),
            Table(
                f"The entries for the letters, of {len(characters)} in all",
                ("", "".join(letters)),
                vectors,
            ),
            (
                "For each possible next character, the network computes a logit. Softmax turns the"
                " logits into probabilities: the exponential of each, divided by the sum of all."
            ),
            Table(
                f'After "{read_so_far}"; the exponentials of all logits sum to {total:.1f}',
                ("next", "logit", "exp", "probability"),
                softmax,
                THRESHOLD,
            ),
            Table(
                f'Writing from "{start}" with a threshold of {THRESHOLD:g}: the network writes the'
                " most likely character while its probability is higher, and then stops",
                ("text", "next", "probability", ""),
                written,
                THRESHOLD,
            ),
            Live(
                "Move the threshold, or change the text",
                ("bars",),
                (LSTM,),
                (read_so_far,),
                threshold=THRESHOLD,
            ),
        ),
        "Where does the network stop, and which characters could follow there?",
        (
            Command(
                "write until the probability falls below the threshold",
                f'chargen sample -m {LSTM} --prompt "{start}" -t 0 --confidence {THRESHOLD:g}',
            ),
        ),
    )


def _without_memory() -> Screen:
    trace = read(FEEDFORWARD, WORD[:-1])
    spelled: list[Row] = [
        (WORD[t], WORD[t + 1], p, tuple(trace.next_characters(t, _COUNT)))
        for t, p in enumerate(next_chances(FEEDFORWARD, WORD))
    ]
    texts = (WORD[:4], "car", "other")
    traces = [read(FEEDFORWARD, text) for text in texts]
    same: list[Row] = [(trace.text, tuple(trace.next_characters(-1, _COUNT))) for trace in traces]
    last = [each.probabilities[-1] for each in traces]
    difference = max(float(abs(each - last[0]).max()) for each in last)
    return Screen(
        "A network without memory",
        (FEEDFORWARD,),
        (
            (
                "A feed-forward network computes its prediction from the current character alone."
                f' When it reads the r of "{WORD}", the prediction does not depend'
                " on the n, e and u before it."
            ),
            Table(
                f'"{WORD}", letter by letter: the probability p of the right letter, and the most'
                " likely characters",
                ("read", "right", "p", "next"),
                spelled,
            ),
            "The same letter always leads to the same prediction, whatever came before it.",
            Table(
                f"After the last r of three texts; largest difference: {difference:.3f}",
                ("text", "next"),
                same,
            ),
            Live(
                "A word of your own, letter by letter, without memory",
                ("letters",),
                (FEEDFORWARD,),
                (WORD,),
            ),
        ),
        "The three rows of the second table are equal. After r, the network predicts what follows"
        " an r on average, so it can only guess the o.",
        (
            Command(
                "compare two texts of your own, letter by letter",
                f"chargen inspect -m {FEEDFORWARD} --prompt neuron --versus charon",
            ),
        ),
    )


def _loop() -> Screen:
    models = (FEEDFORWARD, RNN, LSTM)
    found = [next_chances(model, WORD) for model in models]
    rows: list[Row] = [
        (f"{WORD[: t + 1]}", WORD[t + 1], *(each[t] for each in found))
        for t in range(len(WORD) - 1)
    ]
    return Screen(
        "The loop: a recurrent network, folded and unfolded",
        models,
        (
            (
                "A recurrent network has a loop: its state h after one character is an input when"
                " it reads the next character. The state is its memory."
            ),
            Drawing(
                "Unfolded in time, the loop becomes a chain: one copy of the same network for each"
                " character, with the same weights.",
                load(RNN).config,
                read(RNN, WORD[:-1]),
            ),
            Table(
                "The probability of the right letter, without memory and with it",
                ("read", "right", *(_label(model) for model in models)),
                rows,
            ),
            Live(
                "A word of your own, without memory and with it",
                ("letters", "unfolded"),
                models,
                (WORD,),
            ),
        ),
        'Compare the row "neur": the networks with a state recognise the word.',
        (
            Command(
                "draw the network over a text of your own",
                f'chargen inspect -m {RNN} --prompt "A neuron" --unfold',
            ),
        ),
    )


def _vanishing_gradient() -> Screen:
    models = (RECALL_RNN, RECALL)
    example = WEEK.format(weather=recall.WEATHER[0])
    lags = (*LAGS, len(example) - example.index("."))  # the last one: of the weather of day 1
    following = {WEEK.format(weather=weather): weather[0] for weather in recall.WEATHER}
    found = [gradient_by_lag(model, following, lags) for model in models]
    rows: list[Row] = [
        (str(lag), *(_logarithmic(float(each[k])) for each in found)) for k, lag in enumerate(lags)
    ]
    answers = [
        sum(chances(read(model, text), [c])[0] for text, c in following.items()) / len(following)
        for model in models
    ]
    return Screen(
        "The vanishing gradient",
        models,
        (
            (
                "Training follows the gradient of a prediction back through the chain. In an RNN,"
                " each step multiplies it by the weights and by the slope of tanh, which is at most"
                " 1. After many steps little is left, so an RNN learns little from distant"
                " characters. (With large weights, the gradient can explode instead.) Along c of an"
                " LSTM, the forget gate multiplies it: near 1, the gradient remains."
            ),
            (
                "Both networks were trained on the same number of texts such as"
                f' "{_short(example)}" where the weather of day 1 follows. The'
                f" {_label(RECALL_RNN)} predicts it with a probability of {answers[0]:.2f}, the"
                f" {_label(RECALL)} with {answers[1]:.2f} (means of {len(following)} texts)."
            ),
            Table(
                "The norm of the gradient with respect to the input some characters back, relative"
                f" to the last input; a full bar is 1, an empty one 1e-{_DECADES}",
                ("back", *(_label(model) for model in models)),
                rows,
            ),
            Live(
                "The gradient of the last prediction with respect to each input of your own text",
                ("gradient",),
                models,
                (example,),
            ),
        ),
        "Compare the last row, the weather of day 1. The LSTM learned to ignore the characters in"
        " between, but the gradient of the weather remains. In the RNN, almost nothing of it is"
        " left, so training could not find the answer.",
        (
            Command(
                "show the gradient of the last prediction in a text of your own",
                f'chargen inspect -m {RECALL_RNN} --saliency --prompt "{example}"',
            ),
        ),
    )


def _gates() -> Screen:
    trace = read(RHYMES, RHYMING[0])
    layer = trace.layers[-1]
    names = ("f", "i", "o", "c", "h")
    means = [abs(layer[name]).mean(1).tolist() for name in names]
    rows: list[Row] = [
        (trace.text[t], *(each[t] for each in means), tuple(trace.next_characters(t, _COUNT)))
        for t in range(len(trace.text))[-_LAST:]
    ]
    rhymes: list[Row] = [
        (text, tuple(read(RHYMES, text).next_characters(-1, _COUNT))) for text in RHYMING
    ]
    return Screen(
        "The gates of an LSTM",
        (RHYMES,),
        (
            (
                "An LSTM has a long-term memory c (cell state), which passes along the chain, and a"
                " short-term memory h, the output. Three gates between 0 and 1 control them. Forget"
                " f decides how much of c is kept. Learn i (input gate) decides how much of the"
                f" candidate g is added: {_NEW_C}. Use o (output gate) decides how much of c"
                f" becomes the output: {_NEW_H}."
            ),
            Diagram(_CELL),
            Table(
                f'The end of "{trace.text}": means over {layer["c"].shape[1]} units (|c| and |h|)',
                ("", *names, "next"),
                rows,
            ),
            Table("The rhyme after the same letters", ("text", "next"), rhymes),
            Live(
                "The gates and the cell at each character of your own text",
                ("inside",),
                (RHYMES,),
                (RHYMING[0],),
            ),
        ),
        "The use gate is lower at a space. In the last table, c holds the rhyme.",
        (
            Command(
                "show the gates for a rhyme of your own",
                f'chargen inspect -m {RHYMES} --prompt "{RHYMING[1]}"',
            ),
        ),
    )


def _days() -> Screen:
    texts = {weather: WEEK.format(weather=weather) for weather in recall.WEATHER}
    rows: list[Row] = [
        (weather, *chances(read(RECALL, texts[weather]), recall.WEATHER))
        for weather in recall.WEATHER[:2]
    ]
    one, other = (texts[weather] for weather in recall.WEATHER[:2])
    traces = read(RECALL, one), read(RECALL, other)
    apart = [state_distance(*traces, part).tolist() for part in ("c", "h")]
    ends = [one.index(f" day {day}:") - 1 for day in (2, 3, 4, 5)] + [len(one) - 1]
    largest = max(max(each) for each in apart)
    states: list[Row] = [
        (f"day {day}", *(Bar(f"{each[t]:.2f}", each[t] / largest) for each in apart))
        for day, t in enumerate(ends, 1)
    ]
    subjects: list[Row] = []
    for text in (FIRST_SUBJECT, SECOND_SUBJECT):
        subject = text.rpartition("came ")[2].partition(".")[0]
        subjects.append((subject, *chances(read(AGREEMENT, text), agreement.PRONOUNS)))
    return Screen(
        "Long-term memory: kept from day 1 to day 5, and forgotten",
        (RECALL, AGREEMENT),
        (
            (
                f'"{_short(one)}" The answer is the weather of day 1, which the long-term memory c'
                f" carries over {len(one) - one.index('.')} characters."
            ),
            Table(
                "The weather of day 1, and the probability of each answer on day 5",
                ("day 1", *recall.WEATHER),
                rows,
            ),
            Table(
                "The root mean square difference of the states of the two texts after each day",
                ("", "long-term c", "short-term h"),
                states,
            ),
            Live(
                "Two weeks of your own: the answers, and how far apart the memories are",
                ("pair",),
                (RECALL,),
                (one, other),
                recall.WEATHER,
            ),
            Table(
                f'The pronoun after each subject of "{SECOND_SUBJECT}"; the earlier subject must be'
                " forgotten",
                ("subject", *agreement.PRONOUNS),
                subjects,
            ),
            Live(
                "Subjects of your own: the pronouns, and what is kept in c",
                ("choices",),
                (AGREEMENT,),
                (SECOND_SUBJECT,),
                agreement.PRONOUNS,
            ),
        ),
        "c keeps the difference; the use gate holds it back from h until it is needed. In the last"
        " table, the second subject replaces the first.",
        (
            Command(
                "erase the memory with the forget gate",
                f'chargen inspect -m {RECALL} --prompt "{TWO_DAYS}"'
                f" --close forget --from {TWO_DAYS.index(' day 2')}",
            ),
            Command(
                "compare the pronouns after a subject of your own",
                f'chargen score -m {AGREEMENT} --choices he,she --prompt "in came mia. then "',
            ),
        ),
    )


def _dog_and_wolf() -> Screen:
    found: list[Row] = []
    true: list[Row] = []
    for places, shares in context.SETTINGS:
        story = STORY.format(place=places[1])
        found.append((places[1], *chances(read(CONTEXT, story), context.ANIMALS)))
        true.append((places[1], *shares))
    return Screen(
        "The dog and the wolf: context decides",
        (CONTEXT,),
        (
            (
                f'"{STORY.format(place="[place]")}" Which animal comes next? All sentences after'
                " the place are the same, so only the memory of the place can decide."
            ),
            Table("The probability of each animal", ("place", *context.ANIMALS), found),
            Table("Its share in the training texts", ("place", *context.ANIMALS), true),
            Live(
                "Two stories of your own: the place decides",
                ("pair",),
                (CONTEXT,),
                tuple(STORY.format(place=places[1]) for places, _ in context.SETTINGS[:2]),
                context.ANIMALS,
            ),
        ),
        "In the woods, a wolf is more likely than a dog; in the kitchen it is the other way round."
        " The network is not certain: its probabilities are close to the shares.",
        (
            Command(
                "compare the animals after two stories of your own",
                f"chargen score -m {CONTEXT} --choices {','.join(context.ANIMALS)}"
                ' --prompt "we were up north. tea time. oh, a "'
                ' --prompt "we were on the sofa. tea time. oh, a "',
            ),
        ),
    )


def _short(week: str) -> str:
    """Return the first and the last sentence of a week."""
    return f"{week[: week.index('day 2')]}... {week[week.rindex('day 5') :]}..."


def _label(model: str) -> str:
    return CELLS[load(model).config.cell].label


def _logarithmic(share: float) -> Bar:
    """Return a bar of a positive number on a logarithmic scale."""
    return Bar(f"{share:.1g}", min(1.0, max(0.0, 1 + log10(max(share, 1e-300)) / _DECADES)))


SCREENS: tuple[Callable[[], Screen], ...] = (
    _one_hot,
    _without_memory,
    _loop,
    _vanishing_gradient,
    _gates,
    _days,
    _dog_and_wolf,
)
