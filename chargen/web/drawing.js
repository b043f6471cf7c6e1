// The pieces of a diagram: wires, boxes, points of multiplication and addition, texts.
"use strict";

class Drawing {
  constructor(width, height, label) {
    this.root = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
  }

  add(...elements) {
    this.root.append(...elements);
  }

  /** Draw a wire through points, with a head at its end. */
  wire(points, className = "", head = true) {
    this.add(svg("polyline", { class: `wire ${className}`, points: points.join(" ") }));
    if (!head) return;
    const [[x1, y1], [x2, y2]] = points.slice(-2);
    const length = Math.hypot(x2 - x1, y2 - y1);
    const [dx, dy] = [((x2 - x1) / length) * 9, ((y2 - y1) / length) * 9];
    const corners = [
      [x2, y2],
      [x2 - dx - dy * 0.55, y2 - dy + dx * 0.55],
      [x2 - dx + dy * 0.55, y2 - dy - dx * 0.55],
    ];
    this.add(svg("polygon", { class: `head ${className}`, points: corners.join(" ") }));
  }

  /** Draw a box around a point. */
  box(x, y, text, className = "", width = 56, height = 36) {
    const shape = { x: x - width / 2, y: y - height / 2, width, height, rx: 6 };
    this.add(svg("rect", { class: `box ${className}`, ...shape }));
    this.text(x, y + 6, text, `box-text ${className}`);
  }

  /** Draw a point at which two wires are multiplied or added. */
  point(x, y, sign) {
    this.add(svg("circle", { class: "point", cx: x, cy: y, r: 14 }));
    const size = 6;
    const [a, b] = sign === "×" ? [size * 0.8, size * 0.8] : [size * 1.1, 0];
    this.add(svg("path", {
      class: "point-sign",
      d: `M${x - a} ${y - b}L${x + a} ${y + b}M${x + b} ${y - a}L${x - b} ${y + a}`,
    }));
  }

  text(x, y, text, className = "", anchor = "middle") {
    this.add(svg("text", { x, y, class: className, "text-anchor": anchor }, text));
  }

  /** Write a number, unless it is unknown. */
  number(x, y, value, className = "", anchor = "middle") {
    if (value !== null) this.text(x, y, decimal(value), `number ${className}`, anchor);
  }
}
