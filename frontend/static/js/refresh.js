// Brings a page up to date in place: the page is fetched again and what differs is changed.

import { localiseTimes } from "./times.js";

// Runs `work` at once, then at most once a `pause`, and never twice at a time.
export class Throttle {
  #work;
  #pause;
  #busy = false;
  #wanted = false;

  constructor(work, pause = 1000) {
    this.#work = work;
    this.#pause = pause;
  }

  async request() {
    this.#wanted = true;
    if (this.#busy) return;
    this.#busy = true;
    while (this.#wanted) {
      this.#wanted = false;
      const begun = performance.now();
      await this.#work().catch((error) => console.warn("could not refresh:", error));
      // a page that takes long to make is asked for less often
      const pause = Math.max(this.#pause, 4 * (performance.now() - begun));
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
    this.#busy = false;
  }
}

const RETRY_AFTER = 2000;

let refreshes = 0;

// Fetches the page's own address and returns its new main element. Of several under way the last
// asked for counts: an older answer that comes after it may be of another address. Rejects while the
// service is out of reach.
export async function refreshPage() {
  const mine = ++refreshes;
  const response = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (response.status >= 500) throw new Error("the service is out of reach");
  if (!response.ok) return document.querySelector("main");
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  if (mine !== refreshes) return document.querySelector("main");
  const main = fresh.querySelector("main");
  localiseTimes(main);
  morph(document.querySelector("main"), main);
  document.dispatchEvent(new Event("pagerefreshed"));
  return main;
}

// Brings the page to an address that was just changed, however long the service is out of reach.
// Resolves to whether it did: false when a later refresh took its place.
export async function catchUp() {
  for (;;) {
    const mine = refreshes + 1;
    if (await refreshPage().catch(() => null)) return true;
    await new Promise((resolve) => setTimeout(resolve, RETRY_AFTER));
    if (mine !== refreshes) return false;
  }
}

// Changes `from` into `to`, keeping every element that can stay: focus and scroll stay with it.
export function morph(from, to) {
  if (from.isEqualNode(to)) return;
  if (from.nodeName !== to.nodeName || from.id !== to.id || from.nodeType !== Node.ELEMENT_NODE) {
    from.replaceWith(to.cloneNode(true));
    return;
  }
  copyAttributes(from, to);
  // these draw their own inside, from their src
  if (["lab-chart", "lab-fragment"].includes(from.localName)) return;
  if (from.localName === "lab-fit") return morph(from.querySelector("lab-chart"), to.querySelector("lab-chart"));
  morphChildren(from, [...to.childNodes]);
}

// Changes what is inside `from` into the wanted nodes, in the same way.
export function morphChildren(from, wanted) {
  const old = [...from.childNodes];
  wanted.forEach((child, index) => {
    if (index < old.length) morph(old[index], child);
    else from.append(child.cloneNode(true));
  });
  for (const child of old.slice(wanted.length)) child.remove();
}

function copyAttributes(from, to) {
  for (const { name, value } of to.attributes) {
    if (from.getAttribute(name) !== value && name !== "open") from.setAttribute(name, value);
  }
  for (const { name } of [...from.attributes]) {
    if (!to.hasAttribute(name) && name !== "open") from.removeAttribute(name);
  }
}
