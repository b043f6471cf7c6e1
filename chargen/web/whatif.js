// The view What if: a gate that is held open or closed, and a second text next to the first.
"use strict";

const CONTINUATION = 160; // characters
const NONE = ""; // no gate is held
const HELD = { 0: "closed", 1: "open" };

class WhatIfView {
  constructor(page) {
    this.page = page;
    this.turn = 0;
    this.gate = NONE; // the letter of the gate
    this.value = "0";
    this.unit = null;
    this.layer = 0;
    this.from = 1; // a step
    this.tools = html("div", { class: "toolbar" });
    this.message = html("p", { class: "muted" });
    this.timeline = new Timeline("Held from character", (row, byKey) => {
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
    this.unknown = html("p", { class: "muted", role: "status" });
    this.pair = new Pair();
    this.element = html(
      "div",
      {},
      html(page.heading, {}, "Hold a gate"),
      this.tools,
      this.message,
      this.held,
      html(page.heading, {}, "Another text"),
      html("label", { for: "other", class: "muted" }, "How much do the states and predictions of two texts differ? Type a second text:"),
      this.other,
      this.unknown,
      this.pair.element,
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
    const stale = () => turn !== this.turn || !page.shows(this);
    const trace = (content, interventions) =>
      page.request("trace", { model, text: content, interventions, last: TRACED_STEPS });
    this.drawTools();
    const base = await trace(text, []);
    if (stale()) return;
    this.base = base;
    const interventions = this.interventions();
    const held = interventions.length > 0 ? await trace(text, interventions) : null;
    if (stale()) return;
    if (held !== null) this.drawHeld(held);
    const second = knownForm(this.other.value, this.model);
    const other = second === "" ? null : await trace(second, []);
    if (stale()) return;
    this.unknown.textContent = unknownSentence(second, this.model);
    this.pair.element.hidden = other === null;
    if (other !== null) this.pair.draw(this.model, [text, second], [base, other]);
    if (held !== null) this.continueBoth(interventions, stale);
  }

  async continueBoth(interventions, stale) {
    await this.continue(this.before, [], stale);
    if (stale()) return;
    await this.continue(this.after, interventions, stale);
    if (!stale()) this.markDifference();
  }

  interventions() {
    if (this.gate === NONE) return [];
    const { layer, gate, unit } = this;
    return [{ layer, gate, unit, from: this.from, value: Number(this.value) }];
  }

  drawTools() {
    const { model, gates } = this;
    this.layer = Math.min(this.layer, model.numLayers - 1);
    if (!gates.some(({ letter }) => letter === this.gate)) this.gate = NONE;
    const holds = this.gate !== NONE;
    this.held.hidden = !holds;
    this.tools.hidden = gates.length === 0;
    this.message.textContent =
      gates.length === 0
        ? `This network (${model.label}) has no gates to hold.`
        : holds
          ? "Click on the character from which the gate is held."
          : "No gate is held. Choose one to see what the network predicts when it is closed or open.";
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
      select("Hold the gate", [[NONE, "none"], ...gates.map(({ letter, name }) => [letter, `${name} ${letter}`])], this.gate, change("gate", String)),
      holds
        ? [
            select("at", [["0", "closed (0)"], ["1", "open (1)"]], this.value, change("value", String)),
            html("label", { class: "field" }, html("span", {}, `in unit (0 to ${model.hiddenSize - 1})`), number),
            model.numLayers > 1 ? select("of layer", layers, this.layer, change("layer", Number)) : null,
          ]
        : null,
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
    const label = [html("b", {}, "prediction"), html("small", { class: "muted" }, "how much the prediction changes (total variation)")];
    replace(timeline.lanes, barLane(label, parted, "parted"));
    const last = parted.at(-1);
    timeline.select(from, `${spoken(read[from])}; the last predictions differ by ${percent(last)}`);
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
}
