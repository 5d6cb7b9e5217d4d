// The home page: starts a preset with one click and keeps the list of experiments up to date.

import { post } from "./api.js";
import { refreshPage } from "./refresh.js";
import { repeat } from "./throttle.js";

const REFRESH_EVERY = 1500; // milliseconds, while an experiment runs

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-submit]");
  if (!button) return;
  button.disabled = true;
  const { ok, body } = await post("/api/experiments", JSON.parse(button.dataset.submit));
  button.disabled = false;
  if (ok) location.assign(body.url);
  else document.getElementById("submit-error").textContent = body.detail;
});

const isActive = () => document.querySelector("main").hasAttribute("data-active");
repeat(() => isActive() && refreshPage(), REFRESH_EVERY);
