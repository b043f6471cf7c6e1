// Rows over the steps of a text, one column a character, with a step that the reader selects.
"use strict";

const STRIP_ROWS = 40; // a strip shows the mean of neighbouring units where there are more

class Timeline {
  /** onStep(row) is called when the reader selects a step, onUnit(unit) for a unit of a strip. */
  constructor(label, onStep, onUnit = null) {
    this.onStep = onStep;
    this.onUnit = onUnit;
    this.track = html("div", {
      class: "track-characters",
      role: "slider",
      tabindex: "0",
      "aria-label": label,
      on: { keydown: (event) => this.press(event) },
    });
    this.cursor = html("div", { class: "cursor" });
    this.lanes = html("div");
    this.head = html("span", { class: "lane-label muted" }, "character read");
    this.sheet = html(
      "div",
      { class: "timeline-sheet" },
      html("div", { class: "lane characters" }, this.head, this.track),
      this.lanes,
      this.cursor,
    );
    this.element = html("div", { class: "timeline" }, this.sheet);
    this.sheet.addEventListener("pointermove", (event) => {
      if (event.pointerType === "mouse") this.point(event);
    });
    this.sheet.addEventListener("click", (event) => this.click(event));
  }

  /** Show these steps; labels: what each reads. */
  setSteps(labels) {
    this.labels = labels;
    const room = this.element.parentElement.clientWidth - this.head.offsetWidth - 4;
    const cell = Math.max(15, Math.min(36, room / labels.length));
    this.sheet.style.setProperty("--cell", `${cell}px`);
    this.sheet.style.setProperty("--steps", labels.length);
    this.cell = cell;
    this.cells = labels.map((label) => html("span", { "aria-hidden": "true" }, visible(label)));
    replace(this.track, this.cells);
    this.track.setAttribute("aria-valuemin", "0");
    this.track.setAttribute("aria-valuemax", labels.length - 1);
  }

  /** Colour the characters; colours: CSS texts, "" for none. */
  colourSteps(colours) {
    this.cells.forEach((cell, k) => {
      cell.style.backgroundColor = colours[k];
    });
  }

  /** Mark a step; text: what a screen reader says about it. */
  select(row, text, reveal = false) {
    this.row = row;
    this.sheet.style.setProperty("--step", row);
    this.track.setAttribute("aria-valuenow", row);
    this.track.setAttribute("aria-valuetext", text);
    if (reveal) this.reveal(row);
  }

  /** Scroll to a step. */
  reveal(row) {
    const left = row * this.cell;
    const room = this.element.clientWidth - this.head.offsetWidth;
    const { scrollLeft } = this.element;
    if (left < scrollLeft) this.element.scrollLeft = left - room / 3;
    if (left + this.cell > scrollLeft + room) this.element.scrollLeft = left - (room * 2) / 3;
  }

  press(event) {
    const last = this.labels.length - 1;
    const rows = {
      ArrowLeft: this.row - 1, ArrowDown: this.row - 1,
      ArrowRight: this.row + 1, ArrowUp: this.row + 1,
      PageUp: this.row + 10, PageDown: this.row - 10,
      Home: 0, End: last,
    };
    if (!(event.key in rows)) return;
    event.preventDefault();
    this.onStep(Math.min(last, Math.max(0, rows[event.key])), true);
  }

  /** Return the row below a pointer, or null. */
  rowAt(event) {
    const row = Math.floor((event.clientX - this.track.getBoundingClientRect().left) / this.cell);
    const label = this.head.getBoundingClientRect().right;
    return event.clientX >= label && row >= 0 && row < this.labels.length ? row : null;
  }

  point(event) {
    const row = this.rowAt(event);
    if (row !== null && row !== this.row) this.onStep(row, false);
  }

  click(event) {
    const row = this.rowAt(event);
    if (row === null) return;
    this.onStep(row, false);
    const strip = event.target.closest("canvas");
    // A tap selects a step; a mouse has already selected it by hovering, so a click is free.
    if (strip === null || this.onUnit === null || event.pointerType !== "mouse") return;
    const box = strip.getBoundingClientRect();
    this.onUnit(strip, (event.clientY - box.top) / box.height, row);
  }
}

/** Return what a step reads: characters are numbered from 0, as in `chargen inspect`. */
function placeOf(step) {
  return step === 0 ? "Before the text" : `Character ${step - 1}`;
}

/** Draw values [N, H] as a strip: one column a step, one row a group of units in this order. */
function drawStrip(canvas, { values, hue }, size, order) {
  const steps = values.length / size;
  const rows = Math.min(size, STRIP_ROWS);
  const means = new Float32Array(rows * steps);
  for (let row = 0; row < rows; row += 1) {
    const [start, end] = stripUnits(row, rows, size);
    for (let step = 0; step < steps; step += 1) {
      let sum = 0;
      for (let k = start; k < end; k += 1) sum += values[step * size + order[k]];
      means[row * steps + step] = sum / (end - start);
    }
  }
  canvas.width = steps;
  canvas.height = rows;
  const context = canvas.getContext("2d");
  const image = context.createImageData(steps, rows);
  const colour = colourScale(hue || null);
  const scale = hue ? 1 : scaleOf(means); // gates are between 0 and 1
  means.forEach((mean, k) => image.data.set([...colour(mean / scale), 255], k * 4));
  context.putImageData(image, 0, 0);
}

/** Return the range of places in the order of units that a row of a strip shows. */
function stripUnits(row, rows, size) {
  return [Math.floor((row * size) / rows), Math.floor(((row + 1) * size) / rows)];
}

/** Make a lane: a label and what it shows over the steps. */
function lane(label, content) {
  return html("div", { class: "lane" }, html("div", { class: "lane-label" }, label), content);
}

/** Make the lane of a part of a layer (see lanes.js), with room for its value at a step. */
function stripLane(part, size, order) {
  const canvas = html("canvas", { "aria-hidden": "true" });
  drawStrip(canvas, part, size, order);
  const value = html("span", { class: "lane-value" });
  const name = html("span", { class: "lane-name" }, html("b", {}, part.name), ` ${part.letter}`);
  const element = lane([name, value, html("small", { class: "muted" }, part.about)], canvas);
  element.classList.add(`lane-${part.key}`);
  return { element, canvas, value };
}

/** Make a lane of bars, one a step; values between 0 and 1. */
function barLane(label, values, className) {
  const bars = values.map((value, k) =>
    svg("rect", { x: k + 0.1, y: 1 - value, width: 0.8, height: value }),
  );
  const box = { class: `lane-bars ${className}`, viewBox: `0 0 ${values.length} 1` };
  const drawing = svg("svg", { ...box, preserveAspectRatio: "none", "aria-hidden": "true" }, bars);
  return lane(label, drawing);
}
