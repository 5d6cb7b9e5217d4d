// Buttons with data-submit start the experiment in that attribute, and open its page.

import { post } from "./api.js";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-submit]");
  if (!button) return;
  button.disabled = true;
  const { ok, body } = await post("/api/experiments", JSON.parse(button.dataset.submit));
  button.disabled = false;
  if (ok) location.assign(body.url);
  else document.getElementById("submit-error").textContent = body.detail;
});
