// What a network computes while it reads a text, and how its prediction depends on earlier inputs.
"use strict";

class Trace {
  // ids: the text, without the first input. interventions, last: see worker.js; each
  // intervention also has the block of its gate.
  constructor(model, ids, interventions, last) {
    this.model = model;
    this.ids = [model.firstInput, ...ids]; // of each step
    this.interventions = interventions;
    this.first = Math.max(0, this.ids.length - last);
    this.rows = []; // {layers, logits, starts} of each recorded step
  }

  // Read the text, from the context after a prefix that the history of the model has kept. It
  // yields after each step, so that the caller can pause.
  *read(history) {
    const { model, ids } = this;
    const free = Math.min(this.first, ...this.interventions.map(({ from }) => from));
    let [step, state] = [0, model.emptyState()];
    if (free > 0) {
      const [length, context] = history.prefix(ids.slice(1), free - 1);
      [step, state] = [length + 1, context.state]; // the first input and `length` characters are read
    }
    for (; step < ids.length; step++) {
      const active = this.interventions.filter((each) => each.from <= step);
      const layers = step < this.first ? null : [];
      const context = model.step(ids[step], state, active, layers);
      const starts = step === 0 || model.ends(ids[step]);
      if (layers) this.rows.push({ layers, logits: context.logits, starts });
      state = context.state;
      this.context = context;
      yield;
    }
  }

  // Compute the norm of d ln p(target) at row `at` with respect to the first layer's input at each
  // row up to it. It yields after each row.
  *gradient(at, target) {
    const { cell, hidden: H, info, layers, decoder } = this.model;
    const norms = new Float32Array(at + 1);
    const parts = info.states.length || 1; // a cell without a state has its output
    const d = layers.map(() => Array.from({ length: parts }, () => new Float32Array(H)));
    const dx = new Float32Array(cell.blocks * H);
    const dr = new Float32Array(cell.blocks * H);
    const dLogits = knownProbabilities(this.rows[at].logits).map((p) => -p);
    dLogits[target] += 1;
    decoder.addTransposed(dLogits, d.at(-1)[0]);
    for (let row = at; row >= 0; row--) {
      for (let k = layers.length - 1; k >= 0; k--) {
        const { gates, r, before, after } = this.rows[row].layers[k];
        cell.within(gates, after, d[k], H);
        cell.backward(gates, r, before, d[k], dx, dr, H, after);
        if (layers[k].recurrent) layers[k].recurrent.addTransposed(dr, d[k][0]);
        const below = k > 0 ? d[k - 1][0] : new Float32Array(layers[0].input.columns);
        layers[k].input.addTransposed(dx, below);
        if (k === 0) norms[row] = norm(below);
      }
      if (this.rows[row].starts) for (const array of d.flat()) array.fill(0);
      yield;
    }
    return norms;
  }

  // The recorded steps as the reply to the page; see worker.js.
  arrays() {
    const { model, rows, ids, first } = this;
    const { info, cell, hidden: H } = model;
    const collect = (width, each) => {
      const array = new Float32Array(rows.length * width);
      rows.forEach((row, n) => array.set(each(row), n * width));
      return array;
    };
    const layers = model.layers.map((_, k) => {
      const part = (which) =>
        collect(H, ({ layers }) => {
          const { gates, before } = layers[k];
          return Float32Array.from({ length: H }, (_, j) => cell.parts(gates, before, H)[which](j));
        });
      const block = (b) =>
        collect(H, ({ layers }) => layers[k].gates.subarray(b * H, (b + 1) * H));
      const array = (a) => collect(H, ({ layers }) => layers[k].after[a]);
      return {
        gates: Object.fromEntries(info.gates.map(({ letter }, b) => [letter, block(b)])),
        states: Object.fromEntries(info.states.map((name, a) => [name, array(a)])),
        output: array(0),
        kept: cell.parts ? part(0) : null,
        written: cell.parts ? part(1) : null,
      };
    });
    return {
      steps: ids.length,
      first,
      starts: rows.flatMap((row, n) => (row.starts ? [n] : [])),
      layers,
      logits: collect(info.vocabSize, (row) => row.logits),
      probabilities: collect(info.vocabSize, (row) => knownProbabilities(row.logits)),
      nats: Float32Array.from(rows, (row, n) =>
        first + n + 1 < ids.length ? surprisal(row.logits, ids[first + n + 1]) : NaN,
      ),
    };
  }
}

function norm(array) {
  let sum = 0;
  for (const each of array) sum += each * each;
  return Math.sqrt(sum);
}
