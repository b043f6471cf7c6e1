// The view Write: generation, its settings, and the most likely next characters of each network.
"use strict";

const APPEND_DELAY = 100; // milliseconds; the layout of a long text takes some of them

class WriteView {
  constructor(page) {
    this.page = page;
    this.line = 0.9;
    this.generating = null; // the index of the model that generates
    this.form = document.getElementById("settings");
    this.status = document.getElementById("status");
    this.spoken = document.getElementById("spoken");
    this.buttons = {};
    for (const name of ["generate", "stop", "copy", "download", "clear"]) {
      this.buttons[name] = document.getElementById(name);
      this.buttons[name].addEventListener("click", () => this[name]());
    }
    this.bars = page.models.map(
      (model) =>
        new Bars(model, page.models.length, (line) => this.setLine(line)),
    );
    replace(document.getElementById("bars"), this.bars.map((bars) => bars.element));
    this.form.addEventListener("input", () => page.predict());
    this.form.addEventListener("submit", (event) => event.preventDefault());
    for (const bars of this.bars) bars.setLine(this.line);
    const lengths = page.models.map((model) => model.defaultLength);
    this.form.elements.namedItem("length").defaultValue = Math.max(...lengths);
  }

  /** Return the settings of the form, with `seed` undefined where it is empty. */
  settings() {
    const read = (name) => {
      const field = this.form.elements.namedItem(name); // `elements.length` is its own
      return field.validity.valid ? Number(field.value) : Number(field.defaultValue);
    };
    const settings = {};
    for (const name of ["temperature", "threshold", "top_k", "top_p", "min_p", "length"]) {
      settings[name] = read(name);
    }
    for (const name of ["top_k", "length"]) settings[name] = Math.round(settings[name]);
    settings.confidence = this.form.elements.confident.checked ? this.line : 0;
    const seed = this.form.elements.seed;
    if (seed.validity.valid && seed.value !== "") settings.seed = seed.value;
    return settings;
  }

  setLine(line) {
    this.line = line;
    for (const bars of this.bars) bars.setLine(line);
    this.page.suggest();
  }

  draw(model, reply) {
    this.bars[model].draw(reply.probabilities, reply.sampled, this.line);
  }

  refresh() {} // `page.predict` keeps it up to date, since the text field needs the same replies

  async generate() {
    if (!this.form.reportValidity()) return;
    const { page } = this;
    const model = page.model;
    const seed = String(Math.floor(Math.random() * 1e6));
    const settings = { seed, ...this.settings() };
    this.generating = model;
    this.show(true);
    this.status.textContent = "";
    let written = "";
    let waiting = { text: "", nats: [], timer: null };
    const started = performance.now();
    const add = () => {
      clearTimeout(waiting.timer);
      const { text, nats } = waiting;
      waiting = { text: "", nats: [], timer: null };
      if (this.generating === model && text !== "") page.append(text, nats);
    };
    const fields = { model, text: page.text, settings, interventions: [] };
    const reason = await page.client.generate(fields, ({ text, nats }) => {
      written += text;
      waiting.text += text;
      waiting.nats.push(...nats);
      waiting.timer ??= setTimeout(add, APPEND_DELAY);
    });
    add();
    if (this.generating !== model) return;
    // The next generation then starts a new text.
    if (reason === "end") page.append(page.models[model].shownBoundary);
    this.generating = null;
    this.show(false);
    const count = Array.from(written).length;
    const speed = Math.round((count / (performance.now() - started)) * 1000);
    const ends = {
      confidence: " No character reached the line.",
      end: " The text ended.",
      stopped: " Stopped.",
    };
    this.status.textContent =
      `${thousands(count)} characters, ${thousands(speed)} a second, seed ${settings.seed}.` +
      (ends[reason] ?? "");
    this.spoken.textContent = written;
    page.predict();
    page.refresh();
  }

  /** End the generation. */
  stop() {
    if (this.generating !== null) this.page.client.stop(this.generating);
  }

  /** End the generation and ignore what is still on its way. */
  abandon() {
    if (this.generating === null) return;
    this.stop();
    this.generating = null;
    this.show(false);
  }

  show(generating) {
    const focused = document.activeElement;
    this.buttons.generate.hidden = generating;
    this.buttons.stop.hidden = !generating;
    if (focused === this.buttons.generate) this.buttons.stop.focus();
    if (focused === this.buttons.stop) this.buttons.generate.focus();
  }

  async copy() {
    await copyText(this.page.text);
    this.status.textContent = "Copied.";
  }

  download() {
    const address = URL.createObjectURL(new Blob([this.page.text], { type: "text/plain" }));
    html("a", { href: address, download: "text.txt" }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  }

  clear() {
    this.page.setText("");
    document.getElementById("field").focus();
  }
}
