// Buttons with data-cancel="URL" cancel an experiment after a confirmation.

import { post } from "./api.js";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-cancel]");
  if (!button || !confirm("Cancel all runs of this experiment that are waiting or training?")) return;
  button.disabled = true;
  await post(button.dataset.cancel);
});
