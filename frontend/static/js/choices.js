// Forms that store a choice for an experiment: <form data-put="URL"> sends its fields as JSON. Every
// chart and table of the page may depend on the choice, so the page is loaded again.

import { send } from "./api.js";

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("form[data-put]")) return;
  event.preventDefault();
  const fields = [...new FormData(form)].map(([name, value]) => [name, value || null]);
  const { ok, body } = await send("PUT", form.dataset.put, Object.fromEntries(fields));
  form.querySelector("[role=alert]").textContent = ok ? "" : body.detail;
  if (ok) location.reload();
});
