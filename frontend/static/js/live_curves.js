// Grows the charts of a run's curves from metric events.

import { getJson } from "./api.js";
import { gap } from "./curve_growth.js";
import { Throttle } from "./throttle.js";

const RELOAD_EVERY = 2000; // milliseconds, for curves that the service computes
const SEEDS_EVERY = 10_000; // milliseconds, for the faint lines of other seeds

const curves = () => [...document.querySelectorAll("lab-chart[data-curves]")];

const reload = new Throttle(() => reloadCurves(), RELOAD_EVERY);
const seeds = new Throttle(() => Promise.all(curves().map(refreshSeeds)), SEEDS_EVERY);

export const reloadCurves = () => Promise.all(curves().map((chart) => chart.load()));

// Shows the points of a metric event. Smoothed curves, and a range of epochs that is still being
// filled, are computed by the service: they are loaded again, at a slower pace.
export function grow(metrics) {
  showEpoch(metrics);
  if (document.querySelector("main").hasAttribute("data-seeds")) seeds.request();
  const view = new URLSearchParams(location.search);
  const ends = [view.get("first"), view.get("last")];
  if (ends.some(Boolean)) {
    const last = ends[1] ? Math.max(...ends.map(Number)) : Infinity;
    if (firstStep(metrics) <= last) reload.request();
  } else if (Number(view.get("smoothing"))) reload.request();
  else for (const chart of curves()) chart.extend({ ...metrics, gap: gap(metrics) });
}

// Shows the newest epoch in the head of the page, so that it agrees with the curves.
function showEpoch(metrics) {
  const head = document.querySelector("[data-epoch]");
  const newest = Math.max(...Object.values(metrics).map(({ steps }) => steps.at(-1)));
  if (!head || !(newest > Number(head.dataset.epoch))) return;
  head.dataset.epoch = newest;
  head.textContent = newest.toLocaleString("en");
}

const firstStep = (metrics) => Math.min(...Object.values(metrics).map(({ steps }) => steps[0]));

// Sets the descriptions and marks that come with the parts of a page: {id: {description, marks}}.
export function updateCharts({ charts }) {
  for (const [id, { description, marks }] of Object.entries(charts)) {
    const chart = document.getElementById(id);
    chart?.describe(description);
    // the chart finds the best epoch itself, from points that may be newer than these marks
    chart?.mark("early stop", marks["early stop"]);
  }
}

// Replaces the lines of other seeds, whose points are not in the events of this run.
async function refreshSeeds(chart) {
  const { ok, body } = await getJson(chart.getAttribute("src").replace("?", "/seeds?"));
  if (!ok) return;
  for (const { uid, x, y } of body) chart.replace({ x, y }, (trace) => trace.uid === uid);
}
