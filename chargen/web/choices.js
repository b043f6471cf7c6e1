// The probabilities of some words after a text, and the memory of the network on the way there.
"use strict";

const MEMORY_LANES = ["f", "i", "c"];

class ChoicesView {
  constructor(host) {
    this.host = host;
    this.turn = 0;
    this.timeline = new Timeline("Character", (row, byKey) => this.select(row, byKey));
    this.outcome = new Outcome("", host.choices);
    this.element = html("div", {}, this.timeline.element, this.outcome.element);
  }

  async refresh() {
    const turn = ++this.turn;
    const { host, timeline } = this;
    const { text } = host;
    const fields = { model: 0, text, interventions: [], last: TRACED_STEPS };
    const trace = await host.request("trace", fields);
    if (turn !== this.turn || !host.shows(this)) return;
    this.trace = trace;
    const [model] = host.models;
    const layer = trace.layers.at(-1);
    const order = unitOrder(model, layer);
    this.read = [model.shownBoundary, ...Array.from(text)].slice(trace.first);
    timeline.setSteps(this.read);
    this.lanes = layerLanes(model, layer)
      .filter(({ key }) => MEMORY_LANES.includes(key))
      .map((part) => ({ part, ...stripLane(part, model.hiddenSize, order) }));
    replace(timeline.lanes, this.lanes.map(({ element }) => element));
    this.select(this.read.length - 1, true);
  }

  /** Show the prediction and the means of the lanes at a step. */
  select(row, reveal) {
    const { host, lanes, outcome, read, timeline, trace } = this;
    const [model] = host.models;
    for (const { part, value } of lanes) {
      value.textContent = decimal(valueAt(part.values, model.hiddenSize, row, null, Math.abs));
    }
    outcome.draw(model, trace, row);
    const atEnd = row === read.length - 1;
    outcome.title.textContent = atEnd ? "After the text" : placeOf(trace.first + row);
    timeline.select(row, `${spoken(read[row])}: ${lanes.map(({ part, value }) => `${part.name} ${value.textContent}`).join(", ")}`, reveal);
  }
}

class PairView {
  constructor(host) {
    this.host = host;
    this.turn = 0;
    this.pair = new Pair(host.choices);
    this.element = this.pair.element;
  }

  async refresh() {
    const turn = ++this.turn;
    const { host } = this;
    const texts = [...host.texts];
    const traces = [];
    for (const text of texts) {
      const fields = { model: 0, text, interventions: [], last: TRACED_STEPS };
      traces.push(await host.request("trace", fields));
    }
    if (turn === this.turn && host.shows(this)) this.pair.draw(host.models[0], texts, traces);
  }
}
