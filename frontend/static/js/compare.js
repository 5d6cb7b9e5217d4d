// The page that compares: the address says what is shown, and the page follows it.

import "./chart.js";
import { catchUp, refreshPage } from "./refresh.js";

const REFRESH_EVERY = 2000;

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-view]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  history.pushState(null, "", link.href);
  catchUp();
});

addEventListener("popstate", catchUp);

async function keepUp() {
  const begun = performance.now();
  const active = document.querySelector("main").hasAttribute("data-active");
  if (active && !document.hidden) await refreshPage().catch(() => {}); // the next one may succeed
  setTimeout(keepUp, Math.max(REFRESH_EVERY, 4 * (performance.now() - begun)));
}

setTimeout(keepUp, REFRESH_EVERY);
