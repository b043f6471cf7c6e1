// The most likely next characters, a threshold line, and what the network writes above it.
"use strict";

const WRITTEN = 60; // characters at most

class ThresholdView {
  constructor(host) {
    this.host = host;
    this.turn = 0;
    this.line = host.threshold;
    this.bars = new Bars(host.models[0], 1, (line) => this.setLine(line));
    this.written = html("p", { class: "written", role: "status" });
    this.element = html("div", {}, this.bars.element, this.written);
    this.bars.setLine(this.line);
  }

  async refresh() {
    const turn = ++this.turn;
    const { host } = this;
    const reply = await host.request("next", { model: 0, text: host.text, settings: {} });
    if (turn !== this.turn || !host.shows(this)) return;
    this.bars.draw(reply.probabilities, null, this.line);
    this.write();
  }

  setLine(line) {
    this.line = line;
    this.bars.setLine(line);
    this.write();
  }

  async write() {
    const { host, line } = this;
    const { text } = host;
    const fields = { model: 0, text, length: WRITTEN, confidence: line };
    const reply = await host.request("suggest", fields);
    if (text !== host.text || line !== this.line) return;
    const end = Array.from(reply.text).length < WRITTEN ? ", then it stops." : " …";
    replace(
      this.written,
      "With this threshold, the network writes ",
      reply.text === "" ? "nothing." : [html("b", { class: "glyph" }, `“${reply.text.replaceAll("\n", "⏎")}”`), end],
    );
  }
}
