// From logits to the next character: the filters and random numbers of chargen/generation.
//
// Log-probabilities and probabilities are Float64Arrays [V]. The same seed draws the same
// characters as `chargen sample`.
"use strict";

const UNKNOWN_ID = 0;

const DEFAULT_SETTINGS = {
  temperature: 0.8,
  top_k: 0,
  top_p: 1,
  min_p: 0,
  threshold: 0,
  confidence: 0,
  length: 200,
  seed: 0,
};

// Return the settings with the defaults of those that are missing.
function complete(settings) {
  return { ...DEFAULT_SETTINGS, ...settings };
}

// Return the natural log-probabilities of logits.
function logSoftmax(logits) {
  const x = Float64Array.from(logits);
  let most = -Infinity;
  for (const each of x) if (each > most) most = each;
  let sum = 0;
  for (const each of x) sum += Math.exp(each - most);
  const log = most + Math.log(sum);
  for (let k = 0; k < x.length; k++) x[k] -= log;
  return x;
}

// Return the logits without the unknown character, which is never drawn.
function known(logits) {
  const x = Float64Array.from(logits);
  x[UNKNOWN_ID] = -Infinity;
  return x;
}

function knownProbabilities(logits) {
  return logSoftmax(known(logits)).map(Math.exp);
}

// Return -ln p of a character; the unknown one has a probability here.
function surprisal(logits, id) {
  return -logSoftmax(logits)[id];
}

// Return the id of the first of the most likely characters.
function argmax(values) {
  let best = 0;
  for (let k = 1; k < values.length; k++) if (values[k] > values[best]) best = k;
  return best;
}

// Each filter maps log-probabilities and its value to log-probabilities: it drops characters by
// setting them to -Infinity and always keeps the most likely one. They are applied in this order.
const FILTERS = {
  temperature(x, value) {
    const best = argmax(x);
    // With a tiny temperature the others underflow to -Infinity.
    if (value === 0) return x.map((_, k) => (k === best ? 0 : -Infinity));
    const most = x[best];
    return logSoftmax(x.map((each) => (each - most) / value));
  },
  top_k(x, value) {
    if (value <= 0 || value >= x.length) return x;
    return keepFrom(x, x.slice().sort()[x.length - value]);
  },
  top_p(x, value) {
    if (value === 1) return x;
    const falling = x.slice().sort().reverse();
    let sum = 0;
    const cumulative = falling.map((each) => (sum += Math.exp(each)));
    return keepFrom(x, falling[cumulative.findIndex((each) => each >= value * sum)]);
  },
  min_p(x, value) {
    return value === 0 ? x : keepFrom(x, x[argmax(x)] + Math.log(value));
  },
  threshold(x, value) {
    const best = argmax(x);
    return x.map((each, k) => (k === best || Math.exp(each) >= value ? each : -Infinity));
  },
};

function keepFrom(x, least) {
  return x.map((each) => (each >= least ? each : -Infinity));
}

// Return the probabilities from which a character is drawn, which need not add up to 1.
function filtered(logits, settings) {
  let x = known(logits);
  for (const [name, filter] of Object.entries(FILTERS)) x = filter(x, settings[name]);
  return x.map(Math.exp);
}

// Numbers of numpy's Generator(Philox(key=[seed, 0])).random(), in [0, 1).
// Source: Salmon et al. 2011, Philox4x64-10.
class Uniforms {
  constructor(seed) {
    this.key = BigInt.asUintN(64, BigInt(seed));
    this.counter = 0n;
    this.block = [];
  }

  next() {
    if (!this.block.length) this.block = this._block(++this.counter);
    return Number(this.block.shift() >> 11n) / 2 ** 53;
  }

  _block(counter) {
    const word = (x) => BigInt.asUintN(64, x);
    let [c0, c1, c2, c3, k0, k1] = [counter, 0n, 0n, 0n, this.key, 0n];
    for (let round = 0; round < 10; round++) {
      const p0 = 0xd2e7470ee14c6c93n * c0;
      const p1 = 0xca5a826395121157n * c2;
      [c0, c1, c2, c3] = [(p1 >> 64n) ^ c1 ^ k0, word(p1), (p0 >> 64n) ^ c3 ^ k1, word(p0)];
      k0 = word(k0 + 0x9e3779b97f4a7c15n);
      k1 = word(k1 + 0xbb67ae8584caa73bn);
    }
    return [c0, c1, c2, c3];
  }
}

// Draw the first id at which the cumulative probability exceeds the uniform.
function draw(probabilities, uniform) {
  const cumulative = new Float64Array(probabilities.length);
  let sum = 0;
  for (let k = 0; k < probabilities.length; k++) cumulative[k] = sum += probabilities[k];
  return cumulative.findIndex((each) => each > uniform * sum);
}
