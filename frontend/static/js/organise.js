// Tags, note, pin, archive, delete and restore of the run or experiment that a page shows.

import { refreshPage } from "./refresh.js";
import { send } from "./post.js";

const CHANGES = {
  pin: { pinned: true },
  unpin: { pinned: false },
  archive: { archived: true },
  unarchive: { archived: false },
};
const address = () => document.getElementById("organise").dataset.address;

async function apply(method, where, body) {
  const { ok, body: answer } = await send(method, where, body);
  if (ok) await refreshPage();
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
