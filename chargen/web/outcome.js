// What a network predicts at one place, and what it writes after it.
"use strict";

class Outcome {
  /** choices: the words whose first characters are compared; null: the most likely characters. */
  constructor(title, choices = null) {
    this.choices = choices;
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
    replace(
      this.bars,
      this.choices === null
        ? probabilityBars(model.characters, probabilities, { count: 5 })
        : choiceBars(this.choices, model.characters, probabilities),
    );
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
