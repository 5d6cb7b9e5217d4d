// The page of tokens: creates and revokes tokens, and ends the sessions of browsers.

import { getHtml, post, send } from "./api.js";
import { apply } from "./refresh.js";

const $ = (id) => document.getElementById(id);

// Updates the lists only: the new token, which the service does not know, stays on the page.
async function showLists() {
  const { ok, body } = await getHtml(location.href);
  const lists = ok && body.getElementById("access-lists");
  if (lists) apply($("access-lists"), lists);
  else location.reload(); // this browser was signed out
}

$("create-token")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const { ok, body } = await post("/api/tokens", Object.fromEntries(new FormData(form)));
  $("token-error").textContent = ok ? "" : body.detail;
  if (!ok) return form.elements.name.focus();
  form.elements.name.value = "";
  $("new-secret-name").textContent = body.name;
  $("new-secret-text").textContent = body.secret;
  document.querySelector("[data-copy]").textContent = "Copy";
  $("new-secret").hidden = false;
  $("new-secret").focus();
  await showLists();
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-delete]");
  if (!button || !confirm(button.dataset.question)) return;
  button.disabled = true;
  await send("DELETE", button.dataset.delete);
  await showLists();
});
