// What the layers of each kind of cell have to show: names, colours, and values at each step.
"use strict";

// hue: a variable of the stylesheet; "" where values have a sign. order: from top to bottom.
const CELL_LANES = {
  lstm: {
    f: ["--gate-forget", "share of the memory that is kept"],
    i: ["--gate-learn", "share of the candidate added"],
    g: ["", "values that can be added"],
    o: ["--gate-use", "share of the memory that is used"],
    c: ["", "cell state: carried from step to step (the conveyor belt)"],
    h: ["", "hidden state: what the use gate lets out of c"],
  },
  gru: {
    z: ["--gate-forget", "share of the memory that is kept"],
    r: ["--gate-use", "share that the candidate sees"],
    n: ["", "values that replace the rest"],
    h: ["", "hidden state: the whole memory"],
  },
  mingru: {
    z: ["--gate-learn", "share of the memory replaced"],
    n: ["", "values that replace it"],
    h: ["", "hidden state: the whole memory"],
  },
  rnn: { h: ["", "hidden state: rewritten each step"] },
  feedforward: { output: ["", "depends on this character alone"] },
};

/** Return the name of a gate or a state in words, such as "learn (input)". */
function laneName(model, key) {
  const gate = model.gates.find(({ letter }) => letter === key);
  if (gate !== undefined) return gate.name;
  if (key === "c") return "long-term memory";
  if (key === "output") return "output, no memory";
  return model.states.includes("c") ? "short-term memory" : "memory";
}

/** Return the lanes of a layer: [{key, letter, name, about, hue, values [N, H]}]. */
function layerLanes(model, layer) {
  return Object.entries(CELL_LANES[model.cell]).map(([key, [hue, about]]) => {
    const values = layer.gates[key] ?? layer.states[key] ?? layer.output;
    const letter = key === "output" ? "" : key;
    return { key, letter, name: laneName(model, key), about, hue, values };
  });
}

/** Return a bound of nearly all sizes of values, by which they are divided to be drawn. */
function scaleOf(values) {
  const sample = [];
  const stride = Math.max(1, Math.floor(values.length / 4000));
  for (let k = 0; k < values.length; k += stride) sample.push(Math.abs(values[k]));
  sample.sort((a, b) => a - b);
  return sample[Math.floor(sample.length * 0.95)] || 1;
}

/** Return the value of a unit at a row of [N, H], or the mean over all units for unit null. */
function valueAt(values, size, row, unit, change = (value) => value) {
  if (unit !== null) return change(values[row * size + unit]);
  let sum = 0;
  for (let k = row * size; k < (row + 1) * size; k += 1) sum += change(values[k]);
  return sum / size;
}

/** Return the units in the order of the lanes: those that keep their memory longest first. */
function unitOrder(model, layer) {
  const size = model.hiddenSize;
  const sign = model.cell === "mingru" ? -1 : 1;
  const keep = layer.gates.f ?? layer.gates.z ?? layer.output;
  const sums = new Float64Array(size);
  keep.forEach((value, k) => {
    sums[k % size] += sign * value;
  });
  return Array.from(sums.keys()).sort((a, b) => sums[b] - sums[a]);
}
