// The contexts of the prefixes of the last text, so that typing a character costs one step.
"use strict";

const RECENT = 64; // the contexts after each of the last characters are kept,
const STRIDE = 32; // and of those before them every 32nd, which can be continued from

class History {
  constructor(model) {
    this.model = model;
    this.ids = [];
    this.nats = []; // the surprisal of each character
    this.end = model.start; // the context after the text
    this._kept = new Map([[0, model.start]]); // by the number of characters before it
  }

  // Read a text and return the context after it. It yields after each step; if the history changes
  // while it is paused, it starts again.
  *read(ids) {
    for (;;) {
      let context = this._rewind(ids);
      while (context === this.end && this.ids.length < ids.length) {
        context = this.append(ids[this.ids.length]);
        yield;
      }
      if (context === this.end) return context;
    }
  }

  // Read one more character and return the context after it.
  append(id) {
    this.nats.push(surprisal(this.end.logits, id));
    this.ids.push(id);
    this.end = this.model.step(id, this.end.state);
    this._kept.set(this.ids.length, this.end);
    const old = this.ids.length - RECENT;
    if (old % STRIDE) this._kept.delete(old);
    return this.end;
  }

  // Return the number of characters of the longest kept prefix of `ids`, at most `most`, and the
  // context after it.
  prefix(ids, most = ids.length) {
    let n = 0;
    while (n < most && n < this.ids.length && ids[n] === this.ids[n]) n++;
    while (!this._kept.has(n)) n--;
    return [n, this._kept.get(n)];
  }

  // Go back to the last kept context of a prefix of `ids`, and return it.
  _rewind(ids) {
    const [n, context] = this.prefix(ids);
    for (const key of this._kept.keys()) if (key > n) this._kept.delete(key);
    this.ids.length = this.nats.length = n;
    return (this.end = context);
  }
}
