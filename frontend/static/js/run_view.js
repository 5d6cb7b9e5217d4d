// What the charts of a run show: each choice goes into the address, and the page follows it.

import { Throttle, refreshPage } from "./refresh.js";

const ask = new Throttle(refreshPage, 50);
const form = () => document.getElementById("view");

// Writes choices into the address, {name: value}; what is empty is left out.
export function choose(choices) {
  const address = new URL(location.href);
  for (const [name, value] of Object.entries(choices)) {
    if (value === "") address.searchParams.delete(name);
    else address.searchParams.set(name, value);
  }
  address.search = address.search.replaceAll("%2C", ",");
  history.replaceState(null, "", address);
}

// The lines that are to be shown, as the address writes them.
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

// Another criterion starts with its own defaults.
function withoutSettings() {
  const settings = form().querySelectorAll(".stopping [type=number]");
  return Object.fromEntries([...settings].map((field) => [field.name, ""]));
}

function set(fields) {
  for (const [name, value] of Object.entries(fields)) form().elements[name].value = value;
  choose(fields);
  ask.request();
}

document.addEventListener("submit", (event) => {
  if (event.target === form()) event.preventDefault();
});

document.addEventListener("input", (event) => {
  const field = event.target;
  if (field.form !== form() || !field.checkValidity()) return;
  if (field.type === "range") field.nextElementSibling.textContent = field.value;
  choose(chosen(field));
  ask.request();
});

document.addEventListener("click", (event) => {
  const names = event.target.closest("[data-clear]")?.dataset.clear.split(" ");
  if (!names) return;
  form().elements[names[0]].focus(); // the button goes
  set(Object.fromEntries(names.map((name) => [name, ""])));
});

// The reader's hand on a chart: a stretch of epochs drawn with the pointer, a line of the legend.
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
