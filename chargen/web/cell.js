// A cell at one step as textbooks draw it, with the values of that step.
"use strict";

/** Draw a cell. values: numbers by name, null where unknown; label: for a screen reader. */
function drawCell(cell, values, label) {
  const drawing = new Drawing(560, cell === "feedforward" || cell === "rnn" ? 250 : 390, label);
  CELL_DRAWINGS[cell](drawing, values);
  return drawing.root;
}

const BELT = 82;
const BUS = 285;

function drawBody(drawing, height) {
  drawing.add(svg("rect", { class: "body", x: 62, y: 24, width: 436, height, rx: 18 }));
}

/** Draw the names of gates below their boxes: [[x, name, second line, class]]. */
function drawNames(drawing, names) {
  for (const [x, name, second, className] of names) {
    drawing.text(x, BUS + 27, name, `name ${className}`);
    drawing.text(x, BUS + 45, second, `name ${className}`);
  }
}

/** Draw the belt of the memory from one side to the other, and its values before and after. */
function drawBelt(drawing, letter, before, after) {
  drawing.wire([[0, BELT], [560, BELT]], "belt");
  drawing.number(30, BELT - 14, before, "memory");
  drawing.text(24, BELT + 26, `${letter}ₜ₋₁`, "letter");
  drawing.number(530, BELT - 14, after, "memory");
  drawing.text(530, BELT + 26, `${letter}ₜ`, "letter");
}

function drawInput(drawing, x, bottom) {
  drawing.wire([[x, bottom], [x, BUS]], "", false);
  drawing.text(x + 10, bottom - 8, "xₜ", "letter", "start");
}

function drawLSTM(drawing, v) {
  const [f, i, g, o, out] = [125, 220, 315, 405, 470];
  drawBody(drawing, 322);
  drawing.wire([[0, BUS], [o, BUS], [o, 240]]);
  drawInput(drawing, 88, 385);
  for (const x of [f, i, g]) drawing.wire([[x, BUS], [x, 240]]);
  drawBelt(drawing, "c", v.cBefore, v.c);
  drawing.wire([[f, 204], [f, BELT + 14]], "forget");
  drawing.wire([[i, 204], [i, 150], [g - 14, 150]], "learn");
  drawing.wire([[g, 204], [g, 164]], "candidate");
  drawing.wire([[g, 136], [g, BELT + 14]], "memory");
  drawing.wire([[out, BELT], [out, 136]], "memory");
  drawing.wire([[o, 204], [o, 150], [out - 14, 150]], "use");
  drawing.wire([[out, 164], [out, BUS], [560, BUS]]);
  drawing.point(f, BELT, "×");
  drawing.point(g, BELT, "+");
  drawing.point(g, 150, "×");
  drawing.point(out, 150, "×");
  drawing.box(f, 222, "σ", "forget");
  drawing.box(i, 222, "σ", "learn");
  drawing.box(g, 222, "tanh", "candidate");
  drawing.box(o, 222, "σ", "use");
  drawing.box(out, 112, "tanh", "plain", 48, 26);
  drawing.number(f + 9, 186, v.f, "forget", "start");
  drawing.number(i + 9, 186, v.i, "learn", "start");
  drawing.number(g + 9, 190, v.g, "candidate", "start");
  drawing.number(o + 8, 186, v.o, "use", "start");
  drawing.number((f + g) / 2, BELT - 14, v.kept, "memory");
  drawing.text((f + g) / 2, BELT + 24, "kept", "name");
  drawing.number(g - 9, 126, v.written, "memory", "end");
  drawing.number(out - 30, 118, v.tanhC, "memory", "end");
  drawing.number(30, BUS - 12, v.hBefore);
  drawing.text(28, BUS + 26, "hₜ₋₁", "letter");
  drawing.number(530, BUS - 12, v.h);
  drawing.text(530, BUS + 26, "hₜ", "letter");
  drawNames(drawing, [
    [f, "forget", "f", "forget"],
    [i, "learn", "input i", "learn"],
    [g, "candidate", "g", "candidate"],
    [o, "use", "output o", "use"],
  ]);
}

function drawGRU(drawing, v) {
  const [z, r, n] = [140, 255, 370];
  drawBody(drawing, 322);
  drawing.wire([[52, BELT], [52, BUS], [n, BUS], [n, 240]]);
  drawInput(drawing, 88, 385);
  for (const x of [z, r]) drawing.wire([[x, BUS], [x, 240]]);
  drawing.wire([[r + 28, 222], [n - 28, 222]], "use");
  drawMix(drawing, v, z, n, "forget", "tanh");
  drawing.box(r, 222, "σ", "use");
  drawing.number(r, 196, v.r, "use");
  drawing.text(z + 20, 142, "1 − z", "name forget", "start");
  drawNames(drawing, [
    [z, "keep", "update z", "forget"],
    [r, "reset", "r", "use"],
    [n, "candidate", "n", "candidate"],
  ]);
}

// Draw how a gate z mixes the old memory with the candidate n. gate: the colour of z.
function drawMix(drawing, v, z, n, gate, activation) {
  drawBelt(drawing, "h", v.hBefore, v.h);
  drawing.wire([[z, 204], [z, BELT + 14]], gate);
  drawing.wire([[z, 150], [n - 14, 150]], gate);
  drawing.wire([[n, 204], [n, 164]], "candidate");
  drawing.wire([[n, 136], [n, BELT + 14]], "memory");
  drawing.point(z, BELT, "×");
  drawing.point(n, BELT, "+");
  drawing.point(n, 150, "×");
  drawing.box(z, 222, "σ", gate);
  drawing.box(n, 222, activation, "candidate");
  drawing.number(z + 9, 186, v.z, gate, "start");
  drawing.number(n + 9, 190, v.n, "candidate", "start");
  drawing.number((z + n) / 2, BELT - 14, v.kept, "memory");
  drawing.text((z + n) / 2, BELT + 24, "kept", "name");
  drawing.number(n + 9, 122, v.written, "memory", "start");
}

function drawMinGRU(drawing, v) {
  const [z, n] = [170, 350];
  drawBody(drawing, 322);
  drawing.wire([[88, 385], [88, BUS], [n, BUS], [n, 240]]);
  drawing.text(98, 377, "xₜ", "letter", "start");
  drawing.wire([[z, BUS], [z, 240]]);
  drawMix(drawing, v, z, n, "learn", "n");
  drawing.text(z + 9, 124, "1 − z", "name learn", "start");
  drawNames(drawing, [
    [z, "update", "z", "learn"],
    [n, "candidate", "n", "candidate"],
  ]);
}

function drawRNN(drawing, v) {
  drawBody(drawing, 150);
  drawing.wire([[0, 100], [252, 100]], "memory");
  drawing.wire([[308, 100], [560, 100]], "memory");
  drawing.wire([[280, 245], [280, 118]]);
  drawing.text(292, 232, "xₜ", "letter", "start");
  drawing.box(280, 100, "tanh", "candidate");
  drawing.number(30, 86, v.hBefore, "memory");
  drawing.text(28, 126, "hₜ₋₁", "letter");
  drawing.number(530, 86, v.h, "memory");
  drawing.text(530, 126, "hₜ", "letter");
}

function drawFeedForward(drawing, v) {
  drawBody(drawing, 150);
  drawing.wire([[308, 100], [560, 100]], "memory");
  drawing.wire([[280, 245], [280, 118]]);
  drawing.text(292, 232, "xₜ", "letter", "start");
  drawing.text(150, 92, "nothing comes from", "name");
  drawing.text(150, 112, "earlier characters", "name");
  drawing.box(280, 100, "tanh", "candidate");
  drawing.number(530, 86, v.output, "memory");
}

const CELL_DRAWINGS = {
  lstm: drawLSTM,
  gru: drawGRU,
  mingru: drawMinGRU,
  rnn: drawRNN,
  feedforward: drawFeedForward,
};

/** Return the equations of a cell with these values; exact for one unit, not for means. */
function cellEquations(cell, v) {
  const n = (value) => (value < 0 ? `(${decimal(value)})` : decimal(value));
  if (v.hBefore === null && cell !== "feedforward") return []; // the first step of a long text
  return {
    lstm: () => [
      `cₜ = f · cₜ₋₁ + i · g = ${n(v.f)} · ${n(v.cBefore)} + ${n(v.i)} · ${n(v.g)} = ${decimal(v.c)}`,
      `hₜ = o · tanh(cₜ) = ${n(v.o)} · ${n(v.tanhC)} = ${decimal(v.h)}`,
    ],
    gru: () => [
      `hₜ = z · hₜ₋₁ + (1 − z) · n = ${n(v.z)} · ${n(v.hBefore)} + ${n(1 - v.z)} · ${n(v.n)} = ${decimal(v.h)}`,
    ],
    mingru: () => [
      `hₜ = (1 − z) · hₜ₋₁ + z · n = ${n(1 - v.z)} · ${n(v.hBefore)} + ${n(v.z)} · ${n(v.n)} = ${decimal(v.h)}`,
    ],
    rnn: () => [`hₜ = tanh(W xₜ + U hₜ₋₁ + b) = ${decimal(v.h)}`],
    feedforward: () => [`output = tanh(W xₜ + b) = ${decimal(v.output)}`],
  }[cell]();
}
