// The view of a run's charts: each choice goes into the URL, which the page then shows.

import { refreshPage } from "./refresh.js";
import { Throttle } from "./throttle.js";

const refresh = new Throttle(refreshPage, 50);
const form = () => document.getElementById("view");

// Writes choices {name: value} into the URL; an empty value removes the name.
export function choose(choices) {
  const url = new URL(location.href);
  for (const [name, value] of Object.entries(choices)) {
    if (value === "") url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  url.search = url.search.replaceAll("%2C", ",");
  history.replaceState(null, "", url);
}

// Returns the lines to show, as the URL writes them.
function shown() {
  const checked = [...form().querySelectorAll("[name=show]:checked")];
  return checked.map((box) => box.value).join(",") || "none";
}

function chosen(field) {
  if (field.name === "show") return { show: shown() };
  if (field.name === "criterion") return { ...withoutSettings(), criterion: field.value };
  if (!field.closest(".stopping")) return { [field.name]: field.value };
  const criterion = form().elements.criterion.value;
  return { criterion, [field.name]: field.value };
}

// Another criterion starts with its default settings.
function withoutSettings() {
  const settings = form().querySelectorAll(".stopping [type=number]");
  return Object.fromEntries([...settings].map((field) => [field.name, ""]));
}

function set(fields) {
  for (const [name, value] of Object.entries(fields)) form().elements[name].value = value;
  choose(fields);
  refresh.request();
}

document.addEventListener("submit", (event) => {
  if (event.target === form()) event.preventDefault();
});

document.addEventListener("input", (event) => {
  const field = event.target;
  if (field.form !== form() || !field.checkValidity()) return;
  if (field.type === "range") field.nextElementSibling.textContent = field.value;
  choose(chosen(field));
  refresh.request();
});

document.addEventListener("click", (event) => {
  const names = event.target.closest("[data-clear]")?.dataset.clear.split(" ");
  if (!names) return;
  form().elements[names[0]].focus(); // this button disappears
  set(Object.fromEntries(names.map((name) => [name, ""])));
});

// Interaction with a chart: a range of epochs drawn with the pointer, a click on a line of the legend.
const listening = new WeakSet();

document.addEventListener("drawn", ({ target: chart }) => {
  if (listening.has(chart.plot) || !chart.closest(".curves")) return;
  listening.add(chart.plot);
  chart.plot.on("plotly_relayout", (changed) => zoomed(chart.plot, changed));
  chart.plot.on("plotly_legendclick", ({ fullData, curveNumber }) => {
    const part = fullData[curveNumber].legendgroup;
    form().querySelector(`[name=show][value=${part}]`)?.click();
    return false;
  });
  chart.plot.on("plotly_legenddoubleclick", () => false);
});

function zoomed(plot, changed) {
  if (changed["xaxis.autorange"]) return set({ first: "", last: "" });
  const [low, high] = [changed["xaxis.range[0]"], changed["xaxis.range[1]"]];
  if (low === undefined) return;
  const epoch = plot.layout.xaxis.type === "log" ? (at) => 10 ** at : (at) => at;
  const first = Math.max(1, Math.floor(epoch(low)));
  set({ first, last: Math.max(first + 1, Math.ceil(epoch(high))) });
}
