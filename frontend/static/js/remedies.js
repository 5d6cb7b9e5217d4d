// The remedies of a cell: what is ticked, what it would cost, and one click to try it.

import { post } from "./post.js";

const form = () => document.getElementById("try-remedies");
let checks = 0;
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

function say({ cost = "", error = "" }) {
  document.getElementById("remedies-cost").textContent = cost;
  document.getElementById("remedies-error").textContent = error;
}

async function check() {
  const mine = ++checks;
  const button = form().querySelector("[type=submit]");
  const asked = wanted();
  const seeds = form().elements.seeds;
  button.disabled = submitting || !asked.remedies.length || !seeds.checkValidity();
  if (submitting) return;
  if (!asked.remedies.length) return say({ cost: "Tick at least one change." });
  if (button.disabled) return say({ error: `Seeds: ${seeds.validationMessage}` });
  const { ok, body } = await post(`${form().dataset.address}?dry_run=true`, asked);
  if (mine !== checks) return; // a newer check is under way
  if (ok) say({ cost: `${body.runs} runs, ${duration(body.estimated_seconds)} on an otherwise idle machine` });
  else say({ error: body.detail });
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
  checks++;
  const button = form().querySelector("[type=submit]");
  submitting = button.disabled = true;
  const { ok, body } = await post(form().dataset.address, wanted());
  submitting = button.disabled = false;
  if (ok) location.assign(body.url);
  else say({ error: body.detail });
});

if (form()) check();
