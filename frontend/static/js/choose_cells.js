// Choosing cells of the grid for a comparison: with Space, or with a click while choosing is on. The
// URL holds the chosen runs, so that they survive a reload and a refresh.

const NAME = "chosen";
const MAX_COMPARED = 20; // the most that the comparison page takes

const heatmap = () => document.getElementById("heatmap");
const button = () => document.getElementById("choose-cells");
const cells = () => [...document.querySelectorAll("table.grid a[data-cells]")];
const idsOf = (link) => link.dataset.cells.split(",");

let choosing = false;

function chosen() {
  return new Set((new URLSearchParams(location.search).get(NAME) ?? "").split(",").filter(Boolean));
}

function keep(ids) {
  const url = new URL(location.href);
  if (ids.size) url.searchParams.set(NAME, [...ids].join(","));
  else url.searchParams.delete(NAME);
  url.search = url.search.replaceAll("%2C", ",");
  history.replaceState(null, "", url);
  show();
}

function toggle(link) {
  const ids = chosen();
  const has = idsOf(link).every((id) => ids.has(id));
  for (const id of idsOf(link)) has ? ids.delete(id) : ids.add(id);
  keep(ids);
}

// Marks the chosen cells, and shows their number and the link that compares them.
function show() {
  if (!heatmap()) return;
  const ids = chosen();
  const marked = cells().filter((link) => idsOf(link).every((id) => ids.has(id)));
  for (const link of cells()) link.closest("td").ariaSelected = marked.includes(link) ? "true" : null;
  button().ariaPressed = String(choosing);
  const bar = document.getElementById("chosen-cells");
  bar.hidden = !choosing && !marked.length;
  bar.querySelector("span").textContent = summary(marked.length, ids.size);
  const link = bar.querySelector("a");
  link.href = `/compare?${heatmap().dataset.subjects}=${[...ids].join(",")}`;
  link.hidden = ids.size < 2 || ids.size > MAX_COMPARED;
  bar.querySelector("button").hidden = !ids.size;
}

function summary(marked, subjects) {
  if (!marked) return "Choose two or more cells with a click or with Space.";
  const many = `${marked} ${marked === 1 ? "cell" : "cells"} chosen`;
  if (subjects > MAX_COMPARED) return `${many}; at most ${MAX_COMPARED} can be compared.`;
  return subjects > 1 ? `${many}:` : `${many}; choose another to compare it with.`;
}

document.addEventListener("click", (event) => {
  if (event.target.closest("#choose-cells")) {
    choosing = !choosing;
    show();
  } else if (event.target.closest("#chosen-cells button")) {
    button().focus(); // this button disappears
    keep(new Set());
  }
  const link = choosing && event.target.closest("table.grid a[data-cells]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  toggle(link);
});

document.addEventListener("keydown", (event) => {
  const link = event.key === " " && event.target.closest?.("table.grid a[data-cells]");
  if (!link) return;
  event.preventDefault();
  toggle(link);
});

document.addEventListener("pagerefreshed", show);
show();
