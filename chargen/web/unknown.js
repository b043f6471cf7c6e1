// The characters of a text that a network does not know.
"use strict";

const LISTED = 20; // characters at most

/** Return the distinct characters of a text that a model does not know. */
function unknownCharacters(text, { characters, shownBoundary }) {
  // The first character stands for all unknown ones.
  const known = new Set([...characters.slice(1), shownBoundary]);
  return Array.from(new Set(text)).filter((character) => !known.has(character));
}

/**
 * Return the Unicode normal form that a text must be converted to, as in `chargen sample`: that of
 * the model's training text, or another one in which fewer characters are unknown; null: none.
 */
function knownFormOf(text, model) {
  const count = (form) => unknownCharacters(form, model).length;
  const trained = { nfc: "NFC", nfd: "NFD" }[model.form] ?? null;
  const converted = trained === null ? text : text.normalize(trained);
  let [form, least] = [converted === text ? null : trained, count(converted)];
  for (const other of least > 0 ? ["NFC", "NFD"] : []) {
    const unknown = count(text.normalize(other));
    if (unknown < least) [form, least] = [other, unknown];
  }
  return form;
}

/** Return a text in the form of `knownFormOf`. */
function knownForm(text, model) {
  const form = knownFormOf(text, model);
  return form === null ? text : text.normalize(form);
}

/** Return whether all models know all characters of a text. */
function covered(text, models) {
  return models.every((model) => unknownCharacters(text, model).length === 0);
}

/** Return a sentence with the characters that a model does not know; empty if it knows all. */
function unknownSentence(text, model) {
  const unknown = unknownCharacters(text, model);
  if (unknown.length === 0) return "";
  const more = unknown.length > LISTED ? ` and ${unknown.length - LISTED} more` : "";
  return `The network does not know: ${unknown.slice(0, LISTED).map(visible).join(" ")}${more}`;
}
