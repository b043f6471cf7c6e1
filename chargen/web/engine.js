// The networks: the equations of chargen/model/cells, one character at a time, forward and backward.
//
// Shapes: N recorded steps, D input, H hidden, G gates (blocks of H rows in the weights), V
// vocabulary. Arrays are flat Float32Arrays; sums are accumulated in float64.
"use strict";

// The matrix is stored in panels of 8 rows, column by column, so that a product reads it in one
// piece and has 8 independent sums. 1x512, Node 20: 0.75 ms; row by row 2.2 ms, one sum per row.
const PANEL = 8;

class Matrix {
  constructor(values, rows, columns, bias) {
    this.rows = rows;
    this.columns = columns;
    this.size = Math.ceil(rows / PANEL) * PANEL;
    this.panels = new Float32Array(this.size * columns);
    for (let r = 0; r < rows; r++) {
      const start = (r - (r % PANEL)) * columns + (r % PANEL);
      for (let k = 0; k < columns; k++) this.panels[start + k * PANEL] = values[r * columns + k];
    }
    this.bias = new Float32Array(this.size);
    this.bias.set(bias);
  }

  // Return the product with x [columns] plus the bias: [rows], with zeros up to a whole panel.
  multiply(x, out = new Float32Array(this.size)) {
    const { panels, bias, size, columns } = this;
    for (let r = 0, at = 0; r < size; r += PANEL) {
      let s0 = 0, s1 = 0, s2 = 0, s3 = 0, s4 = 0, s5 = 0, s6 = 0, s7 = 0;
      for (let k = 0; k < columns; k++, at += PANEL) {
        const v = x[k];
        s0 += panels[at] * v;
        s1 += panels[at + 1] * v;
        s2 += panels[at + 2] * v;
        s3 += panels[at + 3] * v;
        s4 += panels[at + 4] * v;
        s5 += panels[at + 5] * v;
        s6 += panels[at + 6] * v;
        s7 += panels[at + 7] * v;
      }
      out[r] = s0 + bias[r];
      out[r + 1] = s1 + bias[r + 1];
      out[r + 2] = s2 + bias[r + 2];
      out[r + 3] = s3 + bias[r + 3];
      out[r + 4] = s4 + bias[r + 4];
      out[r + 5] = s5 + bias[r + 5];
      out[r + 6] = s6 + bias[r + 6];
      out[r + 7] = s7 + bias[r + 7];
    }
    return out;
  }

  // Add to out [columns] the product of the transposed matrix with y [rows].
  addTransposed(y, out) {
    const { panels, rows, columns } = this;
    for (let r = 0, at = 0; r < rows; r += PANEL) {
      const n = Math.min(PANEL, rows - r);
      for (let k = 0; k < columns; k++, at += PANEL) {
        let sum = 0;
        for (let i = 0; i < n; i++) sum += panels[at + i] * y[r + i];
        out[k] += sum;
      }
    }
  }
}

const sigmoid = (x) => 1 / (1 + Math.exp(-x));

// A cell has these members.
// blocks: G. holdable: the gates that can be held open or closed, which are those with a sigmoid.
// activate(block, x, r, gates, H): compute a block of the gates [G*H] from x [G*H], the projected
//   input, and r [G*H], the recurrent product (null if the cell has none). Blocks are computed in
//   order. A cell without gates has one block, its output.
// update(gates, before, H): return the arrays [H] of the state after the step; the first is the
//   layer's output.
// parts(gates, before): functions of a unit that return the parts of the new memory: what was kept
//   and what was written; their sum is the memory. Only for cells with gates.
// within(gates, after, d): add the gradients that flow between the state's arrays of one step.
// backward(gates, r, before, d, dx, dr, H): from d, the gradients of the state's arrays after the
//   step, compute dx and dr [G*H], the gradients of x and r, and replace d by the part of the
//   gradients of the state before the step that does not flow through r.
const CELLS = {
  lstm: {
    blocks: 4, // i f g o
    holdable: ["i", "f", "o"],
    activate(block, x, r, gates, H) {
      for (let j = block * H; j < (block + 1) * H; j++) {
        gates[j] = block === 2 ? Math.tanh(x[j] + r[j]) : sigmoid(x[j] + r[j]);
      }
    },
    update(gates, [, before], H) {
      const h = new Float32Array(H), c = new Float32Array(H);
      for (let j = 0; j < H; j++) {
        c[j] = gates[H + j] * before[j] + gates[j] * gates[2 * H + j];
        h[j] = gates[3 * H + j] * Math.tanh(c[j]);
      }
      return [h, c];
    },
    parts(gates, [, before], H) {
      return [(j) => gates[H + j] * before[j], (j) => gates[j] * gates[2 * H + j]];
    },
    within(gates, [, c], [dh, dc], H) {
      for (let j = 0; j < H; j++) dc[j] += dh[j] * gates[3 * H + j] * (1 - Math.tanh(c[j]) ** 2);
    },
    backward(gates, r, [, before], [dh, dc], dx, dr, H, [, after]) {
      for (let j = 0; j < H; j++) {
        const i = gates[j], f = gates[H + j], g = gates[2 * H + j], o = gates[3 * H + j];
        dx[j] = dc[j] * g * i * (1 - i);
        dx[H + j] = dc[j] * before[j] * f * (1 - f);
        dx[2 * H + j] = dc[j] * i * (1 - g * g);
        dx[3 * H + j] = dh[j] * Math.tanh(after[j]) * o * (1 - o);
        dc[j] *= f;
        dh[j] = 0;
      }
      dr.set(dx);
    },
  },
  gru: {
    blocks: 3, // r z n
    holdable: ["r", "z"],
    activate(block, x, r, gates, H) {
      for (let j = 0; j < H; j++) {
        const k = block * H + j;
        gates[k] = block === 2 ? Math.tanh(x[k] + gates[j] * r[k]) : sigmoid(x[k] + r[k]);
      }
    },
    update(gates, [before], H) {
      const h = new Float32Array(H);
      for (let j = 0; j < H; j++) {
        const n = gates[2 * H + j];
        h[j] = n + gates[H + j] * (before[j] - n);
      }
      return [h];
    },
    parts(gates, [before], H) {
      return [(j) => gates[H + j] * before[j], (j) => (1 - gates[H + j]) * gates[2 * H + j]];
    },
    within() {},
    backward(gates, r, [before], [dh], dx, dr, H) {
      for (let j = 0; j < H; j++) {
        const reset = gates[j], z = gates[H + j], n = gates[2 * H + j];
        const dn = dh[j] * (1 - z) * (1 - n * n);
        dx[j] = dr[j] = dn * r[2 * H + j] * reset * (1 - reset);
        dx[H + j] = dr[H + j] = dh[j] * (before[j] - n) * z * (1 - z);
        dx[2 * H + j] = dn;
        dr[2 * H + j] = dn * reset;
        dh[j] *= z;
      }
    },
  },
  mingru: {
    blocks: 2, // z n
    holdable: ["z"],
    activate(block, x, r, gates, H) {
      for (let j = block * H; j < (block + 1) * H; j++) {
        gates[j] = block === 1 && x[j] >= 0 ? x[j] + 0.5 : sigmoid(x[j]);
      }
    },
    update(gates, [before], H) {
      const h = new Float32Array(H);
      for (let j = 0; j < H; j++) h[j] = before[j] + gates[j] * (gates[H + j] - before[j]);
      return [h];
    },
    parts(gates, [before], H) {
      return [(j) => (1 - gates[j]) * before[j], (j) => gates[j] * gates[H + j]];
    },
    within() {},
    backward(gates, r, [before], [dh], dx, dr, H) {
      for (let j = 0; j < H; j++) {
        const z = gates[j], n = gates[H + j];
        dx[j] = dh[j] * (n - before[j]) * z * (1 - z);
        dx[H + j] = dh[j] * z * (n >= 0.5 ? 1 : n * (1 - n)); // n is 0.5 where its input is 0
        dh[j] *= 1 - z;
      }
    },
  },
  rnn: {
    blocks: 1,
    holdable: [],
    activate(block, x, r, gates, H) {
      for (let j = 0; j < H; j++) gates[j] = Math.tanh(x[j] + r[j]);
    },
    update(gates) {
      return [gates.slice()];
    },
    within() {},
    backward(gates, r, before, [dh], dx, dr, H) {
      for (let j = 0; j < H; j++) dx[j] = dr[j] = dh[j] * (1 - gates[j] * gates[j]);
      dh.fill(0);
    },
  },
  feedforward: {
    blocks: 1,
    holdable: [],
    activate(block, x, r, gates, H) {
      for (let j = 0; j < H; j++) gates[j] = Math.tanh(x[j]);
    },
    update(gates) {
      return [gates.slice()];
    },
    within() {},
    backward(gates, r, before, [dh], dx, dr, H) {
      for (let j = 0; j < H; j++) dx[j] = dh[j] * (1 - gates[j] * gates[j]);
      dh.fill(0);
    },
  },
};

// A model reads characters. A context {state, logits} is what it knows after a text: state is one
// array of Float32Arrays per layer, logits [V] predict the next character. A context is never
// modified, so that a caller can continue from it several times.
class Model {
  // info: an element of the page's list of models. weights: Float32Arrays by name.
  constructor(info, weights) {
    this.info = info;
    this.cell = CELLS[info.cell];
    this.hidden = info.hiddenSize;
    this.recurrent = info.states.length > 0;
    this.idOf = new Map(info.characters.map((character, id) => [character, id]));
    this.boundary = this.idOf.get(info.boundary);
    this.firstInput = this.idOf.get(info.firstInput);
    const matrix = (name) =>
      new Matrix(weights[name], ...info.shapes[name], weights[name.replace("weight", "bias")]);
    this.layers = Array.from({ length: info.numLayers }, (_, k) => {
      const input = matrix(`layers.${k}.weight_ih_l0`);
      const recurrent = `layers.${k}.weight_hh_l0` in weights && matrix(`layers.${k}.weight_hh_l0`);
      const [x, r, gates] = [input.size, input.size, this.cell.blocks * this.hidden].map(
        (size) => new Float32Array(size),
      );
      return { input, recurrent, x, r, gates };
    });
    this.embedding = weights["encoder.weight"];
    this.decoder = matrix("decoder.weight");
    this._table = [];
    this._empty = this.layers.map(() => info.states.map(() => new Float32Array(this.hidden)));
    this.start = this.step(this.firstInput, this.emptyState());
  }

  // The ids of the characters of a text; 0 for those that the model does not know.
  encode(text) {
    const { shownBoundary } = this.info;
    return Array.from(text, (character) =>
      character === shownBoundary ? this.boundary : (this.idOf.get(character) ?? 0),
    );
  }

  // Whether a character ends a text, so that the state is reset.
  ends(id) {
    return this.info.separate && id === this.boundary;
  }

  emptyState() {
    return this._empty;
  }

  // Read one character and return the context after it.
  // interventions: those that hold gates in this step. record: receives what each layer computed.
  step(id, state, interventions = [], record = null) {
    if (this.ends(id)) state = this._empty;
    const H = this.hidden;
    const after = [];
    let output = null;
    this.layers.forEach((layer, k) => {
      const x = k === 0 ? this._projection(id) : layer.input.multiply(output, layer.x);
      const r = record && layer.recurrent ? new Float32Array(layer.r.length) : layer.r;
      if (layer.recurrent) layer.recurrent.multiply(state[k][0], r);
      const gates = record ? new Float32Array(layer.gates.length) : layer.gates;
      for (let block = 0; block < this.cell.blocks; block++) {
        this.cell.activate(block, x, r, gates, H);
        for (const each of interventions) {
          if (each.layer !== k || each.block !== block) continue;
          if (each.unit === null) gates.fill(each.value, block * H, (block + 1) * H);
          else gates[block * H + each.unit] = each.value;
        }
      }
      const arrays = this.cell.update(gates, state[k], H);
      output = arrays[0];
      after.push(this.recurrent ? arrays : []);
      if (record) record.push({ gates, r, before: state[k], after: arrays });
    });
    const logits = this.decoder.multiply(output).subarray(0, this.info.vocabSize);
    return { state: after, logits };
  }

  // The first layer's projected input of a character. Each is computed once.
  _projection(id) {
    if (this._table[id] === undefined) {
      const { input } = this.layers[0];
      const x = this.embedding
        ? this.embedding.subarray(id * input.columns, (id + 1) * input.columns)
        : Float32Array.from({ length: input.columns }, (_, k) => Number(k === id));
      this._table[id] = input.multiply(x);
    }
    return this._table[id];
  }
}
