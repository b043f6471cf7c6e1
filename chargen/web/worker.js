// The engine in a Worker: it answers requests of the page, so that typing never waits.
//
// Request: {id, type, ...}, with any number `id` that the page has not used before.
// Reply: {id, type, ...}, with the id and the type of the request. A request with a mistake is
// answered by {id, type: "error", message}.
//
// A new request replaces an unfinished one of the same type and model, which then gets no further
// reply. Requests are worked on in short slices, in this order: next, suggest, trace, gradient,
// generate. `generate` therefore continues whenever nothing else is waiting.
//
// Text: a string. Its characters are its code points, Array.from(text). Characters that the model
// does not know have id 0.
// Step: a character that is read. Step 0 reads the newline before each text, step s the character
// s - 1 of the text, so a text of T characters has S = T + 1 steps, and the prediction of step s is
// for character s. The state before step 0 is zero.
// Arrays [S, N] are flat Float32Arrays in order of the steps: the value n of step s is at s * N + n.
// H is the hidden size, V the size of the vocabulary.
//
// load {models: the text of the element #models}
//   -> {models: [info]}, where info is {name, cell, label, description, encoder, vocabSize,
//   embeddingSize, hiddenSize, numLayers, parameters, lines, characters, gates, states}.
//   characters: array of the characters by id. gates: [{letter, name}], such as {letter: "f", name:
//   "forget"}, in the order in which the cell computes them; [] for rnn and feedforward. states:
//   ["h", "c"], ["h"] or []. lines: each line is a separate text, so that a newline resets the state.
//   model: in every other request the index of the model in this array.
//
// next {model, text, settings}
//   -> {probabilities [V]: of the next character, before any filter; id 0 has 0.
//       sampled [V]: after the filters of `settings`, from which a character is drawn.
//       nats [T]: the surprisal of each character of the text, -ln p.}
//
// suggest {model, text, length, confidence}
//   -> {text}: the most likely characters, at most `length`, while each has at least the
//   probability `confidence`. It ends after a newline.
//
// generate {model, text, settings, interventions}
//   -> several {text, nats, reason}: the next characters and their surprisals. reason: null while
//   it continues; in the last reply "length", "confidence" or "stopped".
//   The text that is generated is that of `chargen sample` with the same settings.
//
// stop {model} ends the generation of that model. Its last reply has the reason "stopped".
//
// trace {model, text, interventions, last}
//   -> {steps, first, starts, layers, logits [N, V], probabilities [N, V], nats [N]}.
//   Only the last `last` steps are recorded (default 400): N = min(steps, last) of S = steps, and
//   first = S - N is the step of row 0. starts: the rows whose step begins with a zero state.
//   layers: one {gates: {letter: [N, H]}, states: {h: [N, H], c: [N, H]}, output: [N, H], kept: [N,
//   H], written: [N, H]} per layer, after each step. output: what the next layer reads, h also for
//   the feed-forward network, which has no state. kept and written: the parts of the new memory,
//   whose sum it is: for the LSTM c = f c + i g; null for rnn and feedforward.
//   nats: the surprisal of the character that follows each step; NaN in the last row.
//
// gradient {model, text, interventions, last, at, target}
//   -> {at, target, first, layers: [{h: [at - first + 1], c: ...}]}: the Euclidean norm of the
//   derivative of ln p(target) at step `at` with respect to each state after each of the recorded
//   steps up to it (and `output` for a cell without a state). at: default is the last step. target:
//   a character; default is the one that follows in the text, or the most likely one at its end.
//
// settings: {temperature, top_k, top_p, min_p, threshold, confidence, length, seed}, as in
//   `chargen sample`; all are optional. Defaults: 0.8, 0, 1, 0, 0, 0, 200 (null: no limit), 0.
//   seed: a number, or a string of digits for seeds above 2^53.
// interventions: [{layer, gate, unit, from, value}] holds a gate (a letter of `gates`) of a layer
//   at `value`, 0 (shut) or 1 (open), in one unit or in all (unit: null), from step `from` on.
"use strict";
