// The most likely next characters of one network as bars, with a threshold line.
"use strict";

const BARS = 8;

/** Return the indices of the largest values, largest first. */
function largest(values, count) {
  return Array.from(values.keys())
    .sort((a, b) => values[b] - values[a])
    .slice(0, count);
}

/** Make the bars of probabilities [V]. sampled [V] is drawn below each where it differs. */
function probabilityBars(characters, probabilities, { sampled = null, count = BARS, line = null } = {}) {
  return html(
    "ol",
    { class: "bar-list" },
    largest(probabilities, count).map((id) => {
      const share = probabilities[id];
      const drawn = sampled === null ? null : barOf(sampled[id], "drawn");
      const classes = [
        line !== null && share > line ? "above" : "",
        sampled !== null && sampled[id] === 0 ? "dropped" : "",
      ].join(" ");
      return html(
        "li",
        { class: classes },
        html("b", { class: "glyph", "aria-label": spoken(characters[id]) }, visible(characters[id])),
        html("span", { class: "track" }, barOf(share), drawn),
        html("span", { class: "number" }, percent(share)),
      );
    }),
  );
}

/** Make the bars of the probabilities [V] of the first characters of some words. */
function choiceBars(words, characters, probabilities) {
  const shares = words.map((word) => probabilities[characters.indexOf(Array.from(word)[0])] ?? 0);
  return html(
    "ol",
    { class: "bar-list words" },
    words.map((word, k) =>
      html(
        "li",
        { class: shares[k] === Math.max(...shares) ? "above" : "" },
        html("b", {}, word),
        html("span", { class: "track" }, barOf(shares[k])),
        html("span", { class: "number" }, percent(shares[k])),
      ),
    ),
  );
}

/** Make a bar that fills a share of its track. */
function barOf(share, className = "") {
  const bar = html("span", { class: `bar ${className}` });
  bar.style.width = `${share * 100}%`;
  return bar;
}

class Bars {
  /** networks: how many stand side by side; onLine is called with the new threshold. */
  constructor(model, networks, onLine) {
    this.model = model;
    this.count = networks > 2 ? 5 : BARS;
    this.onLine = onLine;
    this.list = html("div");
    this.handle = html("span", {
      class: "handle",
      role: "slider",
      tabindex: "0",
      "aria-label": "Threshold line",
      "aria-valuemin": "0",
      "aria-valuemax": "1",
      on: {
        keydown: (event) => this.press(event),
        pointerdown: (event) => this.handle.setPointerCapture(event.pointerId),
        pointermove: (event) => this.drag(event),
      },
    });
    this.scale = html("div", { class: "scale" }, this.handle);
    this.caption = html("p", { class: "muted verdict" });
    this.element = html(
      "div",
      { class: "bar-box" },
      networks > 1 ? html("h3", {}, model.title) : null,
      html("div", { class: "bar-area" }, this.list, this.scale),
      this.caption,
    );
  }

  /** Draw the probabilities and the characters that remain after the filters. */
  draw(probabilities, sampled, line) {
    this.probabilities = probabilities;
    this.sampled = sampled;
    this.setLine(line);
  }

  setLine(line) {
    this.line = line;
    this.handle.style.left = `${line * 100}%`;
    this.handle.setAttribute("aria-valuenow", line.toFixed(2));
    this.handle.setAttribute("aria-valuetext", `output when above ${percent(line)}`);
    if (this.probabilities === undefined) return;
    const { characters } = this.model;
    const { count, sampled } = this;
    replace(this.list, probabilityBars(characters, this.probabilities, { sampled, line, count }));
    const best = largest(this.probabilities, 1)[0];
    const output = this.probabilities[best] > line;
    replace(
      this.caption,
      html("span", {}, `Output when > ${line.toFixed(2)}: `),
      html("b", {}, output ? visible(characters[best]) : "nothing"),
    );
  }

  press(event) {
    const steps = { ArrowLeft: -0.01, ArrowDown: -0.01, ArrowRight: 0.01, ArrowUp: 0.01, PageUp: 0.1, PageDown: -0.1, Home: -1, End: 1 };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    this.move(this.line + step);
  }

  drag(event) {
    if (!this.handle.hasPointerCapture(event.pointerId)) return;
    const box = this.scale.getBoundingClientRect();
    this.move((event.clientX - box.left) / box.width);
  }

  move(line) {
    this.onLine(Math.round(Math.min(1, Math.max(0, line)) * 100) / 100);
  }
}
