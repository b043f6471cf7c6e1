// Two texts that one network reads: where they differ, and how far its states and predictions differ.
"use strict";

class Pair {
  /** choices: the words whose first characters are compared; null: the most likely characters. */
  constructor(choices = null) {
    this.timeline = new Timeline("Character", (row) => this.select(row));
    this.note = html("p", { class: "muted" });
    this.outcomes = [new Outcome("First text", choices), new Outcome("Second text", choices)];
    this.element = html(
      "div",
      {},
      this.timeline.element,
      this.note,
      html("div", { class: "two" }, this.outcomes.map(({ element }) => element)),
    );
  }

  /** Draw two texts and their traces. */
  draw(model, texts, traces) {
    const { timeline } = this;
    this.model = model;
    this.traces = traces;
    const [one, two] = texts.map((text, k) => [model.shownBoundary, ...Array.from(text)].slice(traces[k].first));
    this.columns = aligned(one, two);
    timeline.setSteps(this.columns.map(({ gap, rows }) => (gap === 0 ? "" : one[rows[0]])));
    const cells = this.columns.map(({ gap, rows }) =>
      html("span", {}, gap === 1 ? "" : visible(two[rows[1]])),
    );
    this.columns.forEach(({ differs }, k) => {
      for (const cell of [cells[k], timeline.cells[k]]) cell.classList.toggle("differs", differs);
    });
    this.lanes = memories(model).map((key) => {
      const values = this.columns.map(({ rows }) => stateDistance(traces, rows, key, model.hiddenSize));
      return { name: laneName(model, key), about: "difference, root mean square", values, write: decimal, className: "memory" };
    });
    const largestDistance = Math.max(...this.lanes.flatMap(({ values }) => values)) || 1;
    const predictions = this.columns.map((_, k) => this.distance(k));
    this.lanes.push({ name: "prediction", about: "how much the predictions differ (total variation)", values: predictions, write: percent, className: "parted" });
    for (const each of this.lanes) {
      each.value = html("span", { class: "lane-value" });
      const label = [html("span", { class: "lane-name" }, html("b", {}, each.name)), each.value, html("small", { class: "muted" }, each.about)];
      const scale = each.className === "memory" ? largestDistance : 1;
      each.element = barLane(label, each.values.map((value) => value / scale), each.className);
    }
    replace(
      timeline.lanes,
      lane([html("span", { class: "muted" }, "second text")], html("div", { class: "track-characters" }, cells)),
      this.lanes.map(({ element }) => element),
    );
    const start = this.columns.findIndex(({ differs }) => differs);
    const side = this.columns[start]?.gap === 0 ? 1 : 0; // the one that has a character there
    const last = this.columns.length - 1;
    this.note.textContent =
      start < 0
        ? "The texts do not differ yet."
        : `The texts first differ at ${this.placeAt(side, start)}. After the last characters, the predictions differ by ${percent(predictions[last])}.`;
    this.select(last, false);
    timeline.reveal(start < 0 ? last : start);
  }

  /** Return the distance of the predictions at a column. */
  distance(column) {
    const [row, otherRow] = this.columns[column].rows;
    const [one, other] = this.traces;
    return predictionDistance(one, row, other, otherRow, this.model.characters.length);
  }

  placeAt(side, column) {
    return placeOf(this.traces[side].first + this.columns[column].rows[side]).toLowerCase();
  }

  /** Show the predictions of both texts at a column. */
  select(column, reveal = true) {
    const { columns, model, timeline, traces } = this;
    for (const { value, values, write } of this.lanes) value.textContent = write(values[column]);
    timeline.select(column, `the predictions differ by ${percent(this.distance(column))}`, reveal);
    const atEnds = column === columns.length - 1;
    columns[column].rows.forEach((row, side) => {
      const { title } = this.outcomes[side];
      this.outcomes[side].draw(model, traces[side], row);
      const place = atEnds ? "at its end" : this.placeAt(side, column);
      title.textContent = `${["First", "Second"][side]} text, ${place}`;
    });
  }
}

/** Return columns [{rows, differs, gap}] in which the common start and end of two texts are aligned.
 *
 * rows: of the traces. gap: the text that has no character in this column, 0 or 1, else null. Its row is
 * that of its previous character.
 */
function aligned(one, two) {
  const start = commonLength(one, two);
  const rest = [one, two].map((text) => text.slice(start).reverse());
  const end = commonLength(...rest);
  const lengths = rest.map((text) => text.length - end);
  const same = (k, j) => ({ rows: [k, j], differs: false, gap: null });
  const middle = Array.from({ length: Math.max(...lengths) }, (_, k) => {
    const gap = lengths.findIndex((length) => k >= length);
    const rows = lengths.map((length) => start + Math.min(k, length - 1));
    return { rows, differs: true, gap: gap < 0 ? null : gap };
  });
  return [
    ...Array.from({ length: start }, (_, k) => same(k, k)),
    ...middle,
    ...Array.from({ length: end }, (_, k) => same(...lengths.map((length) => start + length + k))),
  ];
}

/** Return the names of what a network remembers, or of its output if it has no state. */
function memories(model) {
  if (model.states.length === 0) return ["output"];
  return model.states.includes("c") ? ["c", "h"] : model.states;
}

/** Return the total variation distance of two predictions, from 0 to 1. */
function predictionDistance(one, row, other, otherRow, size) {
  let sum = 0;
  for (let k = 0; k < size; k += 1) {
    sum += Math.abs(one.probabilities[row * size + k] - other.probabilities[otherRow * size + k]);
  }
  return Math.min(1, sum / 2);
}

function predictionDistances(one, other, size) {
  return Array.from(one.nats, (_, row) => predictionDistance(one, row, other, row, size));
}

/** Return the root mean square difference of a state of the last layer, as `chargen inspect`. */
function stateDistance(traces, rows, key, size) {
  const [a, b] = traces.map(({ layers }, side) => {
    const values = layers.at(-1).states[key] ?? layers.at(-1).output;
    return values.subarray(rows[side] * size, (rows[side] + 1) * size);
  });
  const squares = a.reduce((sum, value, unit) => sum + (value - b[unit]) ** 2, 0);
  return Math.sqrt(squares / size);
}
