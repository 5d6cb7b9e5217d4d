// Buttons with data-cancel="URL" cancel an experiment, or what data-question asks about, after a
// confirmation.

import { post } from "./api.js";

const USUAL = "Cancel all runs of this experiment that are waiting or training?";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-cancel]");
  if (!button || !confirm(button.dataset.question || USUAL)) return;
  button.disabled = true;
  await post(button.dataset.cancel);
});
