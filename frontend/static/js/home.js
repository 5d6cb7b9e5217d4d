// Home: a preset runs from one click, and what runs is kept up to date.

import { post } from "./post.js";
import { refreshPage } from "./refresh.js";

const REFRESH_EVERY = 1500;

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-submit]");
  if (!button) return;
  button.disabled = true;
  const { ok, body } = await post("/api/experiments", JSON.parse(button.dataset.submit));
  button.disabled = false;
  if (ok) location.assign(body.url);
  else document.getElementById("submit-error").textContent = body.detail;
});

// a page that takes long to make is asked for less often
async function keepUp() {
  const begun = performance.now();
  const active = document.querySelector("main").hasAttribute("data-active");
  if (active && !document.hidden) await refreshPage().catch(() => {}); // the next one may succeed
  setTimeout(keepUp, Math.max(REFRESH_EVERY, 4 * (performance.now() - begun)));
}

setTimeout(keepUp, REFRESH_EVERY);
