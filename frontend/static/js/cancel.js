// Buttons with data-cancel="URL" cancel an experiment, or what data-question asks about, after a
// confirmation. Runs in training end with their current epoch; until then the button shows that this
// is under way.

import { post } from "./api.js";

const USUAL = "Cancel all runs of this experiment that are waiting or training?";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-cancel]");
  if (!button || !confirm(button.dataset.question || USUAL)) return;
  const title = button.textContent;
  button.disabled = true;
  button.textContent = "Cancelling\u2026";
  const { ok } = await post(button.dataset.cancel);
  if (ok) return;
  button.disabled = false;
  button.textContent = title;
});
