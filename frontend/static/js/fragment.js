// <lab-fragment src="...">: a part of the page that is fetched later, and again when src changes.

import { getHtml } from "./api.js";
import { cancelLoading, loadLazily } from "./lazy_load.js";
import { morphChildren } from "./morph.js";

class LabFragment extends HTMLElement {
  static observedAttributes = ["src"];

  #loads = 0;

  connectedCallback() {
    loadLazily(this, () => this.load());
  }

  disconnectedCallback() {
    cancelLoading(this);
  }

  attributeChangedCallback(_name, before, after) {
    if (before && before !== after && this.isConnected) loadLazily(this, () => this.load());
  }

  async load() {
    const mine = ++this.#loads;
    const nodes = await fetchFragment(this.getAttribute("src"));
    if (!nodes || mine !== this.#loads) return; // unreachable, or a newer request is under way
    morphChildren(this, nodes);
    this.dispatchEvent(new Event("fragmentload", { bubbles: true }));
  }
}

// Resolves to the nodes at a URL, or null if it is unreachable.
export async function fetchFragment(src) {
  const { ok, body } = await getHtml(src);
  return ok ? [...body.body.childNodes] : null;
}

customElements.define("lab-fragment", LabFragment);
