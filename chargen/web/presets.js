// Texts for a class, each with the view that shows it best and a sentence on what to look at.
"use strict";

const LETTER_DELAY = 350; // milliseconds between the letters of a text that is typed
const LEAST_ANSWER = 0.5; // the probability of the answer from which a network can do the task

// answer: the character that a network must expect after the text, or after `asked`, a part of it.
const PRESETS = [
  {
    label: "“neuron”, letter by letter",
    text: "neuron",
    asked: "neur",
    answer: "o",
    typed: true,
    view: "unfolded",
    note: "“e” follows the first “n”, and the word ends after the second one. Only a network with memory can predict both. Without memory, every “n” gives the same prediction.",
  },
  {
    label: "Day 1 to day 5",
    text: "day 1: rain. we sang. day 2: a cup fell. day 3: we baked. day 4: we ate. day 5: as on day 1, ",
    answer: "r",
    view: "inside",
    note: "Does a unit of the memory keep one value from “rain” to the end? Then the network can repeat the weather of day 1. Click on rows of the memory to look for such a unit.",
  },
  {
    label: "Old and new subject",
    text: "in came eva. wow. then she bowed. in came tom. yum. then ",
    answer: "h",
    view: "inside",
    note: "At “tom” the new subject must replace the old one: look for units whose forget gate falls there. A network that does so predicts “he” at the end.",
  },
  {
    label: "Dog and wolf",
    text: "we were in the attic. a cup fell. oh, a ",
    answer: "d",
    other: "we were in the woods. a cup fell. oh, a ",
    otherAnswer: "w",
    view: "whatif",
    note: "Only the place differs. See “Another text” below: does the memory still differ at the end, and is “d” or “w” more likely?",
  },
];

class Presets {
  constructor(page) {
    this.page = page;
    this.note = document.getElementById("preset-note");
    this.current = null;
  }

  /** Offer the presets that suit the models of the page. */
  async offer() {
    const suits = await Promise.all(PRESETS.map((preset) => this.suits(preset)));
    const suited = PRESETS.filter((_, k) => suits[k]);
    const box = document.getElementById("presets");
    box.hidden = suited.length === 0;
    box.append(
      ...suited.map((preset) =>
        html("button", { type: "button", class: "chip", on: { click: () => this.use(preset) } }, preset.label),
      ),
    );
  }

  /** Return whether all models know the characters of a preset, and one of them gives its answers. */
  async suits({ text, asked, answer, other, otherAnswer }) {
    const { models } = this.page;
    if (!covered(text + (other ?? ""), models)) return false;
    const answers = models.map(async (model, index) => {
      const chances = [await this.chance(index, asked ?? text, answer)];
      if (other !== undefined) chances.push(await this.chance(index, other, otherAnswer));
      return chances.every((chance) => chance >= LEAST_ANSWER);
    });
    return (await Promise.all(answers)).includes(true);
  }

  /** Return the probability of a character after a text. */
  async chance(model, text, answer) {
    // A figure of its own: other requests of the page must not replace this one.
    const fields = { model, text, settings: {}, figure: text };
    const { probabilities } = await this.page.request("next", fields);
    return probabilities[this.page.models[model].characters.indexOf(answer)];
  }

  use(preset) {
    this.leave();
    const { page } = this;
    if (preset.other !== undefined) document.getElementById("other").value = preset.other;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (preset.typed && !still) this.type(preset.text, 1);
    else page.setText(preset.text);
    page.show(preset.view);
    this.current = preset;
    this.note.textContent = preset.note;
    this.showNote(preset.view);
  }

  /** Show the note of the preset with the view to which it refers. */
  showNote(view) {
    this.note.hidden = this.current?.view !== view;
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
    this.current = null;
    this.note.hidden = true;
  }
}
