// Texts for a class, each with the view that shows it best and a sentence on what to look at.
"use strict";

const LETTER_DELAY = 350; // milliseconds between the letters of a text that is typed

const PRESETS = [
  {
    label: "“neuron”, letter by letter",
    text: "neuron",
    typed: true,
    view: "unfolded",
    note: "“e” follows the first “n”, and the word ends after the second one. Only a network with memory can predict both. Without memory, every “n” gives the same prediction.",
  },
  {
    label: "Day 1 to day 5",
    text: "day 1: rain. we sang. day 2: a cup fell. day 3: we baked. day 4: we ate. day 5: as on day 1, ",
    view: "inside",
    note: "Does a unit of the memory keep one value from “rain” to the end? Then the network can repeat the weather of day 1. Click on rows of the memory to look for such a unit.",
  },
  {
    label: "Old and new subject",
    text: "in came eva. wow. then she bowed. in came tom. yum. then ",
    view: "inside",
    note: "At “tom” the new subject must replace the old one: look for units whose forget gate falls there. A network that does so predicts “he” at the end.",
  },
  {
    label: "Dog and wolf",
    text: "we were in the attic. a cup fell. oh, a ",
    other: "we were in the woods. a cup fell. oh, a ",
    view: "whatif",
    note: "Only the place differs. See “Another text” below: does the memory still differ at the end, and is “d” or “w” more likely?",
  },
];

class Presets {
  constructor(page) {
    this.page = page;
    this.note = document.getElementById("preset-note");
    const suited = PRESETS.filter(({ text, other = "" }) => covered(text + other, page.models));
    const box = document.getElementById("presets");
    box.hidden = suited.length === 0;
    box.append(
      ...suited.map((preset) =>
        html("button", { type: "button", class: "chip", on: { click: () => this.use(preset) } }, preset.label),
      ),
    );
  }

  use(preset) {
    this.leave();
    const { page } = this;
    if (preset.other !== undefined) document.getElementById("other").value = preset.other;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (preset.typed && !still) this.type(preset.text, 1);
    else page.setText(preset.text);
    page.show(preset.view);
    this.note.textContent = preset.note;
    this.note.hidden = false;
  }

  type(text, count) {
    this.page.setText(text.slice(0, count));
    if (count < text.length) {
      this.timer = setTimeout(() => this.type(text, count + 1), LETTER_DELAY);
    }
  }

  /** End the preset, because the reader changed the text. */
  leave() {
    clearTimeout(this.timer);
    this.note.hidden = true;
  }
}

/** Return whether all models know all characters of a text. */
function covered(text, models) {
  return models.every((model) => Array.from(text).every((character) => model.characters.indexOf(character) > 0));
}
