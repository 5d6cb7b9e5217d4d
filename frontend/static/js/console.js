// The output of a command on the run page: loaded again while the run is live. It scrolls to the end,
// unless the reader has scrolled up.

import "./fragment.js";

const EVERY = 2000; // milliseconds
const NEAR_END = 40; // pixels

let staysAtEnd = true;

function showEnd() {
  const shown = document.querySelector("#console pre");
  if (shown && staysAtEnd) shown.scrollTop = shown.scrollHeight;
}

function noteScroll({ target }) {
  if (!target.matches?.("#console pre")) return;
  staysAtEnd = target.scrollHeight - target.scrollTop - target.clientHeight < NEAR_END;
}

export function followConsole() {
  const output = document.getElementById("console");
  if (!output) return;
  showEnd();
  document.addEventListener("scroll", noteScroll, true); // it does not bubble
  output.addEventListener("fragmentload", showEnd);
  const main = document.querySelector("main");
  if (!main.dataset.stream) return;
  const timer = setInterval(() => {
    if (document.hidden) return;
    if (!main.dataset.stream) clearInterval(timer); // the run has ended: load the rest
    document.getElementById("console")?.load();
  }, EVERY);
}
