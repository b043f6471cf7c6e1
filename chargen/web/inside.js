// The view Inside: gates and memory of every network over the text, and one step in detail.
"use strict";

const TRACED_STEPS = 300;
const CHANGED_UNITS = 6;

class InsideView {
  constructor(page) {
    this.page = page;
    this.turn = 0;
    this.layer = 0;
    this.unit = null; // null: the mean of all units
    this.step = null; // null: the last one
    this.timeline = new Timeline(
      "Character",
      (row, byKey) => this.select(row, byKey),
      (strip, height, row) => this.chooseUnitAt(strip, height, row),
    );
    this.tools = html("div", { class: "toolbar" });
    this.note = html("p", { class: "muted" });
    this.coloured = html("p", { class: "coloured" });
    this.title = html(page.heading);
    this.input = html("div", { class: "card" });
    this.cell = html("div", { class: "card cell" });
    this.output = html("div", { class: "card" });
    this.units = html("div", { class: "chips" });
    this.element = html(
      "div",
      {},
      html(page.heading, {}, "Gates and memory, character by character"),
      this.note,
      this.tools,
      this.timeline.element,
      this.coloured,
      this.title,
      html("div", { class: "step" }, this.input, this.cell, this.output),
    );
  }

  get model() {
    return this.page.models[this.page.model];
  }

  async refresh() {
    const turn = ++this.turn;
    const { page } = this;
    const { text } = page;
    const traces = await Promise.all(
      page.models.map((_, model) =>
        page.request("trace", { model, text, interventions: [], last: TRACED_STEPS }),
      ),
    );
    if (turn !== this.turn || !page.shows(this)) return;
    this.traces = traces;
    const { first, steps } = traces[0];
    this.read = [page.models[0].shownBoundary, ...Array.from(text)].slice(first);
    this.note.textContent =
      (first > 0 ? `The last ${TRACED_STEPS} of ${thousands(steps - 1)} characters. ` : "") +
      "Each column is one character, numbered from 0, and each row a group of units; those that keep their memory" +
      " longest are at the top. Point at a character or use the arrow keys. Click a row to" +
      " select one of its units.";
    this.draw();
  }

  /** Return the layer of a model that is shown. */
  layerOf(model) {
    return Math.min(this.layer, model.numLayers - 1);
  }

  draw() {
    const { page, timeline } = this;
    if (this.unit !== null && this.unit >= this.model.hiddenSize) this.unit = null;
    this.drawTools();
    timeline.setSteps(this.read);
    this.lanes = [];
    const parts = page.models.map((model, index) => {
      const layer = this.traces[index].layers[this.layerOf(model)];
      const order = unitOrder(model, layer);
      const several = page.models.length > 1;
      const title = several ? html("h3", { class: "lane-title" }, model.title) : null;
      return [title, layerLanes(model, layer).map((part) => this.makeLane(part, index, order))];
    });
    replace(timeline.lanes, parts.flat(2), this.unitLane());
    this.colour();
    const row = this.step === null ? null : this.step - this.traces[0].first;
    const last = this.read.length - 1;
    this.select(row !== null && row >= 0 && row <= last ? row : last, true);
  }

  makeLane(part, index, order) {
    const model = this.page.models[index];
    const { element, canvas, value } = stripLane(part, model.hiddenSize, order);
    this.lanes.push({ part, index, order, canvas, value });
    return element;
  }

  drawTools() {
    const { model } = this;
    const layers = Array.from({ length: model.numLayers }, (_, k) => [k, `${k}`]);
    const number = html("input", {
      type: "number",
      min: "0",
      max: model.hiddenSize - 1,
      placeholder: "mean of all",
      value: this.unit ?? "",
      on: {
        change: () => {
          const valid = number.value !== "" && number.validity.valid;
          this.chooseUnit(valid ? Number(number.value) : null);
        },
      },
    });
    replace(
      this.tools,
      model.numLayers > 1
        ? select("Layer", layers, this.layerOf(model), (value) => {
            this.layer = Number(value);
            this.draw();
          })
        : null,
      html("label", { class: "field" }, html("span", {}, `Unit (0 to ${model.hiddenSize - 1})`), number),
      this.units,
    );
  }

  chooseUnit(unit) {
    this.unit = unit;
    this.step = this.traces[0].first + this.timeline.row;
    this.draw();
  }

  /** Choose the most active unit of the row of a strip at this height. */
  chooseUnitAt(strip, height, row) {
    const { part, index, order } = this.lanes.find(({ canvas }) => canvas === strip);
    if (index !== this.page.model) this.page.choose(index);
    const size = this.model.hiddenSize;
    const [start, end] = stripUnits(Math.floor(height * strip.height), strip.height, size);
    const units = order.slice(start, end);
    const activity = (unit) => Math.abs(part.values[row * size + unit]);
    this.chooseUnit(units.reduce((best, unit) => (activity(unit) > activity(best) ? unit : best)));
  }

  /** Return the lane of the memory of the active network: c, h, or the output. */
  get memory() {
    const own = this.lanes.filter(({ index }) => index === this.page.model);
    return (own.find(({ part }) => part.key === "c") ?? own.at(-1)).part;
  }

  /** Return the values of the chosen unit's memory, divided by the largest size. */
  unitValues() {
    const size = this.model.hiddenSize;
    const values = this.read.map((_, row) => valueAt(this.memory.values, size, row, this.unit));
    const scale = Math.max(...values.map(Math.abs)) || 1;
    return values.map((value) => value / scale);
  }

  unitLane() {
    if (this.unit === null) return null;
    const values = this.unitValues();
    const points = values.map((value, k) => `${k + 0.5},${1 - value}`);
    const box = { class: "lane-line", viewBox: `0 -0.05 ${values.length} 2.1`, preserveAspectRatio: "none" };
    const drawing = svg(
      "svg",
      { ...box, "aria-hidden": "true" },
      svg("line", { class: "axis", x1: 0, x2: values.length, y1: 1, y2: 1 }),
      svg("polyline", { points: points.join(" ") }),
    );
    const { letter, name } = this.memory;
    const label = [
      html("span", { class: "lane-name" }, html("b", {}, `Unit ${this.unit}`), ` ${letter}`),
      html("small", { class: "muted" }, name),
    ];
    return lane(label, drawing);
  }

  /** Colour the characters: by their surprisal, or by the value of the chosen unit. */
  colour() {
    const { timeline } = this;
    this.coloured.hidden = this.unit === null;
    if (this.unit === null) {
      const { nats } = this.traces[this.page.model];
      this.read.forEach((_, row) => {
        const level = row === 0 ? 0 : surpriseLevel(nats[row - 1]);
        timeline.cells[row].className = `surprise-${level}`;
      });
      return;
    }
    const scale = colourScale(null);
    const colours = this.unitValues().map((value) => cssColour(scale(value * 0.6)));
    timeline.colourSteps(colours);
    const spans = this.read.slice(1).map((character, k) => {
      const span = html("span", {}, character);
      span.style.backgroundColor = colours[k + 1];
      return span;
    });
    replace(this.coloured, spans);
  }

  select(row, byKey) {
    const { model, page } = this;
    this.step = row === this.read.length - 1 ? null : this.traces[0].first + row;
    for (const { part, index, value } of this.lanes) {
      const unit = index === page.model ? this.unit : null;
      const change = unit === null ? Math.abs : undefined;
      const shown = valueAt(part.values, page.models[index].hiddenSize, row, unit, change);
      value.textContent = decimal(shown);
    }
    const trace = this.traces[page.model];
    const size = model.characters.length;
    const probabilities = trace.probabilities.subarray(row * size, (row + 1) * size);
    const best = model.characters[largest(probabilities, 1)[0]];
    const values = this.valuesAt(row);
    const summary = this.summary(row, values);
    this.timeline.select(row, `${spoken(this.read[row])}: ${summary}`, byKey);
    const place = placeOf(trace.first + row);
    replace(this.title, `${place}: reads “${visible(this.read[row])}”, expects “${visible(best)}”`);
    this.drawInput(row);
    this.drawCell(values, summary);
    this.drawOutput(row, probabilities);
    this.drawUnits(row);
  }

  /** Return the values of the cell at a row: of the chosen unit, or means over all units. */
  valuesAt(row) {
    const { model, unit } = this;
    const trace = this.traces[this.page.model];
    const layer = trace.layers[this.layerOf(model)];
    const size = model.hiddenSize;
    // Values with a sign would cancel each other in a mean.
    const sized = (change) => (value) => (unit === null ? Math.abs(change(value)) : change(value));
    const at = (values, change = (value) => value, k = row) =>
      valueAt(values, size, k, unit, sized(change));
    const { h, c } = layer.states;
    const starts = Array.from(trace.starts).includes(row);
    const before = (values) =>
      values === undefined ? null
      : starts ? 0
      : row === 0 ? null
      : at(values, undefined, row - 1);
    const values = { hBefore: before(h), cBefore: before(c), output: at(layer.output) };
    for (const [letter, gate] of Object.entries(layer.gates)) values[letter] = at(gate);
    if (h !== undefined) values.h = at(h);
    if (c !== undefined) Object.assign(values, { c: at(c), tanhC: at(c, Math.tanh) });
    if (layer.kept !== null) {
      Object.assign(values, { kept: at(layer.kept), written: at(layer.written) });
    }
    return values;
  }

  summary(row, values) {
    const own = this.lanes.filter(({ index }) => index === this.page.model);
    return own.map(({ part }) => `${part.name} ${decimal(values[part.key])}`).join(", ");
  }

  drawInput(row) {
    const { model } = this;
    const id = Math.max(0, model.characters.indexOf(this.read[row]));
    const count = model.characters.length;
    const start = Math.max(0, Math.min(id - 3, count - 7));
    const entries = Array.from({ length: Math.min(7, count) }, (_, k) => start + k);
    const made = entries.map((k) =>
      html(
        "li",
        { class: k === id ? "hot" : null },
        html("span", { class: "glyph" }, visible(model.characters[k])),
        html("b", {}, k === id ? "1" : "0"),
      ),
    );
    const more = (shown) => html("li", { class: "muted" }, shown ? "⋮" : " ");
    replace(
      this.input,
      html("h3", {}, "Input: one-hot"),
      html(
        "ol",
        { class: "one-hot", "aria-label": `one-hot vector: 1 at “${spoken(this.read[row])}”, 0 elsewhere` },
        more(start > 0),
        made,
        more(start + entries.length < count),
      ),
      html(
        "p",
        { class: "muted" },
        `${count} numbers, one for each known character and one for all unknown ones: a 1 for the character, 0 for all others.` +
          (model.encoder === "embedding" ? ` It selects one of the learned vectors xₜ of ${model.embeddingSize} numbers.` : ""),
      ),
    );
  }

  drawCell(values, summary) {
    const { model, unit } = this;
    const layer = model.numLayers > 1 ? `, layer ${this.layerOf(model)}` : "";
    const shown = unit === null ? `means of ${thousands(model.hiddenSize)} units` : `unit ${unit}`;
    replace(
      this.cell,
      html("h3", {}, `${model.label}${layer}: ${shown}`),
      drawCell(model.cell, values, `${model.label} cell. ${summary}`),
      unit === null
        ? html("p", { class: "muted" }, "Means of absolute values. Choose a unit to see the equations with its numbers.")
        : cellEquations(model.cell, values).map((line) => html("p", { class: "equation" }, line)),
    );
  }

  drawOutput(row, probabilities) {
    const { model, page } = this;
    const size = model.characters.length;
    const logits = this.traces[page.model].logits.subarray(row * size, (row + 1) * size);
    const rows = largest(probabilities, 7).map((id) => {
      const actual = this.read[row + 1] === model.characters[id];
      return html(
        "tr",
        { class: actual ? "actual" : null },
        html("th", { scope: "row" }, html("span", { class: "glyph" }, visible(model.characters[id]))),
        html("td", {}, decimal(logits[id])),
        html("td", { class: "wide" }, html("span", { class: "track" }, barOf(probabilities[id]))),
        html("td", {}, percent(probabilities[id])),
      );
    });
    const heads = ["", "logit", "softmax", ""].map((text) => html("th", { scope: "col" }, text));
    replace(
      this.output,
      html("h3", {}, "Output: logits to softmax"),
      html("table", { class: "logits" }, html("thead", {}, html("tr", {}, heads)), html("tbody", {}, rows)),
      html(
        "p",
        { class: "muted" },
        row + 1 < this.read.length
          ? `The text goes on with “${visible(this.read[row + 1])}”.`
          : "Softmax turns the logits into probabilities that sum to 1.",
      ),
    );
  }

  /** Offer the units whose memory changed most at this step. */
  drawUnits(row) {
    const size = this.model.hiddenSize;
    const { values } = this.memory;
    const before = row > 0 ? values.subarray((row - 1) * size, row * size) : new Float32Array(size);
    const changes = values.subarray(row * size, (row + 1) * size).map((v, k) => Math.abs(v - before[k]));
    const choices = [{ value: null, label: "Mean" }];
    for (const unit of largest(changes, CHANGED_UNITS)) choices.push({ value: unit, label: `${unit}` });
    if (this.unit !== null && !choices.some(({ value }) => value === this.unit)) {
      choices.splice(1, 0, { value: this.unit, label: `${this.unit}` });
    }
    replace(
      this.units,
      html("span", { class: "muted" }, "Largest changes:"),
      chips(choices, this.unit, (unit) => this.chooseUnit(unit)),
    );
  }
}
