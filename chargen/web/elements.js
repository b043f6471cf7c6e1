// Making elements. Texts of models and readers only ever reach the page through textContent.
"use strict";

/** Make an HTML element. Attributes: `on` maps events to functions, null or false leaves out. */
function html(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** Make an SVG element. */
function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") {
      for (const [event, act] of Object.entries(value)) element.addEventListener(event, act);
    } else if (value !== null && value !== false) {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(...children.flat().filter((child) => child !== null));
  return element;
}

/** Replace the children of an element. */
function replace(element, ...children) {
  element.replaceChildren(...children.flat().filter((child) => child !== null));
}

/** Return a character as it is shown where it stands alone. */
function visible(character) {
  if (character === " ") return "␣";
  if (character === "\n") return "⏎";
  if (character === "\t") return "⇥";
  if (character === "\u001e") return "¶";
  return /\p{C}|\p{Z}/u.test(character) ? "�" : /\p{M}/u.test(character) ? "◌" + character : character;
}

/** Return a character's name for a screen reader. */
function spoken(character) {
  const names = { " ": "space", "\n": "newline", "\t": "tab", "\u001e": "end of text" };
  return names[character] ?? character;
}

function percent(share) {
  if (share >= 0.0995) return `${Math.round(share * 100)} %`;
  if (share >= 0.00095) return `${(share * 100).toFixed(1)} %`;
  return share === 0 ? "0 %" : "< 0.1 %";
}

/** Return a number with two decimals and a true minus sign. */
function decimal(value) {
  const text = Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(2);
  return text.replace(/^-(0\.00)$/, "$1").replace("-", "−");
}

function thousands(value) {
  return value.toLocaleString("en");
}

let groups = 0; // of radio buttons

/** Make radio buttons that look like chips. choices: [{value, label}]. */
function chips(choices, chosen, choose) {
  groups += 1;
  const name = `chips-${groups}`;
  return choices.map(({ value, label }) =>
    html(
      "label",
      { class: "chip" },
      html("input", {
        type: "radio",
        name,
        value,
        checked: value === chosen,
        on: { change: () => choose(value) },
      }),
      html("span", {}, label),
    ),
  );
}

/** Make a labelled choice between two or more values. choices: [[value, label]]. */
function select(label, choices, chosen, choose) {
  const options = choices.map(([value, text]) =>
    html("option", { value, selected: value === chosen }, text),
  );
  const field = html("select", { on: { change: () => choose(field.value) } }, options);
  return html("label", { class: "field" }, html("span", {}, label), field);
}
