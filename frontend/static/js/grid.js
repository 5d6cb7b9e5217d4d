// The grid: a single tab stop, arrow keys between cells, and a card with the cell's small curves.

import { fetchFragment } from "./fragment.js";

const PAUSE = 120; // milliseconds of pointing at a cell before its curves are fetched
const MAX_CACHED = 200; // cells
const MARGIN = 8; // pixels between the card and its cell or the edge of the window

const cache = new Map(); // URL -> curves
let current; // the cell that Tab focuses
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

// Returns the nearest cell with runs in a direction, or the outermost one.
function next(link, [down, right]) {
  const rows = [...link.closest("tbody").rows];
  const row = rows.indexOf(link.closest("tr"));
  const column = link.closest("td").cellIndex;
  const line = right ? [...rows[row].cells] : rows.map((line) => line.cells[column]);
  const at = right ? column : row;
  const ahead = line.slice(at + 1);
  const behind = line.slice(0, at).reverse();
  const way = (right || down) > 0 ? ahead : behind;
  const links = way.map((cell) => cell.querySelector("a")).filter(Boolean);
  return Number.isFinite(right || down) ? links[0] : links.at(-1);
}

function rove(link) {
  for (const other of link.closest("table").querySelectorAll("td a[tabindex='0']")) other.tabIndex = -1;
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

// A refresh makes the first cell the tab stop again, and may move the cell of the card.
document.addEventListener("pagerefreshed", () => {
  if (current?.isConnected) rove(current);
  if (card().hidden) return;
  const link = cellOf(document.activeElement) ?? document.querySelector("table.grid td a:hover");
  if (link) show(link);
  else hide();
});

// --- the card

function card() {
  const existing = document.getElementById("cell-card");
  if (existing) return existing;
  const element = document.createElement("div");
  element.id = element.className = "cell-card";
  element.hidden = true;
  document.body.append(element);
  return element;
}

async function curves(url) {
  if (!cache.has(url)) {
    const nodes = await fetchFragment(url);
    if (!nodes) return [];
    if (cache.size >= MAX_CACHED) cache.delete(cache.keys().next().value);
    cache.set(url, nodes);
  }
  return cache.get(url).map((node) => node.cloneNode(true));
}

async function show(link) {
  const mine = ++shown;
  const nodes = await curves(link.dataset.curves);
  if (mine !== shown || !link.isConnected) return;
  const title = document.createElement("p");
  title.textContent = link.getAttribute("aria-label");
  const element = card();
  element.replaceChildren(title, ...nodes);
  element.hidden = false;
  place(element, link.getBoundingClientRect());
}

// Places the card below the cell, or above it if there is no space, and within the window.
function place(element, cell) {
  const { width, height } = element.getBoundingClientRect();
  const left = Math.min(cell.left, document.documentElement.clientWidth - width - MARGIN);
  const below = cell.bottom + MARGIN;
  const top = below + height < innerHeight ? below : Math.max(MARGIN, cell.top - height - MARGIN);
  element.style.left = `${Math.max(MARGIN, left) + scrollX}px`;
  element.style.top = `${top + scrollY}px`;
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
