// The remedies of a cell: what is ticked, what it would cost, and one click to try it.

import { post } from "./post.js";

const form = () => document.getElementById("try-remedies");
let checks = 0;
let asked; // what was checked last
let said = {}; // what the form says of it
let submitting = false;

function wanted() {
  const ticked = [...form().querySelectorAll("input[name=remedies]:checked")];
  return {
    run: Number(form().dataset.run),
    remedies: ticked.map((box) => box.value),
    seeds: form().elements.seeds.valueAsNumber,
  };
}

function duration(seconds) {
  if (seconds < 1) return "under 1 s";
  if (seconds < 100) return `about ${Math.round(seconds)} s`;
  return `about ${Math.round(seconds / 60)} min`;
}

function say(words) {
  said = words;
  show();
}

// The page is made anew while runs end, and with it the form.
function show() {
  if (!form()) return;
  const { cost = "", error = "", twin, ready = false } = said;
  const button = form().querySelector("[type=submit]");
  button.disabled = submitting || !ready;
  button.textContent = submitting ? "Being queued…" : twin ? "Try once more" : "Try and compare";
  document.getElementById("remedies-cost").textContent = cost;
  document.getElementById("remedies-error").textContent = error;
  const told = document.getElementById("remedies-twin");
  told.hidden = !twin;
  if (!twin) return;
  told.querySelector("a").href = twin.url;
  told.querySelector("a").textContent = `Experiment ${twin.id}`;
}

async function check() {
  const mine = ++checks;
  const now = wanted();
  const seeds = form().elements.seeds;
  asked = JSON.stringify(now);
  if (!now.remedies.length) return say({ cost: "Tick at least one change." });
  if (!seeds.checkValidity()) return say({ error: `Seeds: ${seeds.validationMessage}` });
  say({ ...said, ready: true });
  const { ok, body } = await post(`${form().dataset.address}?dry_run=true`, now);
  if (mine !== checks) return; // a newer check is under way
  if (!ok) return say({ error: body.detail, ready: true });
  const cost = `${body.runs} runs, ${duration(body.estimated_seconds)} on an otherwise idle machine`;
  say({ cost, twin: body.twin, ready: true });
}

// Queues what is ticked, unless the same is there already and the reader does not know.
async function start() {
  const known = said.twin?.id;
  await check();
  if (said.error || (said.twin && said.twin.id !== known)) return;
  const { ok, body } = await post(form().dataset.address, wanted());
  if (!ok) return say({ error: body.detail, ready: true });
  location.assign(body.url);
  return new Promise(() => {}); // the page is left: no second click
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
  if (JSON.stringify(wanted()) === asked) show();
  else check();
});

// Back to this page as it was left.
window.addEventListener("pageshow", ({ persisted }) => {
  if (!persisted || !form()) return;
  submitting = false;
  check();
});

if (form()) check();
