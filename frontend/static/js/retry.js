// Buttons with data-retry="URL" queue failed or cancelled runs again.

import { post } from "./api.js";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-retry]");
  if (!button) return;
  button.disabled = true;
  const { ok } = await post(button.dataset.retry);
  button.disabled = false;
  if (ok) location.reload(); // to follow it live again
});
