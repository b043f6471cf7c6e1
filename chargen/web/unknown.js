// The characters of a text that a network does not know.
"use strict";

const LISTED = 20; // characters at most

/** Return the distinct characters of a text that a model does not know. */
function unknownCharacters(text, { characters, shownBoundary }) {
  // The first character stands for all unknown ones.
  const known = new Set([...characters.slice(1), shownBoundary]);
  return Array.from(new Set(text)).filter((character) => !known.has(character));
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
