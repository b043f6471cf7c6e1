"""What stands at each path of comparison.json; * is any name or number."""

DOCUMENTATION = {
    "corpus": "the text's name",
    "corpus_characters": "its length",
    "held_out_characters": "how many of them no network was trained on",
    "vocab_size": "distinct characters",
    "characters_read": "characters that each network read in training",
    "prompt": "the word of the spelling test",
    "settings": "every setting of the comparison; command makes it again",
    "cells.*": "one network on the text; its losses are in nats unless bpc or bits are said",
    "cells.*.hidden_size": "units a layer",
    "cells.*.num_layers": "layers",
    "cells.*.parameters": "numbers that were trained",
    "cells.*.learning_rate": "the rate that was used, chosen from the sweep",
    "cells.*.sweep": "[learning rate, loss on the last tenth of the training part]; null: diverged",
    "cells.*.curve": "[characters read, training loss]",
    "cells.*.seconds": "time of training",
    "cells.*.seeds": "held-out loss of each repeat, nats per character",
    "cells.*.validation_nats": "held-out loss, nats per character, mean of the repeats",
    "cells.*.validation_bpc": "the same in bits per character",
    "cells.*.clipped": "share of the updates whose gradient was clipped",
    "cells.*.largest_norms": "the greatest gradient norms before clipping, falling",
    "cells.*.context_curve": "bits per character when only the last k characters are visible, by k",
    "cells.*.all_context": "the same targets with the state carried through the held-out text",
    "cells.*.effective_context": "the least k within 1 % of that; null: none is",
    "cells.*.gradient_at_start": "share of the gradient by lag, half-life in characters, largest "
    "singular value of a step's Jacobian; before training",
    "cells.*.gradient_after": "the same after training",
    "cells.*.closers": "probability of the right closer, by the distance from-to to its opener",
    "cells.*.neuron": "each beginning of the prompt, the right next character with its "
    "probability, and the best guesses",
    "cells.*.coherence": "of the network's own writing: share of rhymes kept by distance in words, "
    "of known words, of closers matched; characters of the longest copied stretch",
    "cells.*.samples": "what the network wrote",
    "cells.*.behind": "bits per character more than the best network needs of the same held-out "
    "characters, with its 95 % interval over these",
    "corpus_coherence": "the same measures of the corpus itself",
    "bigram_nats": "loss of counting pairs of characters, nats per character",
    "window_cell": "the network of the windows",
    "windows": "held-out loss in nats and seconds of training, by the window's length",
    "tasks.*.about": "what belongs to a memory task as a whole: summary, example, the place of its "
    "answer, chance, the accuracy at which a span ends, the lags",
    "tasks.*.*.accuracy": "share of right answers, by lag in characters",
    "tasks.*.*.accuracy_interval": "its 95 % interval [low, high], by lag, such that "
    "those of all networks and lags hold at once (Wilson, Sidak)",
    "tasks.*.*.accuracy_count": "answers that it is the mean of, by lag",
    "tasks.*.*.trained_to": "the longest lag trained on",
    "tasks.*.*.span": "the last lag before the accuracy first falls below about.least_accuracy; 0: "
    "at the shortest already",
    "tasks.*.*.span_is_least": "true: the accuracy held at every lag tried",
    "tasks.*.*.spans": "the span of each repeat with another seed",
    "tasks.*.*.calibration": "by setting and answer: [true probability, the network's mean "
    "share of it among the answers]",
    "tasks.*.*.by_depth": "share of right answers by depth of nesting",
    "tasks.*.*": "hidden_size, parameters, learning_rate, sweep and seconds: as in cells",
    "checks": "what must hold for the comparison to be trusted, whether it did, and the figures",
    "seconds": "time of everything",
}
