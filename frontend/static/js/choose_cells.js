// Cells of the grid that are chosen to be compared: with Space, or with a click while choosing.
// The address holds them, so that a reload, and the page that is refreshed, show them again.

const NAME = "chosen";
const MOST = 20; // that the page which compares takes

const heatmap = () => document.getElementById("heatmap");
const button = () => document.getElementById("choose-cells");
const cells = () => [...document.querySelectorAll("table.grid a[data-cells]")];
const idsOf = (link) => link.dataset.cells.split(",");

let choosing = false;

function chosen() {
  return new Set((new URLSearchParams(location.search).get(NAME) ?? "").split(",").filter(Boolean));
}

function keep(ids) {
  const address = new URL(location.href);
  if (ids.size) address.searchParams.set(NAME, [...ids].join(","));
  else address.searchParams.delete(NAME);
  address.search = address.search.replaceAll("%2C", ",");
  history.replaceState(null, "", address);
  show();
}

function toggle(link) {
  const ids = chosen();
  const has = idsOf(link).every((id) => ids.has(id));
  for (const id of idsOf(link)) has ? ids.delete(id) : ids.add(id);
  keep(ids);
}

// Marks what is chosen, and says how many there are and where they can be compared.
function show() {
  if (!heatmap()) return;
  const ids = chosen();
  const marked = cells().filter((link) => idsOf(link).every((id) => ids.has(id)));
  for (const link of cells()) link.closest("td").ariaSelected = marked.includes(link) ? "true" : null;
  button().ariaPressed = String(choosing);
  const bar = document.getElementById("chosen-cells");
  bar.hidden = !choosing && !marked.length;
  bar.querySelector("span").textContent = told(marked.length, ids.size);
  const link = bar.querySelector("a");
  link.href = `/compare?${heatmap().dataset.subjects}=${[...ids].join(",")}`;
  link.hidden = ids.size < 2 || ids.size > MOST;
  bar.querySelector("button").hidden = !ids.size;
}

function told(marked, subjects) {
  if (!marked) return "Choose two or more cells by a click, or by Space.";
  const many = `${marked} ${marked === 1 ? "cell" : "cells"} chosen`;
  if (subjects > MOST) return `${many}; ${MOST} at most can be compared.`;
  return subjects > 1 ? `${many}:` : `${many}; choose another to compare it with.`;
}

document.addEventListener("click", (event) => {
  if (event.target.closest("#choose-cells")) {
    choosing = !choosing;
    show();
  } else if (event.target.closest("#chosen-cells button")) {
    button().focus(); // the button goes
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
