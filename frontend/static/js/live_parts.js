// Updates the parts of a live page that changed, as the service renders them for all viewers.

import { getJson } from "./api.js";
import { announce, apply } from "./refresh.js";
import { Throttle } from "./throttle.js";

const page = () => document.querySelector("main");

export class LiveParts {
  #onUpdate;
  #onNewStage;
  #version = 0; // of the newest parts that were applied
  #search; // query of the URL that they belong to
  #wanted = 0; // newest revision that the event stream reported
  #throttle = new Throttle(() => this.#update());

  // Calls `onUpdate(body)` after each update, and `onNewStage()` if the whole page must be fetched.
  constructor(onUpdate, onNewStage) {
    this.#onUpdate = onUpdate;
    this.#onNewStage = onNewStage;
  }

  // Requests parts that are at least as new as a revision.
  request(revision = 0) {
    this.#wanted = Math.max(this.#wanted, revision);
    this.#throttle.request();
  }

  // Resolves to the milliseconds after which the service may have rendered newer parts.
  async #update() {
    const { live, stage } = page().dataset;
    if (!live) return 0; // everything has ended
    const search = location.search;
    const query = new URLSearchParams(search);
    query.set("seen", this.#seen(search));
    const { ok, body } = await getJson(`${live}?${query}`);
    if (!ok || search !== location.search) {
      this.#throttle.request();
      return 0;
    }
    if (body.stage !== stage || !this.#apply(body.parts)) {
      await this.#onNewStage();
      return body.pause;
    }
    this.#version = body.version;
    this.#search = search;
    this.#onUpdate(body);
    if (body.revision < this.#wanted) this.#throttle.request(); // parts rendered a moment ago
    return body.pause;
  }

  // The page is as new as its newest part, or as the last time it was fetched whole.
  #seen(search) {
    const whole = Number(page().dataset.version);
    return search === this.#search ? Math.max(whole, this.#version) : whole;
  }

  // Applies {id: html}; returns false if the page lacks one of these elements.
  #apply(parts) {
    for (const [id, html] of Object.entries(parts)) {
      const element = document.getElementById(id);
      if (!element) return false;
      apply(element, elementOf(html));
    }
    if (Object.keys(parts).length) announce();
    return true;
  }
}

// Parses one element; in a template, as table cells and rows do not parse outside a table.
function elementOf(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.firstElementChild;
}
