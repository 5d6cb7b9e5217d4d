// Tags, note, pin, archive, delete, restore and undo of the run or experiment on the page.

import { catchUp } from "./refresh.js";
import { send } from "./api.js";

const CHANGES = {
  pin: { pinned: true },
  unpin: { pinned: false },
  archive: { archived: true },
  unarchive: { archived: false },
};
const DONE = {
  pin: "Pinned: it comes first in its list.",
  unpin: "Unpinned.",
  archive: "Archived: the lists show it under Archive only.",
  unarchive: "Taken out of the archive.",
};
const url = () => document.getElementById("organise").dataset.url;

let operation = null; // the last one, which can be undone
let done = ""; // what it did, as a sentence

// Shows the undo button again after a refresh, as the server does not know this operation. Restore
// takes back a deletion, so there is no undo next to it.
function showUndo() {
  const restores = document.querySelector('#organise [data-organise="restore"]');
  document.getElementById("organise-undo").hidden = !operation || Boolean(restores);
  document.getElementById("organise-done").textContent = done;
}

document.addEventListener("pagerefreshed", showUndo);

async function apply(sentence, method, endpoint, body) {
  const { ok, body: answer } = await send(method, endpoint, body);
  if (ok) [operation, done] = [answer.operation, answer.operation ? sentence : ""];
  if (ok) await catchUp();
  document.getElementById("organise-error").textContent = ok ? "" : answer.detail;
  return ok;
}

const change = (sentence, wanted) => apply(sentence, "PATCH", url(), wanted);

document.addEventListener("click", (event) => {
  const { organise, untag } = event.target.dataset ?? {};
  if (untag !== undefined) change(`The tag “${untag}” is removed.`, { tags: { [untag]: null } });
  if (organise in CHANGES) change(DONE[organise], CHANGES[organise]);
  if (organise === "delete") apply("Deleted.", "DELETE", url());
  if (organise === "restore") apply("Restored.", "POST", `${url()}/restore`);
  if (organise === "undo") apply("", "POST", `/api/operations/${operation}/undo`);
});

// Returns what a form changes, and a sentence for it.
function wantedBy(form) {
  const { key, value, note, name } = form.elements;
  if (form.matches("[data-rename]")) return ["The name is changed.", { name: name.value }];
  if (form.matches("[data-note]")) return ["The note is saved.", { note: note.value }];
  return [`The tag “${key.value}” is added.`, { tags: { [key.value]: value.value } }];
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("[data-tag], [data-note], [data-rename]")) return;
  event.preventDefault();
  if (!(await change(...wantedBy(form)))) return;
  if (form.matches("[data-tag]")) form.reset();
  form.closest("details").open = false;
});
