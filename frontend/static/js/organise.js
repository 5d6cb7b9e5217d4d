// Tags, note, pin, archive, delete, restore and undo of the run or experiment that a page shows.

import { catchUp } from "./refresh.js";
import { send } from "./post.js";

const CHANGES = {
  pin: { pinned: true },
  unpin: { pinned: false },
  archive: { archived: true },
  unarchive: { archived: false },
};
const address = () => document.getElementById("organise").dataset.address;

let operation = null; // what was done last

// The server knows nothing of it: it is put back after each refresh.
function remind() {
  document.getElementById("organise-undo").hidden = !operation;
}

document.addEventListener("pagerefreshed", remind);

async function apply(method, where, body) {
  const { ok, body: answer } = await send(method, where, body);
  if (ok) operation = answer.operation;
  if (ok) await catchUp();
  document.getElementById("organise-error").textContent = ok ? "" : answer.detail;
  return ok;
}

const change = (wanted) => apply("PATCH", address(), wanted);

document.addEventListener("click", (event) => {
  const { organise, untag } = event.target.dataset ?? {};
  if (untag !== undefined) change({ tags: { [untag]: null } });
  if (organise in CHANGES) change(CHANGES[organise]);
  if (organise === "delete") apply("DELETE", address());
  if (organise === "restore") apply("POST", `${address()}/restore`);
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
