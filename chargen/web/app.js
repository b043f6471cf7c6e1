// The page: what all views share (the text, the networks, the Worker), and which view is shown.
"use strict";

const FIRST_TEXT = "The old house stood in the morn";

class Page {
  constructor(models, client, start) {
    this.models = models;
    this.client = client;
    this.model = 0;
    this.heading = "h2"; // of a view
    this.editor = new Editor(() => this.textChanged(true));
    this.write = new WriteView(this);
    this.views = {
      write: this.write,
      inside: new InsideView(this),
      unfolded: new UnfoldedView(this),
      whatif: new WhatIfView(this),
    };
    for (const view of ["inside", "unfolded", "whatif"]) {
      document.getElementById(view).append(this.views[view].element);
    }
    this.tabs = Array.from(document.querySelectorAll("[role=tab]"));
    for (const tab of this.tabs) {
      tab.addEventListener("click", () => this.show(tab.getAttribute("aria-controls")));
    }
    document.getElementById("tabs").addEventListener("keydown", (event) => this.press(event));
    this.presets = new Presets(this);
    onNewAppearance(() => this.refresh());
    this.chooseModel();
    this.setText(start.text || firstText(models));
    this.show(start.view);
  }

  get text() {
    return this.editor.text;
  }

  /** Send a request to the Worker. Return a promise of the reply. */
  request(type, fields) {
    return this.client.request(type, fields);
  }

  /** Return whether the reader sees a view. */
  shows(view) {
    return this.views[this.view] === view;
  }

  setText(text) {
    this.editor.set(text);
    this.textChanged(false);
  }

  /** Add generated characters with their surprisals. */
  append(text, nats) {
    this.editor.set(this.text + text, nats);
    this.editor.showEnd();
  }

  textChanged(byReader) {
    this.write.abandon();
    if (byReader) this.presets.leave();
    this.readText();
  }

  /** Let the networks read the text, in the Unicode normal form that the active one knows. */
  readText() {
    this.editor.normalize(knownFormOf(this.text, this.models[this.model]));
    this.nameUnknown();
    this.predict();
    this.refresh();
  }

  /** Name the characters of the text that the active network does not know. */
  nameUnknown() {
    const sentence = unknownSentence(this.text, this.models[this.model]);
    const line = document.getElementById("unknown");
    if (line.textContent !== sentence) line.textContent = sentence;
  }

  /** Request the next characters of all networks, and the colours of the text. */
  predict() {
    const { text, model } = this;
    const settings = this.write.settings();
    this.models.forEach(async (_, index) => {
      const reply = await this.request("next", { model: index, text, settings });
      if (text !== this.text) return;
      this.write.draw(index, reply);
      if (index === this.model && model === this.model) this.editor.colour(reply.nats);
    });
    this.suggest();
  }

  async suggest() {
    const { text, model } = this;
    const confidence = this.write.line;
    const fields = { model, text, length: SUGGESTED, confidence };
    const reply = await this.request("suggest", fields);
    const current = text === this.text && model === this.model;
    if (current && this.write.generating === null) this.editor.suggest(reply.text);
  }

  /** Draw the view again soon. */
  refresh() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.draw(), REFRESH_DELAY);
  }

  async draw() {
    const { view } = this;
    const turn = (this.turn ?? 0) + 1;
    this.turn = turn;
    const section = document.getElementById(view);
    section.setAttribute("aria-busy", "true");
    await this.views[view].refresh();
    if (turn === this.turn) section.setAttribute("aria-busy", "false");
  }

  show(view) {
    this.view = view;
    document.body.dataset.view = view;
    this.presets.showNote(view);
    for (const tab of this.tabs) {
      const name = tab.getAttribute("aria-controls");
      tab.setAttribute("aria-selected", name === view);
      tab.tabIndex = name === view ? 0 : -1;
      document.getElementById(name).hidden = name !== view;
    }
    clearTimeout(this.timer);
    this.draw();
  }

  press(event) {
    const at = this.tabs.indexOf(document.activeElement);
    const count = this.tabs.length;
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[event.key];
    if (next === undefined || at < 0) return;
    event.preventDefault();
    const tab = this.tabs[(next + count) % count];
    tab.focus();
    tab.click();
  }

  chooseModel() {
    const choice = document.getElementById("models-choice");
    choice.hidden = this.models.length === 1;
    const choices = this.models.map((model, value) => ({ value, label: model.title }));
    choice.append(...chips(choices, this.model, (value) => this.choose(value)));
    this.describe();
  }

  /** Make a network the one that writes and that the views show in detail. */
  choose(model) {
    this.write.abandon();
    this.model = model;
    document.querySelectorAll("#models-choice input")[model].checked = true;
    this.describe();
    this.readText();
  }

  describe() {
    const model = this.models[this.model];
    const layers = model.numLayers === 1 ? "1 layer" : `${model.numLayers} layers`;
    document.getElementById("facts").textContent =
      `${model.label}, ${layers} of ${thousands(model.hiddenSize)} units,` +
      ` ${thousands(model.parameters)} parameters, ${thousands(model.characters.length - 1)}` +
      " characters. It runs in this page; nothing you type leaves your device.";
  }
}

/** Return a text that the models can continue. */
function firstText(models) {
  return covered(FIRST_TEXT, models) ? FIRST_TEXT : "";
}

/** Return the names of the models, with the network where it is not in the name. */
function withTitles(models) {
  for (const model of models) {
    const named = [model.cell, model.label].some((network) =>
      model.name.toLowerCase().includes(network.toLowerCase()),
    );
    model.title = named ? model.name : `${model.name} (${model.label})`;
  }
  return models;
}

async function open() {
  const { client, models, start } = await connect();
  window.page = new Page(withTitles(models), client, start);
  await window.page.presets.offer();
  document.body.dataset.ready = "";
}

open();
