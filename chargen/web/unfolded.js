// The view Unfolded: each network with its loop, unfolded over the text, and the gradient.
"use strict";

const CHAIN_STEPS = 24;
const CHAIN_STEP = 84; // pixels at least
const CHAIN_EDGE = 10; // pixels at each side of the steps
const BACK_LABEL = 20; // half of the width of the widest number between two steps
const GRADIENT_STEPS = 150;
const LEAST_SHARE = 1e-4; // the lowest gradient of the chart, relative to the last input
const FINGERPRINT = 4; // a state is drawn as 4 x 4 means of its units

class UnfoldedView {
  /** gradient: whether the gradient of the last prediction is shown. */
  constructor(page, { gradient = true } = {}) {
    this.page = page;
    this.gradient = gradient;
    this.turn = 0;
    this.chart = html("figure", { class: "card gradient" });
    this.networks = html("div", { class: "networks" });
    const chain =
      "A cell with a loop is equivalent to a chain of copies, one for each character. The state flows to the right. Above each copy: the character it expects, with its probability; ✓ if the text continues with it.";
    const back =
      "The gradient of the last prediction flows back to the left. Between the copies: its norm with respect to the input of the copy on the left, relative to the last input.";
    this.element = html(
      "div",
      {},
      html(page.heading, {}, "Folded and unfolded"),
      html("p", { class: "muted" }, gradient ? `${chain} ${back}` : chain),
      this.networks,
      gradient ? [html(page.heading, {}, "How far the gradient reaches"), this.chart] : null,
    );
  }

  async refresh() {
    const turn = ++this.turn;
    const { page } = this;
    const { text } = page;
    const request = (type, model, last) =>
      page.request(type, { model, text, interventions: [], last });
    const traces = await Promise.all(
      page.models.map((_, model) => request("trace", model, CHAIN_STEPS)),
    );
    if (turn !== this.turn) return;
    const gradients = await Promise.all(
      page.models.map((_, model) =>
        this.gradient ? request("gradient", model, GRADIENT_STEPS) : null,
      ),
    );
    if (turn !== this.turn || !page.shows(this)) return;
    const flows = gradients.map((gradient) => gradient && relativeGradient(gradient));
    const read = [page.models[0].shownBoundary, ...Array.from(text)].slice(traces[0].first);
    const cards = page.models.map((model, k) => this.card(model, traces[k], flows[k], read));
    replace(this.networks, cards);
    this.networks.querySelectorAll(".chain").forEach((chain, k) => {
      const step = chainStep(chain.clientWidth, read.length);
      replace(chain, drawChain(page.models[k], traces[k], flows[k], read, step));
      chain.scrollLeft = chain.scrollWidth;
    });
    if (!this.gradient) return;
    const width = this.chart.clientWidth - 34;
    replace(this.chart, gradientChart(flows, width), page.models.length > 1 ? gradientLegend(page.models) : null);
  }

  card(model, trace, flow, read) {
    const group = { class: "chain", tabindex: "0", role: "group", "aria-label": `${model.title}, unfolded` };
    const chain = html("div", group); // it is drawn when its width is known
    return html(
      "article",
      { class: "card network" },
      html("h3", {}, model.title),
      html("p", {}, this.sentence(model, trace, flow, read)),
      html("div", { class: "fold" }, drawFolded(model), html("span", { class: "equals" }, "="), chain),
    );
  }

  sentence(model, trace, flow, read) {
    if (model.states.length > 0) {
      return flow === null ? stateSentence(model) : gradientSentence(flow);
    }
    const general =
      "It has no loop: each copy sees only its own character" +
      (flow === null ? "." : ", and no gradient flows back.");
    const last = read.at(-1);
    const count = read.filter((character) => character === last).length;
    if (count < 2) return general;
    const size = model.characters.length;
    const row = read.length - 1;
    const best = largest(trace.probabilities.subarray(row * size, (row + 1) * size), 1)[0];
    const shown = visible(model.characters[best]);
    return `${general} ${count === 2 ? "Both" : `All ${count}`} times that it reads “${visible(last)}” it expects “${shown}”: it cannot know what came before.`;
  }
}

/** Return the gradient with respect to the input at each step, relative to the last one. */
function relativeGradient({ norms }) {
  const last = norms.at(-1) || 1;
  return Array.from(norms, (norm) => norm / last);
}


function stateSentence(model) {
  const carried = model.states.join(" and ");
  return `The loop carries ${carried} from one copy to the next. A box shows h: each square is the mean of some units.`;
}

function gradientSentence(flow) {
  if (flow.length === 1) return "There is no earlier step yet.";
  const back = flow.length - 1 - flow.findIndex((share) => share >= 0.1);
  if (back === 0) return "No earlier input has a gradient of at least 10 %.";
  return `The furthest input with a gradient of at least 10 % is ${back} ${back === 1 ? "character" : "characters"} back.`;
}

/** Draw the folded network: one cell, and a loop where it has a state. */
function drawFolded(model) {
  const drawing = new Drawing(176, 230, `${model.label}, folded`);
  drawing.root.setAttribute("class", "folded");
  drawing.wire([[62, 206], [62, 142]]);
  drawing.wire([[62, 92], [62, 44]]);
  if (model.states.length > 0) {
    drawing.wire([[88, 117], [128, 117], [128, 68], [20, 68], [20, 117], [36, 117]], "memory flow");
    drawing.text(136, 98, model.states.includes("c") ? "c, h" : "h", "letter", "start");
  }
  drawing.box(62, 117, model.numLayers > 1 ? `${model.numLayers}×` : "A", "plain", 52, 50);
  drawing.text(62, 224, "character", "name");
  drawing.text(62, 32, "prediction", "name");
  return drawing.root;
}

/** Return the width of a step in a chain of this width, so that it cuts no label at its left edge. */
function chainStep(room, steps) {
  if (steps * CHAIN_STEP + 2 * CHAIN_EDGE <= room) return CHAIN_STEP;
  const left = room - CHAIN_EDGE - BACK_LABEL; // of the last steps, which are shown first
  return left / Math.max(1, Math.floor(left / CHAIN_STEP));
}

/** Draw the network unfolded over the steps of a trace, each with this width. */
function drawChain(model, trace, flow, read, step) {
  const width = read.length * step + 2 * CHAIN_EDGE;
  const drawing = new Drawing(width, 230, chainLabel(model, trace, flow, read));
  drawing.root.setAttribute("width", width);
  drawing.root.setAttribute("height", 230);
  const size = model.characters.length;
  const colour = colourScale(null);
  const top = trace.layers.at(-1);
  const scale = scaleOf(top.output);
  read.forEach((character, row) => {
    const x = (row + 0.5) * step + CHAIN_EDGE;
    const share = shareAt(flow, read, row);
    if (row > 0 && model.states.length > 0) {
      drawing.wire([[x - step + 26, 106], [x - 26, 106]], "memory flow");
      if (flow !== null) drawBackFlow(drawing, x - step / 2, shareAt(flow, read, row - 1));
    }
    drawing.wire([[x, 186], [x, 142]]);
    drawing.wire([[x, 92], [x, 58]]);
    drawing.add(svg("rect", { class: "box plain", x: x - 25, y: 92, width: 50, height: 50, rx: 6 }));
    drawFingerprint(drawing, x - 20, 97, top.output, row, model.hiddenSize, scale, colour);
    drawing.text(x, 210, visible(character), "glyph");
    const probabilities = trace.probabilities.subarray(row * size, (row + 1) * size);
    const best = largest(probabilities, 1)[0];
    const right = read[row + 1] === model.characters[best];
    const open = row + 1 === read.length;
    drawing.text(x, 24, visible(model.characters[best]), `glyph ${open || right ? "" : "wrong"}`);
    drawing.text(x, 49, `${percent(probabilities[best])}${right ? " ✓" : ""}`, "name");
    if (open && share > 0) drawing.add(svg("circle", { class: "source", cx: x, cy: 18, r: 15 }));
  });
  return drawing.root;
}

/** Return the gradient at a row of the steps that are read; flow: null if none is shown. */
function shareAt(flow, read, row) {
  return flow === null ? 0 : (flow[flow.length - read.length + row] ?? 0);
}

/** Draw the gradient that flows back between two steps: wide and opaque where it is large. */
function drawBackFlow(drawing, x, share) {
  const strength = Math.min(1, share);
  const [from, to] = [x + 13, x - 13];
  const height = 1 + strength * 10;
  const tip = Math.max(4, height * 0.8);
  const y = 129;
  const corners = [
    [from, y - height / 2], [to + tip, y - height / 2], [to + tip, y - tip],
    [to, y], [to + tip, y + tip], [to + tip, y + height / 2], [from, y + height / 2],
  ];
  const opacity = (0.12 + 0.88 * strength ** 0.5).toFixed(2);
  drawing.add(svg("polygon", { class: "gradient-arrow", points: corners.join(" "), opacity }));
  drawing.text(x, 156, percent(share), "gradient-number");
}

/** Draw a state as a small square of means over groups of units. */
function drawFingerprint(drawing, x, y, values, row, size, scale, colour) {
  const groups = Math.min(FINGERPRINT ** 2, size);
  for (let k = 0; k < groups; k += 1) {
    const [start, end] = stripUnits(k, groups, size);
    let sum = 0;
    for (let unit = start; unit < end; unit += 1) sum += values[row * size + unit];
    // Means of many units are small, so they are multiplied by the root of their number.
    const mean = (sum / (end - start) / scale) * Math.sqrt(end - start);
    drawing.add(svg("rect", {
      x: x + (k % FINGERPRINT) * 10, y: y + Math.floor(k / FINGERPRINT) * 10,
      width: 10, height: 10, fill: cssColour(colour(mean)),
    }));
  }
}

function chainLabel(model, trace, flow, read) {
  const size = model.characters.length;
  const parts = read.map((character, row) => {
    const best = largest(trace.probabilities.subarray(row * size, (row + 1) * size), 1)[0];
    const gradient = flow === null ? "" : `, gradient ${percent(shareAt(flow, read, row))}`;
    return `${spoken(character)}: expects ${spoken(model.characters[best])}${gradient}`;
  });
  return `${model.title}, unfolded. ${parts.join("; ")}`;
}

/** Draw the gradient of each network by its distance to the last input, on a logarithmic scale. */
function gradientChart(flows, width) {
  const [height, left, bottom] = [260, 62, 42];
  const drawing = new Drawing(width, height, "Gradient with respect to each input, relative to the last one");
  drawing.root.setAttribute("width", width);
  const steps = Math.max(1, flows[0].length - 1);
  const x = (back) => left + (back / steps) * (width - left - 14);
  const y = (share) => {
    const decades = Math.log10(Math.max(LEAST_SHARE, Math.min(10, share)));
    return 14 + ((1 - decades) / 5) * (height - bottom - 14);
  };
  for (const share of [10, 1, 0.1, 0.01, 0.001, LEAST_SHARE]) {
    drawing.wire([[left, y(share)], [width - 14, y(share)]], "grid", false);
    drawing.text(left - 8, y(share) + 5, percentTick(share), "tick", "end");
  }
  const stride = [1, 2, 5, 10, 20, 50, 100].find((size) => steps / size <= width / 80);
  for (let back = 0; back <= steps; back += stride) {
    drawing.text(x(back), height - bottom + 20, `${back}`, "tick");
  }
  drawing.text((left + width) / 2, height - 4, "characters back", "tick");
  flows.forEach((flow, k) => {
    const backward = [...flow].reverse();
    const end = flow.length - flow.findIndex((share) => share >= LEAST_SHARE); // the rest is lower
    const shown = backward.slice(0, end + 1);
    drawing.wire(shown.map((share, back) => [x(back), y(share)]), `series series-${(k % 8) + 1}`, false);
  });
  return drawing.root;
}

function percentTick(share) {
  return `${Number((share * 100).toPrecision(1))} %`;
}

function gradientLegend(models) {
  const items = models.map((model, k) =>
    html("li", {}, html("span", { class: `swatch series-${(k % 8) + 1}` }), model.title),
  );
  return html("figcaption", {}, html("ul", { class: "plain" }, items));
}
