// The grid: one tab stop, arrow keys between cells, and a card with the cell's small curve.

import { fetchFragment } from "./fragment.js";

const PAUSE = 120; // of pointing at a cell, before its curve is asked for
const MAX_KEPT = 200;
const GAP = 8;

const kept = new Map(); // curves by address
let current; // the cell that tab goes to
let timer;
let shown = 0;

const cellOf = (target) => target.closest?.("table.grid td a");

// --- arrow keys

const MOVES = {
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  Home: [0, -Infinity],
  End: [0, Infinity],
};

// The nearest cell with runs in a direction, or at its end.
function next(link, [down, right]) {
  const rows = [...link.closest("tbody").rows];
  const row = rows.indexOf(link.closest("tr"));
  const column = link.closest("td").cellIndex;
  const line = right ? [...rows[row].cells] : rows.map((each) => each.cells[column]);
  const at = right ? column : row;
  const ahead = line.slice(at + 1);
  const behind = line.slice(0, at).reverse();
  const way = (right || down) > 0 ? ahead : behind;
  const links = way.map((each) => each.querySelector("a")).filter(Boolean);
  return Number.isFinite(right || down) ? links[0] : links.at(-1);
}

function rove(link) {
  for (const each of link.closest("table").querySelectorAll("td a[tabindex='0']")) each.tabIndex = -1;
  link.tabIndex = 0;
  current = link;
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") return hide();
  const link = cellOf(event.target);
  const move = MOVES[event.key];
  if (!link || !move || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  next(link, move)?.focus();
});

// a refreshed page starts with the first cell again, and the card's cell may be elsewhere
document.addEventListener("pagerefreshed", () => {
  if (current?.isConnected) rove(current);
  if (card().hidden) return;
  const link = cellOf(document.activeElement) ?? document.querySelector("table.grid td a:hover");
  if (link) show(link);
  else hide();
});

// --- the card

function card() {
  let found = document.getElementById("cell-card");
  if (found) return found;
  found = document.createElement("div");
  found.id = "cell-card";
  found.className = "cell-card";
  found.hidden = true;
  document.body.append(found);
  return found;
}

async function curve(address) {
  if (!kept.has(address)) {
    const nodes = await fetchFragment(address);
    if (!nodes) return [];
    if (kept.size >= MAX_KEPT) kept.delete(kept.keys().next().value);
    kept.set(address, nodes);
  }
  return kept.get(address).map((node) => node.cloneNode(true));
}

async function show(link) {
  const mine = ++shown;
  const nodes = await curve(link.dataset.curves);
  if (mine !== shown || !link.isConnected) return;
  const title = document.createElement("p");
  title.textContent = link.getAttribute("aria-label");
  const found = card();
  found.replaceChildren(title, ...nodes);
  found.hidden = false;
  place(found, link.getBoundingClientRect());
}

// Below the cell, or above it where there is no room; never beyond the window's sides.
function place(found, cell) {
  const { width, height } = found.getBoundingClientRect();
  const left = Math.min(cell.left, document.documentElement.clientWidth - width - GAP);
  const below = cell.bottom + GAP;
  const top = below + height < innerHeight ? below : Math.max(GAP, cell.top - height - GAP);
  found.style.left = `${Math.max(GAP, left) + scrollX}px`;
  found.style.top = `${top + scrollY}px`;
}

function hide() {
  shown++;
  clearTimeout(timer);
  card().hidden = true;
}

function soon(link) {
  clearTimeout(timer);
  timer = setTimeout(() => show(link), PAUSE);
}

document.addEventListener("pointerover", (event) => {
  const link = cellOf(event.target);
  if (link) soon(link);
  else if (!event.target.closest?.("#cell-card") && !cellOf(document.activeElement)) hide();
});
document.addEventListener("focusin", (event) => {
  const link = cellOf(event.target);
  if (!link) return hide();
  rove(link);
  soon(link);
});
