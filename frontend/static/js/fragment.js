// <lab-fragment src="...">: a piece of the page that is fetched after it, and again when src changes.

import { morphChildren } from "./refresh.js";
import { inTurn, noTurn } from "./turns.js";

class LabFragment extends HTMLElement {
  static observedAttributes = ["src"];

  #loads = 0;

  connectedCallback() {
    inTurn(this, () => this.load());
  }

  disconnectedCallback() {
    noTurn(this);
  }

  attributeChangedCallback(_name, before, after) {
    if (before && before !== after && this.isConnected) inTurn(this, () => this.load());
  }

  async load() {
    const mine = ++this.#loads;
    const nodes = await fetchFragment(this.getAttribute("src"));
    if (!nodes || mine !== this.#loads) return; // out of reach, or a newer one is under way
    morphChildren(this, nodes);
    this.dispatchEvent(new Event("fragmentload", { bubbles: true }));
  }
}

// Resolves to the nodes at an address, null if it is out of reach.
export async function fetchFragment(src) {
  try {
    const response = await fetch(src);
    if (!response.ok) return null;
    return [...new DOMParser().parseFromString(await response.text(), "text/html").body.childNodes];
  } catch (error) {
    console.warn("could not fetch a part of the page:", error);
    return null;
  }
}

customElements.define("lab-fragment", LabFragment);
