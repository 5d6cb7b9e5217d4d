// Tags, note, pin, archive, delete, restore and undo of the run or experiment on the page.

import { catchUp } from "./refresh.js";
import { send } from "./api.js";

const CHANGES = {
  pin: { pinned: true },
  unpin: { pinned: false },
  archive: { archived: true },
  unarchive: { archived: false },
};
const url = () => document.getElementById("organise").dataset.url;

let operation = null; // the last one, which can be undone

// Shows the undo button again after a refresh, as the server does not know this operation. Restore
// takes back a deletion, so there is no undo next to it.
function showUndo() {
  const restores = document.querySelector('#organise [data-organise="restore"]');
  document.getElementById("organise-undo").hidden = !operation || Boolean(restores);
}

document.addEventListener("pagerefreshed", showUndo);

async function apply(method, endpoint, body) {
  const { ok, body: answer } = await send(method, endpoint, body);
  if (ok) operation = answer.operation;
  if (ok) await catchUp();
  document.getElementById("organise-error").textContent = ok ? "" : answer.detail;
  return ok;
}

const change = (wanted) => apply("PATCH", url(), wanted);

document.addEventListener("click", (event) => {
  const { organise, untag } = event.target.dataset ?? {};
  if (untag !== undefined) change({ tags: { [untag]: null } });
  if (organise in CHANGES) change(CHANGES[organise]);
  if (organise === "delete") apply("DELETE", url());
  if (organise === "restore") apply("POST", `${url()}/restore`);
  if (organise === "undo") apply("POST", `/api/operations/${operation}/undo`);
});

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("[data-tag], [data-note]")) return;
  event.preventDefault();
  const { key, value, note } = form.elements;
  const done = await change(note ? { note: note.value } : { tags: { [key.value]: value.value } });
  if (!done) return;
  if (key) form.reset();
  form.closest("details").open = false;
});
