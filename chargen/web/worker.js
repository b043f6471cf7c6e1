// The engine in a Worker: it answers requests of the page, so that typing never waits.
//
// Request: {id, type, ...}, with any number `id` that the page has not used before.
// Reply: {id, type, ...}, with the id and the type of the request. A request with a mistake is
// answered by {id, type: "error", message}.
//
// A new request replaces an unfinished one of the same type, model and `figure`, which then gets no
// further reply; a page with several figures numbers them. Requests are worked on in short slices, in this order: next, suggest, trace, gradient,
// generate. `generate` therefore continues whenever nothing else is waiting.
//
// Text: a string. Its characters are its code points, Array.from(text). Characters that the model
// does not know have id 0.
// Step: a character that is read. Step 0 reads the first input of each text, step s the character
// s - 1 of the text (the number that the views show, see `placeOf`). A text of T characters therefore
// has S = T + 1 steps, and the prediction of step s is for character s. The state before step 0 is
// zero.
// Arrays [S, N] are flat Float32Arrays in order of the steps: the value n of step s is at s * N + n.
// H is the hidden size, V the size of the vocabulary.
//
// load {models: the text of the element #models}
//   -> {models: [info]}, where info is {name, cell, label, description, encoder, vocabSize,
//   embeddingSize, hiddenSize, numLayers, parameters, separate, boundary,
//   firstInput, shownBoundary, defaultLength, characters, form, gates, states}.
//   characters: array of the characters by id. form: the Unicode normal form that the training text
//   was converted to, "nfc", "nfd" or "none". gates: [{letter, name, holdable}], such as {letter: "f",
//   name: "forget", holdable: true}, in the order in which the cell computes them; [] for rnn and
//   feedforward. holdable: whether an intervention can hold it. states:
//   ["h", "c"], ["h"] or []. separate: whether the character `boundary` ends each text and resets
//   the state. shownBoundary: its form in a text. firstInput: the character before each text.
//   defaultLength: of a text.
//   model: in every other request the index of the model in this array.
//
// next {model, text, settings}
//   -> {probabilities [V]: of the next character, before any filter; id 0 has 0.
//       sampled [V]: after the filters of `settings`, from which a character is drawn.
//       nats [T]: the surprisal of each character of the text, -ln p.}
//
// suggest {model, text, length, confidence}
//   -> {text}: the most likely characters, at most `length`, while each has at least the
//   probability `confidence`. It ends after a newline and before the end of a document.
//
// generate {model, text, settings, interventions}
//   -> several {text, nats, reason}: the next characters and their surprisals. reason: null while
//   it continues; in the last reply "length", "confidence", "end" (of the text) or "stopped".
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
//   -> {at, target, first, norms: [at - first + 1]}: the Euclidean norm of the derivative of
//   ln p(target) at step `at` with respect to the input at each of the recorded steps up to it, as in
//   `chargen inspect --saliency`. The input is the embedding of the character, or its one-hot
//   vector. at: default is the last step. target: a character; default is the one that follows in
//   the text, or the most likely one at its end.
//
// settings: {temperature, top_k, top_p, min_p, threshold, confidence, length, seed}, as in
//   `chargen sample`; all are optional. Defaults: 0.8, 0, 1, 0, 0, 0, 200 (null: no limit), 0.
//   seed: a number, or a string of digits for seeds above 2^53.
// interventions: [{layer, gate, unit, from, value}] holds a gate (a letter of `gates`) of a layer
//   at `value`, 0 (closed) or 1 (open), in one unit or in all (unit: null), from step `from` on.
"use strict";

const SLICE = 12; // milliseconds of work between two looks at the messages
const STREAM = 30; // milliseconds between two parts of a generated text
const MAX_TRACE = 400;

const models = []; // {model, history, trace}; trace: {key, trace} of the last request
const jobs = []; // {type, id, index, figure, work, stopped}, work is a generator
const ticks = new MessageChannel();

// Each request as a generator that yields after each step and returns the reply.
const REQUESTS = {
  *next(_, { model, history }, { text, settings }) {
    const { logits } = yield* history.read(model.encode(text));
    return {
      probabilities: Float32Array.from(knownProbabilities(logits)),
      sampled: Float32Array.from(normalised(filtered(logits, complete(settings)))),
      nats: Float32Array.from(history.nats),
    };
  },

  *suggest(_, { model, history }, { text, length, confidence }) {
    let context = yield* history.read(model.encode(text));
    let suggestion = "";
    for (let n = 0; n < length && !suggestion.endsWith("\n"); n++) {
      const probabilities = knownProbabilities(context.logits);
      const id = argmax(probabilities);
      if (probabilities[id] < confidence) break;
      if (model.ends(id) && model.info.boundary !== "\n") break;
      suggestion += model.info.characters[id];
      context = model.step(id, context.state);
      yield;
    }
    return { text: suggestion };
  },

  *trace(_, entry, request) {
    return (yield* recorded(entry, request)).arrays();
  },

  *gradient(_, entry, request) {
    const trace = yield* recorded(entry, request);
    const { model } = entry;
    const at = request.at ?? trace.ids.length - 1;
    const row = at - trace.first;
    if (!(row in trace.rows)) {
      throw new Error(`at must be between ${trace.first} and ${trace.ids.length - 1}, got ${at}`);
    }
    const following = trace.ids[at + 1] ?? argmax(known(trace.rows[row].logits));
    const target = request.target == null ? following : model.encode(request.target)[0];
    const norms = yield* trace.gradient(row, target);
    return { at, target: model.info.characters[target], first: trace.first, norms };
  },

  *generate(job, { model, history }, { text, settings, interventions }) {
    const { confidence, length, seed, ...rest } = complete(settings);
    const held = checked(model, interventions);
    const ids = model.encode(text);
    const trace = new Trace(model, ids, held, 1);
    if (held.length) yield* trace.read(history);
    let context = held.length ? trace.context : yield* history.read(ids);
    const uniforms = new Uniforms(seed);
    let part = { text: "", nats: [] };
    let sent = 0;
    for (let drawn = 0; ; drawn++) {
      let reason = null;
      if (drawn === length) reason = "length";
      else if (job.stopped) reason = "stopped";
      // Taken before the temperature is applied: at temperature 0 it would always be 1.
      else if (confidence && Math.max(...knownProbabilities(context.logits)) < confidence) {
        reason = "confidence";
      }
      if (reason) return { ...part, reason };
      const id = draw(filtered(context.logits, rest), uniforms.next());
      if (model.ends(id)) return { ...part, reason: "end" };
      part.text += model.info.characters[id];
      part.nats.push(surprisal(context.logits, id));
      const active = held.filter((each) => each.from <= ids.length + drawn + 1);
      // The text that is generated is read only once if the page then asks what follows it.
      if (context === history.end) context = history.append(id);
      else context = model.step(id, context.state, active);
      if (performance.now() - sent > STREAM) {
        reply(job, { ...part, reason: null });
        part = { text: "", nats: [] };
        sent = performance.now();
      }
      yield;
    }
  },
};

self.onmessage = ({ data: request }) => {
  if (request.type === "load") {
    models.push(...JSON.parse(request.models).map(load));
    reply(request, { models: models.map(({ model }) => model.info) });
    return;
  }
  const same = ({ type, index, figure }) =>
    index === request.model && type === request.type && figure === request.figure;
  if (request.type === "stop") {
    const job = jobs.find(({ type, index }) => index === request.model && type === "generate");
    if (job) job.stopped = true;
    return;
  }
  const replaced = jobs.findIndex(same);
  if (replaced >= 0) jobs.splice(replaced, 1);
  const { id, type, model: index, figure } = request;
  const job = { type, id, index, figure, stopped: false };
  job.work = REQUESTS[type](job, models[index], request);
  const order = Object.keys(REQUESTS);
  jobs.push(job);
  jobs.sort((a, b) => order.indexOf(a.type) - order.indexOf(b.type));
  if (jobs.length === 1 && replaced < 0) ticks.port2.postMessage(null);
};

ticks.port1.onmessage = () => {
  const [job] = jobs;
  if (!job) return;
  const end = performance.now() + SLICE;
  try {
    let step;
    do step = job.work.next();
    while (!step.done && performance.now() < end);
    if (step.done) {
      jobs.shift();
      reply(job, step.value);
    }
  } catch (error) {
    jobs.shift();
    self.postMessage({ id: job.id, type: "error", message: error.message });
  }
  if (jobs.length) ticks.port2.postMessage(null);
};

function reply({ id, type }, content) {
  self.postMessage({ id, type, ...content });
}

// Return the trace of a request; that of the last request is kept.
function* recorded(entry, { text, interventions, last = MAX_TRACE }) {
  const key = JSON.stringify([text, interventions, last]);
  if (entry.trace?.key !== key) {
    const { model } = entry;
    const trace = new Trace(model, model.encode(text), checked(model, interventions), last);
    yield* trace.read(entry.history);
    entry.trace = { key, trace };
  }
  return entry.trace.trace;
}

// Return the interventions, each with the block of its gate.
function checked(model, interventions = []) {
  const { gates, label, numLayers, hiddenSize } = model.info;
  const holdable = gates.filter((gate) => gate.holdable).map((gate) => gate.letter);
  const within = (value, count) => Number.isInteger(value) && value >= 0 && value < count;
  return interventions.map((each) => {
    if (!holdable.includes(each.gate)) {
      const listed = holdable.length ? `has the gates ${holdable.join(", ")}` : "has no gates";
      throw new Error(`${label} ${listed}, not ${each.gate}`);
    }
    if (!within(each.layer, numLayers)) {
      throw new Error(`layer must be between 0 and ${numLayers - 1}, got ${each.layer}`);
    }
    if (each.unit !== null && !within(each.unit, hiddenSize)) {
      throw new Error(`unit must be between 0 and ${hiddenSize - 1}, got ${each.unit}`);
    }
    return { ...each, block: gates.findIndex((gate) => gate.letter === each.gate) };
  });
}

function normalised(probabilities) {
  const sum = probabilities.reduce((a, b) => a + b, 0);
  return probabilities.map((each) => each / sum);
}

// Return a model and its caches from an element of the page's list.
function load({ weights, dtype, ...info }) {
  const numbers = decode(weights, dtype);
  const arrays = {};
  let at = 0;
  for (const [name, shape] of Object.entries(info.shapes)) {
    const size = shape.reduce((a, b) => a * b);
    arrays[name] = numbers.subarray(at, (at += size));
  }
  const { holdable } = CELLS[info.cell];
  info.gates = info.gates.map((gate) => ({ ...gate, holdable: holdable.includes(gate.letter) }));
  const model = new Model(info, arrays);
  return { model, history: new History(model), trace: null };
}

// Return the numbers of a base64 text: little-endian float16 or float32.
function decode(base64, dtype) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let k = 0; k < text.length; k++) bytes[k] = text.charCodeAt(k);
  if (dtype === "float32") return new Float32Array(bytes.buffer);
  const half = new Uint16Array(bytes.buffer);
  // With the bits of a float16 moved to their place in a float32, the exponent is 112 too small.
  const bits = Uint32Array.from(half, (h) => ((h & 0x8000) << 16) | ((h & 0x7fff) << 13));
  return new Float32Array(bits.buffer).map((value) => value * 2 ** 112);
}
