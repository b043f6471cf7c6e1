// A word letter by letter: the probability that each network gives to each letter of the word.
"use strict";

const LETTERS = 24; // the last ones of a text
const SHOWN = 12; // characters that were read
const LETTERS_CAPTION = "The probability of the right letter, and the most likely letter if it is another one";

class LettersView {
  constructor(host) {
    this.host = host;
    this.turn = 0;
    this.table = html("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": LETTERS_CAPTION });
    this.element = html("figure", { class: "table" }, html("figcaption", {}, LETTERS_CAPTION), this.table);
  }

  async refresh() {
    const turn = ++this.turn;
    const { host } = this;
    const { text } = host;
    const traces = await Promise.all(
      host.models.map((_, model) =>
        host.request("trace", { model, text, interventions: [], last: LETTERS }),
      ),
    );
    if (turn !== this.turn || !host.shows(this)) return;
    const read = Array.from(text).slice(Math.max(0, traces[0].first - 1));
    if (read.length < 2) {
      replace(this.table, html("p", { class: "muted" }, "Type two letters or more."));
      return;
    }
    // The first input, before a text, is a step too; its prediction is not shown.
    const skip = traces[0].first === 0 ? 1 : 0;
    const rows = read.slice(1).map((right, k) => this.row(read, right, traces, k, skip));
    const heads = host.models.map(({ title }) => html("th", { scope: "col" }, title));
    replace(
      this.table,
      html(
        "table",
        { class: "numbers" },
        html(
          "thead",
          {},
          html("tr", {}, ["read", "right"].map((name) => html("th", { scope: "col" }, name)), heads),
        ),
        html("tbody", {}, rows),
      ),
    );
  }

  row(read, right, traces, k, skip) {
    const shown = read.slice(Math.max(0, k + 1 - SHOWN), k + 1).map((each) => (each === "\n" ? "⏎" : each));
    return html(
      "tr",
      {},
      html("th", { scope: "row", class: "text" }, shown.join("")),
      html("td", { class: "text" }, visible(right)),
      this.host.models.map(({ characters }, index) => {
        const size = characters.length;
        const row = k + skip;
        const probabilities = traces[index].probabilities.subarray(row * size, (row + 1) * size);
        const share = probabilities[characters.indexOf(right)] ?? 0;
        const best = characters[largest(probabilities, 1)[0]];
        const glyph = html("b", { class: "glyph", "aria-label": spoken(best) }, visible(best));
        const other = html("span", { class: "muted" }, html("span", { class: "word" }, "expects "), glyph);
        return html(
          "td",
          { class: "share" },
          html("span", { class: "value" }, decimal(share)),
          best === right ? null : [" ", other],
          html("span", { class: "track" }, barOf(share)),
        );
      }),
    );
  }
}
