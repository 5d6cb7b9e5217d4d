// The page of one data set: chooses the target and the inputs, starts its diagnosis, deletes it.

import { post, send } from "./api.js";

const $ = (id) => document.getElementById(id);
const url = `/api/datasets/${document.querySelector("main").dataset.id}`;

// Sends a change and shows the new state of the page, or the error next to its button.
async function change(document_, button, errorId) {
  button.disabled = true;
  $(errorId).textContent = "";
  const { ok, body } = await send("PATCH", url, document_);
  if (ok) return location.reload();
  button.disabled = false;
  $(errorId).textContent = body.detail;
}

$("choose-target").addEventListener("submit", (event) => {
  event.preventDefault();
  const { target, task } = event.target.elements;
  const wanted = { target: target.value, ...(task.value && { task: task.value }) };
  change(wanted, event.submitter, "target-error");
});

// Another target may be of another task.
$("target").addEventListener("change", () => ($("task").value = ""));

$("choose-inputs").addEventListener("change", () => ($("save-inputs").disabled = false));

$("choose-inputs").addEventListener("submit", (event) => {
  event.preventDefault();
  const inputs = new FormData(event.target).getAll("inputs");
  change({ inputs }, $("save-inputs"), "inputs-error");
});

$("diagnose")?.addEventListener("click", async ({ target }) => {
  target.disabled = true;
  const { ok, body } = await post(`${url}/diagnosis`, {});
  if (ok) return location.assign(body.url);
  target.disabled = false;
  $("diagnose-error").textContent = body.detail;
});

$("delete-dataset").addEventListener("click", async ({ target }) => {
  if (!confirm(target.dataset.question)) return;
  const { ok, body } = await send("DELETE", `${url}?confirm=true`);
  if (ok) return location.assign("/datasets");
  $("delete-error").textContent = body.detail;
});
