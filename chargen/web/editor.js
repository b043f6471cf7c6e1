// The text, which all views share: a text field over a mirror that has its colours and suggestion.
"use strict";

const SURPRISE_BITS = [1, 2, 3, 4, 6, 8]; // the lower bounds of the levels after level 0
const SUGGESTED = 60; // characters at most
const COLOURED = 5_000; // the last characters of a text; the layout of more spans takes too long

/** Return the level of a surprisal in nats, from 0 (expected) to 6. */
function surpriseLevel(nats) {
  const bits = nats / Math.LN2;
  return SURPRISE_BITS.filter((bound) => bits >= bound).length;
}

/** Return the number of characters that two arrays have in common at their start. */
function commonLength(one, other) {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length += 1;
  return length;
}

class Editor {
  /** onInput is called after the reader changed the text. */
  constructor(onInput) {
    this.field = document.getElementById("field");
    this.mirror = document.getElementById("mirror");
    this.button = document.getElementById("accept");
    this.hint = document.getElementById("field-hint");
    this.ghost = html("span", { class: "ghost" });
    this.key = html("kbd", {}, "Tab");
    this.end = html("span", {}, "\u200b"); // gives a last, empty line its height
    this.mirror.append(this.end);
    this.onInput = onInput;
    this.runs = []; // [{level, text, span}], the coloured parts of the mirror
    this.characters = [];
    this.nats = []; // of the first characters
    this.suggestion = "";
    this.composing = false; // several keys are about to make one character
    this.field.addEventListener("input", () => this.change(this.field.value));
    this.field.addEventListener("compositionstart", () => {
      this.composing = true;
    });
    this.field.addEventListener("compositionend", () => {
      this.composing = false;
      this.change(this.field.value);
    });
    this.field.addEventListener("keydown", (event) => this.press(event));
    this.field.addEventListener("click", (event) => this.tap(event));
    this.button.addEventListener("click", () => this.accept());
    document.addEventListener("selectionchange", () => this.suggest(this.suggestion));
    replace(
      document.getElementById("surprise-legend"),
      html("span", {}, "Surprisal of each character:"),
      ["0", ...SURPRISE_BITS].map((bits, level) =>
        html("span", { class: `key surprise-${level}` }, level === 6 ? `${bits}+ bits` : bits),
      ),
    );
  }

  get text() {
    return this.field.value;
  }

  /** Set the text; nats: surprisals of characters after those that are already known. */
  set(text, nats = []) {
    const characters = Array.from(text);
    const known = commonLength(this.characters.slice(0, this.nats.length), characters);
    this.characters = characters;
    this.nats = [...this.nats.slice(0, known), ...nats].slice(0, characters.length);
    if (this.field.value !== text) this.field.value = text;
    this.suggest("");
    this.draw();
  }

  change(text) {
    this.set(text);
    this.onInput();
  }

  /** Convert the text to a Unicode normal form, unless it is null. The cursor stays in its place. */
  normalize(form) {
    if (form === null || this.composing) return;
    const { field, text } = this;
    const cursor = text.slice(0, field.selectionEnd).normalize(form).length;
    this.set(text.normalize(form));
    field.setSelectionRange(cursor, cursor);
  }

  /** Colour the text by its surprisals in nats. */
  colour(nats) {
    this.nats = Array.from(nats);
    this.draw();
  }

  draw() {
    const start = Math.max(0, this.characters.length - COLOURED);
    const runs = [{ level: 0, text: this.characters.slice(0, start).join("") }];
    this.characters.slice(start).forEach((character, place) => {
      const k = start + place;
      const level = k < this.nats.length ? surpriseLevel(this.nats[k]) : 0;
      const last = runs.at(-1);
      if (last.level === level) last.text += character;
      else runs.push({ level, text: character });
    });
    // Typing changes the end of a long text, so the spans before it stay.
    let same = 0;
    while (
      same < Math.min(runs.length, this.runs.length) &&
      runs[same].level === this.runs[same].level &&
      runs[same].text === this.runs[same].text
    ) {
      runs[same].span = this.runs[same].span;
      same += 1;
    }
    for (const run of this.runs.slice(same)) run.span.remove();
    const added = runs.slice(same);
    for (const run of added) {
      run.span = html("span", { class: `surprise-${run.level}` }, run.text);
    }
    this.end.before(...added.map((run) => run.span));
    this.mirror.append(this.end);
    this.runs = runs;
  }

  showEnd() {
    const sheet = this.mirror.parentElement;
    sheet.scrollTop = sheet.scrollHeight;
  }

  /** Show a suggestion after the text, if the cursor is there. */
  suggest(text) {
    this.suggestion = text;
    const { field } = this;
    const atEnd =
      field.selectionStart === field.value.length && field.selectionEnd === field.value.length;
    const shown = text !== "" && atEnd;
    this.button.hidden = !shown;
    this.hint.classList.toggle("absent", !shown); // it keeps its room, so that nothing below moves
    if (shown) field.setAttribute("aria-describedby", this.hint.id);
    else field.removeAttribute("aria-describedby");
    this.ghost.remove();
    this.key.remove();
    if (shown) {
      this.ghost.textContent = text;
      this.end.before(this.ghost, this.key);
    }
  }

  get suggests() {
    return this.ghost.isConnected;
  }

  accept() {
    const text = this.text + this.suggestion;
    this.change(text);
    this.field.setSelectionRange(text.length, text.length);
    this.field.focus();
  }

  press(event) {
    if (!this.suggests) return;
    if (event.key === "Tab" && !event.shiftKey) {
      event.preventDefault();
      this.accept();
    } else if (event.key === "Escape") {
      this.suggest("");
    }
  }

  tap(event) {
    const inside = Array.from(this.ghost.getClientRects()).some(
      (box) =>
        event.clientX >= box.left &&
        event.clientX <= box.right &&
        event.clientY >= box.top &&
        event.clientY <= box.bottom,
    );
    if (inside) this.accept();
  }
}
