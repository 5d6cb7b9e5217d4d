// Parallel coordinates: ranges on the axes, drawn with the pointer or chosen in the fields above,
// filter the cells, here and in the grid. The URL holds the ranges: brush=slug:low..high.

const NAME = "brush";
const HEIGHT = 300; // of an axis, in units of the drawing
const MIN_DRAG = 4; // units of the drawing; a shorter movement is a click
const MAX_COMPARED = 20; // the most cells that the comparison page takes

const part = () => document.getElementById("parallel");
const fields = () => [...part().querySelectorAll("fieldset[data-axis]")];
const ends = (fieldset) => ["low", "high"].map((name) => fieldset.querySelector(`[name=${name}]`));
const scaleOf = (slug) => part().querySelector(`g[data-axis="${CSS.escape(slug)}"]`);

// --- the ranges in the URL: {slug: [low, high]}; an open end is ""

function brushes() {
  const written = new URLSearchParams(location.search).get(NAME) ?? "";
  const matches = written.split(",").map((text) => text.match(/^(.+):([^:]*)\.\.([^:]*)$/));
  return Object.fromEntries(matches.filter(Boolean).map(([, slug, low, high]) => [slug, [low, high]]));
}

function keep(wanted) {
  const written = Object.entries(wanted)
    .filter(([, [low, high]]) => low !== "" || high !== "")
    .map(([slug, [low, high]]) => `${slug}:${low}..${high}`);
  const url = new URL(location.href);
  if (written.length) url.searchParams.set(NAME, written.join(","));
  else url.searchParams.delete(NAME);
  url.search = url.search.replaceAll("%2C", ",").replaceAll("%3A", ":");
  history.replaceState(null, "", url);
  show();
}

const range = ([low, high]) => [low === "" ? -Infinity : Number(low), high === "" ? Infinity : Number(high)];

// --- the filtered cells

function show() {
  if (!part()?.querySelector("svg")) return;
  const wanted = brushes();
  const ranges = fields().map(({ dataset }) => range(wanted[dataset.axis] ?? ["", ""]));
  const stays = ({ dataset }) =>
    dataset.picks.split(",").every((at, axis) => ranges[axis][0] <= at && at <= ranges[axis][1]);
  for (const fieldset of fields()) {
    const given = wanted[fieldset.dataset.axis] ?? ["", ""];
    ends(fieldset).forEach((field, index) => (field.value = given[index]));
    draw(fieldset.dataset.axis, given);
  }
  const lines = [...part().querySelectorAll("path[data-picks]")];
  const left = lines.filter(stays);
  for (const line of lines) line.classList.toggle("out", !left.includes(line));
  for (const row of part().querySelectorAll("tr[data-picks]")) row.hidden = !stays(row);
  const ids = new Set(left.map((line) => line.dataset.run));
  const all = left.length === lines.length;
  for (const cell of document.querySelectorAll("table.grid a[data-cells]")) {
    const out = !all && !cell.dataset.cells.split(",").some((id) => ids.has(id));
    cell.closest("td").classList.toggle("out", out);
  }
  summarise(lines.length, ids, Object.keys(wanted).length > 0);
}

function summarise(total, ids, brushed) {
  const bar = part().querySelector(".brushed");
  const many = ids.size > MAX_COMPARED ? `; at most ${MAX_COMPARED} can be compared` : "";
  bar.querySelector("output").textContent = brushed ? `${ids.size} of ${total} cells${many}` : "";
  const link = bar.querySelector("a");
  link.hidden = !brushed || ids.size < 2 || ids.size > MAX_COMPARED;
  link.href = `/compare?cells=${[...ids].join(",")}`;
  bar.querySelector("button").hidden = !brushed;
}

// Convert between the value of an axis and its height in the drawing.
function heightOf(scale, value) {
  if (scale.dataset.heights) return Number(scale.dataset.heights.split(",")[value]);
  const [low, high, at] = onScale(scale, [scale.dataset.low, scale.dataset.high, value]);
  return HEIGHT * (1 - (at - low) / (high - low || 1));
}

function valueAt(scale, height) {
  const [low, high] = onScale(scale, [scale.dataset.low, scale.dataset.high]);
  const value = low + (1 - height / HEIGHT) * (high - low);
  return Number((scale.dataset.log === undefined ? value : Math.exp(value)).toPrecision(3));
}

const onScale = ({ dataset }, values) => values.map((value) => (dataset.log === undefined ? Number(value) : Math.log(value)));

function draw(slug, [low, high]) {
  const scale = scaleOf(slug);
  const bottom = low === "" ? HEIGHT : Math.min(HEIGHT, heightOf(scale, low));
  const top = high === "" ? 0 : Math.max(0, heightOf(scale, high));
  const nothing = low === "" && high === "";
  box(scale, top - 6, nothing ? 0 : Math.max(0, bottom - top) + 12);
}

function box(scale, y, height) {
  const brush = scale.querySelector(".brush");
  brush.setAttribute("y", y);
  brush.setAttribute("height", height);
}

// --- the pointer: along an axis

let drag;

function heightAt(svg, event) {
  const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
  return Math.min(HEIGHT, Math.max(0, at.y));
}

document.addEventListener("pointerdown", (event) => {
  const handle = event.button === 0 && event.target.closest?.(".parallel .handle");
  if (!handle) return;
  event.preventDefault(); // do not select text
  handle.setPointerCapture(event.pointerId);
  const scale = handle.parentNode;
  const from = heightAt(scale.ownerSVGElement, event);
  drag = { scale, from, to: from };
});

document.addEventListener("pointermove", (event) => {
  if (!drag) return;
  drag.to = heightAt(drag.scale.ownerSVGElement, event);
  box(drag.scale, Math.min(drag.from, drag.to), Math.abs(drag.to - drag.from));
});

document.addEventListener("pointerup", () => {
  if (!drag) return;
  const { scale, from, to } = drag;
  drag = undefined;
  const none = Math.abs(to - from) < MIN_DRAG;
  keep({ ...brushes(), [scale.dataset.axis]: none ? ["", ""] : within(scale, Math.min(from, to), Math.max(from, to)) });
});

document.addEventListener("pointercancel", () => {
  drag = undefined;
  show();
});

// Returns the lowest and highest value between two heights. If no value of a hyperparameter lies
// between them, returns the nearest value.
function within(scale, top, bottom) {
  if (!scale.dataset.heights) return [valueAt(scale, bottom), valueAt(scale, top)];
  const heights = scale.dataset.heights.split(",").map(Number);
  const inside = heights.flatMap((at, index) => (top <= at && at <= bottom ? [index] : []));
  if (inside.length) return [Math.min(...inside), Math.max(...inside)];
  const distances = heights.map((at) => Math.abs(at - (top + bottom) / 2));
  const nearest = distances.indexOf(Math.min(...distances));
  return [nearest, nearest];
}

// --- the fields, and the rest

document.addEventListener("change", ({ target }) => {
  const fieldset = target.closest("#parallel fieldset[data-axis]");
  if (!fieldset) return;
  let [low, high] = ends(fieldset).map((field) => field.value);
  if (low !== "" && high !== "" && Number(low) > Number(high)) [low, high] = [high, low];
  keep({ ...brushes(), [fieldset.dataset.axis]: [low, high] });
});

document.addEventListener("submit", (event) => {
  if (event.target.matches("#parallel form")) event.preventDefault();
});

document.addEventListener("click", ({ target }) => {
  if (target.closest?.("#parallel [data-clear]")) {
    ends(fields()[0])[0].focus(); // this button disappears
    keep({});
  }
  const line = target.closest?.(".parallel path[data-url]");
  if (line) location.assign(line.dataset.url);
});

document.addEventListener("fragmentload", ({ target }) => target === part() && show());
document.addEventListener("pagerefreshed", show);
