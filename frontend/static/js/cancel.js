// Any button with data-cancel="address" ends an experiment, once the person has said yes.

import { post } from "./post.js";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-cancel]");
  if (!button || !confirm("End all runs of this experiment that still wait or train?")) return;
  button.disabled = true;
  await post(button.dataset.cancel);
});
