// The page's side of the Worker's protocol, which worker.js describes.
"use strict";

const REFRESH_DELAY = 120; // milliseconds after the last key, since a view traces the whole text

/** Start the Worker of this page. Return its client, its models, and how the page starts. */
async function connect() {
  const content = (id) => document.getElementById(id).textContent;
  const problem = document.getElementById("problem");
  const client = new Client(content("worker"), (message) => {
    problem.textContent = message;
    problem.hidden = false;
  });
  const { models } = await client.request("load", { models: content("models") });
  return { client, models, start: JSON.parse(content("start")) };
}

class Client {
  /** onProblem is called with the message of an error. */
  constructor(source, onProblem) {
    const blob = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    this.worker = new Worker(blob);
    this.onProblem = onProblem;
    this.pending = new Map(); // by id: {key, reply, end}
    this.id = 0;
    this.worker.onmessage = ({ data }) => this.receive(data);
    this.worker.onerror = (event) => onProblem(event.message);
  }

  /** Return a promise of the one reply. It never settles if a newer request replaces this one. */
  request(type, fields = {}) {
    return new Promise((resolve) => this.send(type, fields, resolve, () => {}));
  }

  /** Generate; onText(reply) is called for each part, and the promise resolves with the reason. */
  generate(fields, onText) {
    return new Promise((resolve) => {
      const reply = (data) => {
        onText(data);
        return data.reason === null ? true : resolve(data.reason);
      };
      this.send("generate", fields, reply, () => resolve("replaced"));
    });
  }

  stop(model) {
    this.worker.postMessage({ id: ++this.id, type: "stop", model });
  }

  /** reply returns true while more replies follow; end is called when the request is replaced. */
  send(type, fields, reply, end) {
    const key = `${type} ${fields.model} ${fields.figure}`;
    for (const [id, other] of this.pending) {
      if (other.key === key) {
        this.pending.delete(id);
        other.end();
      }
    }
    this.pending.set(++this.id, { key, reply, end });
    this.worker.postMessage({ ...fields, id: this.id, type });
  }

  receive(data) {
    const request = this.pending.get(data.id);
    if (request === undefined) return;
    if (data.type === "error") {
      this.pending.delete(data.id);
      request.end();
      this.onProblem(data.message);
    } else if (request.reply(data) !== true) {
      this.pending.delete(data.id);
    }
  }
}
