// The remedies of a cell: choose some, see what they cost, and try them with one click.

import { post } from "./api.js";
import { approximateDuration } from "./format.js";

const form = () => document.getElementById("try-remedies");
let checks = 0;
let checked; // the request that was checked last, as JSON
let outcome = {}; // its result: {cost, error, twin, ready}
let submitting = false;

function request() {
  const ticked = [...form().querySelectorAll("input[name=remedies]:checked")];
  return {
    run: Number(form().dataset.run),
    remedies: ticked.map((box) => box.value),
    seeds: form().elements.seeds.valueAsNumber,
  };
}

function report(result) {
  outcome = result;
  show();
}

// Shows the outcome of the last check. A refresh of the page replaces the form.
function show() {
  if (!form()) return;
  const { cost = "", error = "", twin, ready = false } = outcome;
  const button = form().querySelector("[type=submit]");
  button.disabled = submitting || !ready;
  button.textContent = submitting ? "Submitting…" : twin ? "Try again" : "Try and compare";
  document.getElementById("remedies-cost").textContent = cost;
  document.getElementById("remedies-error").textContent = error;
  const note = document.getElementById("remedies-twin");
  note.hidden = !twin;
  if (!twin) return;
  note.querySelector("a").href = twin.url;
  note.querySelector("a").textContent = `Experiment ${twin.id}`;
}

async function check() {
  const mine = ++checks;
  const now = request();
  const seeds = form().elements.seeds;
  checked = JSON.stringify(now);
  if (!now.remedies.length) return report({ cost: "Tick at least one change." });
  if (!seeds.checkValidity()) return report({ error: `Seeds: ${seeds.validationMessage}` });
  report({ ...outcome, ready: true });
  const { ok, body } = await post(`${form().dataset.url}?dry_run=true`, now);
  if (mine !== checks) return; // a newer check is under way
  if (!ok) return report({ error: body.detail, ready: true });
  const cost = `${body.runs} runs, ${approximateDuration(body.estimated_seconds)} on an otherwise idle machine`;
  report({ cost, twin: body.twin, ready: true });
}

// Submits the chosen remedies, unless the check finds an equal experiment that the reader has not
// seen yet.
async function start() {
  const known = outcome.twin?.id;
  await check();
  if (outcome.error || (outcome.twin && outcome.twin.id !== known)) return;
  const { ok, body } = await post(form().dataset.url, request());
  if (!ok) return report({ error: body.detail, ready: true });
  location.assign(body.url);
  return new Promise(() => {}); // the page is left; the button stays disabled
}

document.addEventListener("change", (event) => {
  if (event.target.id === "remedy-cell") {
    const query = new URLSearchParams(location.search);
    query.set("cell", event.target.value);
    location.assign(`?${query}#remedies`);
  } else if (form()?.contains(event.target)) check();
});

document.addEventListener("submit", async (event) => {
  if (event.target !== form()) return;
  event.preventDefault();
  if (submitting) return;
  submitting = true;
  show();
  await start();
  submitting = false;
  show();
});

document.addEventListener("pagerefreshed", () => {
  if (!form()) return;
  if (JSON.stringify(request()) === checked) show();
  else check();
});

// The reader came back with the Back button: the page is as it was left.
window.addEventListener("pageshow", ({ persisted }) => {
  if (!persisted || !form()) return;
  submitting = false;
  check();
});

if (form()) check();
