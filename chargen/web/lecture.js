// The page of the lecture: each live figure has its own text, networks and views.
"use strict";

const ROW = 60; // characters of a row of text

const LIVE_VIEWS = {
  bars: (figure) => new ThresholdView(figure),
  letters: (figure) => new LettersView(figure),
  unfolded: (figure) => new UnfoldedView(figure, { gradient: false }),
  gradient: (figure) => new UnfoldedView(figure),
  inside: (figure) => new InsideView(figure),
  choices: (figure) => new ChoicesView(figure),
  pair: (figure) => new PairView(figure),
};

/** The host of the views of one live figure, as `Page` is in `chargen export page`. */
class Figure {
  /** live: {views, models, texts, choices, threshold}, as chargen/web/lecture.py describes it. */
  constructor(element, number, live, models, client) {
    this.element = element;
    this.number = number;
    this.live = live;
    this.models = live.models.map((index) => models[index]);
    this.model = 0;
    this.client = client;
    this.heading = "h3";
    this.choices = live.choices;
    this.threshold = live.threshold;
    this.fields = live.texts.map((text, k) => this.makeField(text, k));
    this.unknown = html("p", { class: "muted", role: "status" });
    this.reset = html(
      "button",
      { type: "button", class: "quiet", hidden: true, on: { click: () => this.restore() } },
      "Reset",
    );
    this.views = live.views.map((view) => LIVE_VIEWS[view](this));
    element.append(
      html("div", { class: "texts" }, this.fields.map(({ label }) => label), this.unknown),
      ...this.views.map((view) => view.element),
    );
    element.querySelector("figcaption").append(this.reset);
    element.hidden = false;
    this.draw();
  }

  makeField(text, k) {
    const field = html("textarea", {
      class: "own-text",
      rows: text.length > ROW ? "2" : "1", // browsers without field-sizing
      spellcheck: "false",
      autocomplete: "off",
      autocapitalize: "off",
      autocorrect: "off",
      on: { input: () => this.textChanged() },
    });
    field.value = text;
    const name = this.live.texts.length === 1 ? "Text" : ["First text", "Second text"][k];
    return { field, label: html("label", {}, html("span", { class: "muted" }, name), field) };
  }

  get texts() {
    return this.fields.map(({ field }) => field.value);
  }

  get text() {
    return this.texts[0];
  }

  textChanged() {
    this.unknown.textContent = unknownSentence(this.texts.join(""), this.models[0]);
    this.reset.hidden = this.texts.every((text, k) => text === this.live.texts[k]);
    this.refresh();
  }

  restore() {
    this.fields.forEach(({ field }, k) => {
      field.value = this.live.texts[k];
    });
    this.textChanged();
    this.fields[0].field.focus();
  }

  /** Send a request to the Worker; model: its place in this figure. */
  request(type, { model, ...fields }) {
    return this.client.request(type, { ...fields, model: this.live.models[model], figure: this.number });
  }

  shows() {
    return true;
  }

  choose(model) {
    this.model = model;
    this.refresh();
  }

  /** Draw the views again soon. */
  refresh() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.draw(), REFRESH_DELAY);
  }

  async draw() {
    // One after the other: a request replaces an unfinished one of the same type and model.
    for (const view of this.views) await view.refresh();
    this.element.dataset.drawn = "true";
  }
}

/** Give each command to try a button that copies it. */
function addCopyButtons() {
  for (const command of document.querySelectorAll(".command")) {
    const code = command.querySelector("code");
    const copy = html("button", { type: "button", class: "quiet" }, "Copy");
    copy.addEventListener("click", async () => {
      await copyText(code.textContent);
      copy.textContent = "Copied";
    });
    command.append(copy);
  }
}

async function open() {
  addCopyButtons();
  const { client, models, start } = await connect();
  for (const model of models) model.title = model.label;
  const figures = start.map((live, k) => {
    const element = document.getElementById(`figure-${k}`);
    return new Figure(element, k, live, models, client);
  });
  onNewAppearance(() => figures.forEach((figure) => figure.refresh()));
  document.body.dataset.ready = "";
}

open();
