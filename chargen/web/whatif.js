// The view What if: a gate that is held open or closed, and a second text next to the first.
"use strict";

const CONTINUATION = 160; // characters
const HELD = { 0: "closed", 1: "open" };

class WhatIfView {
  constructor(page) {
    this.page = page;
    this.turn = 0;
    this.gate = null; // the letter of the gate; null: the first of the network
    this.value = "0";
    this.unit = null;
    this.layer = 0;
    this.from = 1; // a step
    this.step = null; // of the second text; null: the ends of both texts
    this.tools = html("div", { class: "toolbar" });
    this.message = html("p", { class: "muted" });
    this.timeline = new Timeline("Held from step", (row, byKey) => {
      if (byKey) this.setFrom(row);
    });
    this.timeline.sheet.addEventListener("click", (event) => {
      const row = this.timeline.rowAt(event);
      if (row !== null) this.setFrom(row);
    });
    this.before = new Outcome("As trained");
    this.after = new Outcome("");
    this.held = html(
      "div",
      {},
      this.timeline.element,
      html("p", { class: "muted" }, "The most likely characters after the text, and a continuation with the same random numbers:"),
      html("div", { class: "two" }, this.before.element, this.after.element),
    );
    this.other = html("textarea", {
      id: "other",
      rows: "2",
      spellcheck: "false",
      autocapitalize: "off",
      on: { input: () => page.refresh() },
    });
    this.compared = html("div");
    this.pair = new Timeline("Step", (row) => this.selectPair(row));
    this.first = new Outcome("First text");
    this.second = new Outcome("Second text");
    this.pairNote = html("p", { class: "muted" });
    this.compared.append(
      this.pair.element,
      this.pairNote,
      html("div", { class: "two" }, this.first.element, this.second.element),
    );
    document.getElementById("whatif").append(
      html("h2", {}, "Hold a gate"),
      this.tools,
      this.message,
      this.held,
      html("h2", {}, "Another text"),
      html("label", { for: "other", class: "muted" }, "How much do the states and predictions of two texts differ? Type a second text:"),
      this.other,
      this.compared,
    );
  }

  get model() {
    return this.page.models[this.page.model];
  }

  /** Return the gates that can be held. */
  get gates() {
    return this.model.gates.filter(({ holdable }) => holdable);
  }

  setFrom(row) {
    this.from = this.base.first + row;
    this.page.draw();
  }

  async refresh() {
    const turn = ++this.turn;
    const { page } = this;
    const { text, model } = page;
    const stale = () => turn !== this.turn || page.view !== "whatif";
    const trace = (content, interventions) =>
      page.client.request("trace", { model, text: content, interventions, last: TRACED_STEPS });
    this.drawTools();
    const base = await trace(text, []);
    if (stale()) return;
    this.base = base;
    const interventions = this.interventions();
    const held = interventions.length > 0 ? await trace(text, interventions) : null;
    if (stale()) return;
    if (held !== null) this.drawHeld(held);
    const other = this.other.value === "" ? null : await trace(this.other.value, []);
    if (stale()) return;
    this.compared.hidden = other === null;
    if (other !== null) this.drawPair(other);
    if (held !== null) this.continueBoth(interventions, stale);
  }

  async continueBoth(interventions, stale) {
    await this.continue(this.before, [], stale);
    if (stale()) return;
    await this.continue(this.after, interventions, stale);
    if (!stale()) this.markDifference();
  }

  interventions() {
    if (this.gate === null) return [];
    const { layer, gate, unit } = this;
    return [{ layer, gate, unit, from: this.from, value: Number(this.value) }];
  }

  drawTools() {
    const { model, gates } = this;
    this.held.hidden = gates.length === 0;
    this.tools.hidden = gates.length === 0;
    this.message.textContent =
      gates.length === 0
        ? `This network (${model.label}) has no gates to hold.`
        : "Click on the character from which the gate is held.";
    this.layer = Math.min(this.layer, model.numLayers - 1);
    if (!gates.some(({ letter }) => letter === this.gate)) {
      this.gate = (gates.find(({ letter }) => letter === "f") ?? gates[0])?.letter ?? null;
    }
    if (this.unit >= model.hiddenSize) this.unit = null;
    const change = (name, convert) => (value) => {
      this[name] = convert(value);
      this.page.draw();
    };
    const number = html("input", {
      type: "number", min: "0", max: model.hiddenSize - 1, placeholder: "all", value: this.unit ?? "",
      on: {
        change: () => {
          this.unit = number.value !== "" && number.validity.valid ? Number(number.value) : null;
          this.page.draw();
        },
      },
    });
    const layers = Array.from({ length: model.numLayers }, (_, k) => [k, `${k}`]);
    const key = JSON.stringify([this.page.model, this.gate, this.value, this.unit, this.layer]);
    if (key === this.toolsKey) return;
    this.toolsKey = key;
    replace(
      this.tools,
      select("Hold the gate", gates.map(({ letter, name }) => [letter, `${name} ${letter}`]), this.gate, change("gate", String)),
      select("at", [["0", "closed (0)"], ["1", "open (1)"]], this.value, change("value", String)),
      html("label", { class: "field" }, html("span", {}, `in unit (0 to ${model.hiddenSize - 1})`), number),
      model.numLayers > 1 ? select("of layer", layers, this.layer, change("layer", Number)) : null,
    );
  }

  drawHeld(held) {
    const { base, timeline, page, model } = this;
    const read = [page.models[0].shownBoundary, ...Array.from(page.text)].slice(base.first);
    const size = model.characters.length;
    const from = Math.min(Math.max(0, this.from - base.first), read.length - 1);
    timeline.setSteps(read);
    timeline.cells.forEach((cell, row) => {
      cell.className = row >= from ? "held" : "";
    });
    const parted = predictionDistances(base, held, size);
    const label = [html("b", {}, "prediction"), html("small", { class: "muted" }, "share of the probability that moves to other characters")];
    replace(timeline.lanes, barLane(label, parted, "parted"));
    const last = parted.at(-1);
    timeline.select(from, `${spoken(read[from])}; ${percent(last)} of the last prediction moves`);
    const gate = this.gates.find(({ letter }) => letter === this.gate);
    const where = this.unit === null ? "" : ` in unit ${this.unit}`;
    this.after.title.textContent = `With ${gate.name} ${gate.letter} held ${HELD[this.value]}${where}`;
    this.before.draw(model, base);
    this.after.draw(model, held);
  }

  async continue(outcome, interventions, stale) {
    const { page } = this;
    const settings = { seed: "1", ...page.write.settings(), length: CONTINUATION, confidence: 0 };
    outcome.text = "";
    const fields = { model: page.model, text: page.text, settings, interventions };
    await page.client.generate(fields, ({ text }) => {
      if (!stale()) outcome.write(page.text, outcome.text + text);
    });
  }

  markDifference() {
    const common = commonLength(Array.from(this.before.text), Array.from(this.after.text));
    for (const outcome of [this.before, this.after]) outcome.write(this.page.text, outcome.text, common);
  }

  drawPair(other) {
    const { base, pair, page, model } = this;
    const first = Math.max(base.first, other.first);
    const end = Math.min(base.steps, other.steps);
    const cut = (trace) => ({ trace, skip: first - trace.first });
    this.pairs = [cut(base), cut(other)];
    const read = (text) => [page.models[0].shownBoundary, ...Array.from(text)].slice(first, end);
    const [one, two] = [read(page.text), read(this.other.value)];
    pair.setSteps(one);
    const differs = two.map((character, k) => character !== one[k]);
    const cells = two.map((character, k) =>
      html("span", { class: differs[k] ? "differs" : "" }, visible(character)),
    );
    pair.cells.forEach((cell, k) => {
      cell.className = differs[k] ? "differs" : "";
    });
    const size = model.hiddenSize;
    const states = one.map((_, k) => stateDistance(this.pairs, k, size));
    const parted = one.map((_, k) => this.pairDistance(k));
    replace(
      pair.lanes,
      lane([html("span", { class: "muted" }, "second text")], html("div", { class: "track-characters" }, cells)),
      barLane([html("b", {}, "memory"), html("small", { class: "muted" }, "distance of the states, 0 to 1")], states, "memory"),
      barLane([html("b", {}, "prediction"), html("small", { class: "muted" }, "share of the probability that differs")], parted, "parted"),
    );
    const start = differs.indexOf(true);
    this.pairNote.textContent =
      start < 0
        ? "The texts do not differ yet."
        : `The texts first differ at step ${first + start}. After the last characters, ${percent(predictionDistance(base, base.nats.length - 1, other, other.nats.length - 1, model.characters.length))} of the probability differs.`;
    this.selectPair(end - first - 1, true);
    pair.reveal(start < 0 ? end - first - 1 : start);
  }

  pairDistance(k) {
    const [one, two] = this.pairs;
    return predictionDistance(one.trace, k + one.skip, two.trace, k + two.skip, this.model.characters.length);
  }

  /** Show the predictions of both texts at a step, or at their ends. */
  selectPair(row, atEnds = false) {
    const outcomes = [this.first, this.second];
    this.pair.select(row, `${percent(this.pairDistance(row))} of the probability differs`, !atEnds);
    this.pairs.forEach(({ trace, skip }, k) => {
      const at = atEnds ? trace.nats.length - 1 : row + skip;
      outcomes[k].draw(this.model, trace, at);
      const place = atEnds ? "at its end" : `at step ${trace.first + at}`;
      outcomes[k].title.textContent = `${["First", "Second"][k]} text ${place}`;
    });
  }
}

class Outcome {
  constructor(title) {
    this.title = html("h3", {}, title);
    this.bars = html("div");
    this.prose = html("p", { class: "prose" });
    this.text = "";
    this.element = html("div", { class: "card" }, this.title, this.bars, this.prose);
  }

  /** Draw the prediction of a trace at a row, by default the last. */
  draw(model, trace, row = trace.nats.length - 1) {
    const size = model.characters.length;
    const probabilities = trace.probabilities.subarray(row * size, (row + 1) * size);
    replace(this.bars, probabilityBars(model.characters, probabilities, { count: 5 }));
  }

  /** Show what the network writes after a text; characters from `common` on are marked. */
  write(text, written, common = Infinity) {
    this.text = written;
    const characters = Array.from(written);
    replace(
      this.prose,
      html("span", { class: "muted" }, Array.from(text).slice(-40).join("")),
      characters.slice(0, common).join(""),
      common < characters.length ? html("mark", {}, characters.slice(common).join("")) : null,
    );
  }
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

/** Return the distance of the memories of the last layer, relative to their sizes, from 0 to 1. */
function stateDistance(pairs, k, size) {
  const [a, b] = pairs.map(({ trace, skip }) => {
    const layer = trace.layers.at(-1);
    const values = layer.states.c ?? layer.states.h ?? layer.output;
    return values.subarray((k + skip) * size, (k + skip + 1) * size);
  });
  let apart = 0;
  let sizes = 0;
  a.forEach((value, unit) => {
    apart += (value - b[unit]) ** 2;
    sizes += value ** 2 + b[unit] ** 2;
  });
  // The largest distance of two vectors of these sizes is that of opposite ones.
  return sizes === 0 ? 0 : Math.sqrt(apart / sizes / 2);
}
