// The colours of the stylesheet as numbers, for canvases, and changes of the theme and the width.
"use strict";

/** Call a function when the theme or the width of the window changes: canvases are drawn anew. */
function onNewAppearance(draw) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth !== width) draw();
    width = innerWidth;
  });
}

/** Return the red, green and blue of a variable of the stylesheet in the current theme. */
function themeColour(variable) {
  const probe = html("span");
  probe.style.color = `var(${variable})`;
  document.body.append(probe);
  const numbers = getComputedStyle(probe).color.match(/[\d.]+/g).map(Number);
  probe.remove();
  return numbers.slice(0, 3);
}

/** Return a function from a value to a colour: [0, 1] in one hue, or [-1, 1] in two. */
function colourScale(variable) {
  const zero = themeColour("--soft");
  const high = themeColour(variable ?? "--positive");
  const low = themeColour("--negative");
  return (value) => {
    const share = Math.min(1, Math.abs(value));
    const end = value < 0 ? low : high;
    return zero.map((start, k) => start + (end[k] - start) * share);
  };
}

/** Return a colour as CSS text. */
function cssColour([red, green, blue]) {
  return `rgb(${Math.round(red)} ${Math.round(green)} ${Math.round(blue)})`;
}
