// The run page: curves grow as points come; marks, verdict and pictures follow at a calmer pace.

import "./cancel.js";
import "./chart.js";
import "./remedies.js";
import { Throttle, refreshPage } from "./refresh.js";
import { follow } from "./stream.js";

const ENDED = ["finished", "failed", "cancelled"];
const curves = () => document.querySelectorAll("#loss, #accuracy");

const refresh = new Throttle(async () => {
  await refreshPage();
  await Promise.all([...curves()].map((chart) => chart.load()));
});

function stayLive({ stream, revision }) {
  const close = follow(stream, revision, (kind, data) => {
    if (kind === "metric") for (const chart of curves()) chart.extend(data.metrics);
    if (kind === "status" && ENDED.includes(data.status)) close();
    refresh.request();
  });
}

// The scale switches: the address says what is shown, and the page follows it.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-axes]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  history.replaceState(null, "", link.href);
  refreshPage();
});

// The question where another criterion would have stopped: asked as the fields change.
const ask = new Throttle(refreshPage, 50);

document.addEventListener("submit", (event) => {
  if (event.target.id === "stopping") event.preventDefault();
});

document.addEventListener("input", (event) => {
  const form = event.target.closest("#stopping");
  if (!form?.checkValidity()) return;
  const given = new URLSearchParams(new FormData(form));
  if (event.target.name === "criterion") {
    // another criterion starts with its own defaults
    for (const field of form.querySelectorAll("[type=number]")) given.delete(field.name);
  }
  history.replaceState(null, "", `?${given}`);
  ask.request();
});

const main = document.querySelector("main");
if (main.dataset.stream) stayLive(main.dataset);
