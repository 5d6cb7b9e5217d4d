// Brings the page up to date in place: fetches it again and changes what differs.

import { getHtml } from "./api.js";
import { morph } from "./morph.js";
import { localiseTimes } from "./times.js";

const RETRY_AFTER = 2000; // milliseconds

let refreshes = 0;

// Fetches the page's own URL and changes <main> to it. If several refreshes overlap, only the one
// requested last counts: an older answer may belong to another URL. Rejects if the service is
// unreachable.
export async function refreshPage() {
  const mine = ++refreshes;
  const { ok, status, body } = await getHtml(location.href);
  if (status === 0 || status >= 500) throw new Error("the service is unreachable");
  if (ok && mine === refreshes) {
    apply(document.querySelector("main"), body.querySelector("main"));
    announce();
  }
}

// Changes an element of the page into a fetched one.
export function apply(element, fetched) {
  localiseTimes(fetched);
  morph(element, fetched);
}

// Lets scripts restore what the server does not know, such as chosen cells.
export const announce = () => document.dispatchEvent(new Event("pagerefreshed"));

// Refreshes the page after its URL changed, and retries while the service is unreachable. Resolves to
// false if a later refresh took over.
export async function catchUp() {
  for (;;) {
    const mine = refreshes + 1;
    if (await refreshPage().then(() => true, () => false)) return true;
    await new Promise((resolve) => setTimeout(resolve, RETRY_AFTER));
    if (mine !== refreshes) return false;
  }
}
