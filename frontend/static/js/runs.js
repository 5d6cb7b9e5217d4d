// The list of runs. Its URL holds the view and the chosen runs.

import { getJson, send } from "./api.js";
import { count } from "./format.js";
import { formatIds, parseIds } from "./id_ranges.js";
import { catchUp, refreshPage } from "./refresh.js";
import { repeat } from "./throttle.js";

const REFRESH_EVERY = 2000; // milliseconds, while runs of the list wait or train
const MAX_IDS_LENGTH = 2000; // characters of chosen ids in the URL
const ALL = "all"; // in place of ids: all runs that match the filter are chosen
let chosen = new Set();
let everything = false; // all runs that match the filter are chosen

const $ = (id) => document.getElementById(id);
const boxes = () => [...document.querySelectorAll("input[name=run]")];
const counted = new Map(); // URL that counts the matching runs -> their number
const total = () => Number($("total").dataset.total ?? counted.get($("total").dataset.count) ?? 0);
const amount = () => (everything ? total() : chosen.size);
const runs = (amount) => count(amount, "run");

// --- the view

// Goes to another view. Chosen runs stay chosen; "all that match" does not, as other runs match there.
async function go(href) {
  const url = new URL(href, location.href);
  everything = false;
  history.pushState(...withChosen(url));
  await show({ moved: true });
}

async function show({ moved = false } = {}) {
  const leave = moved && leaving();
  const came = await (moved ? catchUp() : refreshPage().catch(() => {}));
  if (moved && came) leave();
  mark();
  showLastAction();
  requestTotal();
}

// Closes the menus of the view that is left. Returns a function to call when the next view is shown:
// it resets the fields, except those that were edited since.
function leaving() {
  for (const menu of document.querySelectorAll(".tools details")) menu.open = false;
  const written = (input) => (input.type === "checkbox" ? input.checked : input.value);
  const inputs = [...document.querySelectorAll("#filter input, #choose-columns input")];
  const before = new Map(inputs.map((input) => [input, written(input)]));
  return () => {
    for (const [input, was] of before) {
      if (written(input) !== was) continue;
      if (input.type === "checkbox") input.checked = input.defaultChecked;
      else input.value = input.defaultValue;
    }
  };
}

// Requests the number of matching runs separately: counting takes as long as finding the first page.
async function requestTotal() {
  const { count: url, suffix } = $("total").dataset;
  if (!url) return;
  if (counted.has(url)) showTotal(url, suffix);
  const { ok, body } = await getJson(url);
  if (!ok || $("total").dataset.count !== url) return;
  counted.set(url, body.runs);
  showTotal(url, suffix);
}

function showTotal(url, suffix) {
  $("total").textContent = `${runs(counted.get(url))}${suffix}`;
  mark();
}

function withQuery(changes) {
  const query = new URLSearchParams(location.search);
  query.delete("cursor");
  query.delete("chosen");
  for (const [name, value] of Object.entries(changes)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  return `/runs${query.size ? `?${query}` : ""}`;
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-view]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  go(link.href);
});

// A column head is a button: the space bar presses it too.
document.addEventListener("keydown", (event) => {
  if (event.key === " " && event.target.matches("a[role=button]")) {
    event.preventDefault();
    event.target.click();
  }
  const typing = event.target.closest("input, textarea, select");
  if (event.key === "/" && !typing) {
    event.preventDefault();
    $("filter-text").focus();
  }
});

addEventListener("popstate", () => {
  readChosen();
  show({ moved: true });
});

// --- the chosen runs

// Ids that are too long for the URL are kept in the state of the browser's history.
function readChosen() {
  const written = new URLSearchParams(location.search).get("chosen") ?? history.state?.chosen ?? "";
  everything = written === ALL;
  chosen = new Set(everything ? [] : parseIds(written));
}

function withChosen(url) {
  url.searchParams.delete("chosen");
  const written = everything ? ALL : formatIds(chosen);
  const fits = written.length <= MAX_IDS_LENGTH;
  // commas are allowed in a query and read better than %2C
  if (written && fits) url.search += `${url.search ? "&" : "?"}chosen=${written}`;
  return [fits ? null : { chosen: written }, "", url];
}

function chosenChanged() {
  history.replaceState(...withChosen(new URL(location.href)));
  mark();
}

function mark() {
  for (const box of boxes()) box.checked = everything || chosen.has(Number(box.value));
  const page = boxes();
  const here = page.filter((box) => box.checked).length;
  if ($("choose-page")) {
    $("choose-page").checked = page.length > 0 && here === page.length;
    $("choose-page").indeterminate = here > 0 && here < page.length;
  }
  $("bulk").hidden = !amount();
  $("chosen-count").textContent = `${runs(amount())} chosen`;
  const more = total() > page.length;
  $("choose-all").textContent = `Choose all ${total().toLocaleString("en")}`;
  $("choose-all").hidden = everything || !more || here < page.length;
  if ($("compare")) {
    const tooMany = amount() > Number($("compare").dataset.most);
    $("compare").disabled = tooMany;
    $("compare-limit").hidden = !tooMany;
  }
}

function choose(ids, wanted) {
  if (everything) {
    everything = false;
    chosen.clear();
    if (!wanted) for (const box of boxes()) chosen.add(Number(box.value));
  }
  for (const id of ids) wanted ? chosen.add(id) : chosen.delete(id);
  chosenChanged();
}

function chooseNone() {
  everything = false;
  chosen.clear();
  chosenChanged();
}

document.addEventListener("change", (event) => {
  const box = event.target;
  if (box.name === "run") choose([Number(box.value)], box.checked);
  if (box.id === "choose-page") choose(boxes().map((one) => Number(one.value)), box.checked);
});

document.addEventListener("click", (event) => {
  const { id } = event.target;
  if (id === "choose-none") chooseNone();
  if (id === "choose-all") {
    everything = true;
    chosenChanged();
  }
  if (id === "compare") location.assign(`/compare?runs=${[...chosen].sort((a, b) => a - b)}`);
});

// --- actions on the chosen runs

const CHANGES = {
  pin: [{ pinned: true }, "Pinned"],
  unpin: [{ pinned: false }, "Unpinned"],
  archive: [{ archived: true }, "Archived"],
  unarchive: [{ archived: false }, "Unarchived"],
};
let lastAction = { text: "", undo: null }; // its sentence, and the operation to undo
let tagging = false;

// Shows the state that only the browser knows; a refresh of the page removes it.
function showLastAction() {
  $("done-text").textContent = lastAction.text;
  $("undo").hidden = !lastAction.undo;
  if ($("tag")) $("tag").hidden = !tagging;
}

function say(text, undo = null) {
  lastAction = { text, undo };
  showLastAction();
}

// The runs that an action applies to, as the REST API takes them.
function selection() {
  if (!everything) return { runs: [...chosen] };
  const query = new URLSearchParams(location.search);
  return { filter: query.get("filter") ?? "", shown: query.get("shown") ?? "active" };
}

async function act(method, url, body, done) {
  const { ok, body: answer } = await send(method, url, body);
  if (!ok) return say(answer.detail);
  say(`${done} ${runs(answer.ids.length)}${answer.operation ? "." : ": nothing changed."}`, answer.operation);
  tagging = false;
  chooseNone();
  await show();
}

async function undo(operation) {
  const { ok, body: answer } = await send("POST", `/api/operations/${operation}/undo`);
  if (!ok) return say(answer.detail);
  const left = answer.left.length ? ` ${runs(answer.left.length)} had changed since and were not restored.` : "";
  say(`Restored ${runs(answer.ids.length)}.${left}`);
  await show();
}

const bulk = {
  change: (change, done) => act("PATCH", "/api/runs", { ...selection(), change }, done),
  delete: () => act("POST", "/api/runs/delete", selection(), "Deleted"),
  restore: () => act("POST", "/api/runs/restore", selection(), "Restored"),
};

document.addEventListener("click", (event) => {
  const wanted = event.target.dataset?.bulk;
  if (event.target.id === "undo" && lastAction.undo) undo(lastAction.undo);
  if (!wanted) return;
  if (wanted in CHANGES) bulk.change(...CHANGES[wanted]);
  else if (wanted === "tag") {
    tagging = !tagging;
    showLastAction();
    if (tagging) $("tag").elements.key.focus();
  } else if (wanted === "untag") {
    if ($("tag").reportValidity()) bulk.change({ tags: { [$("tag").elements.key.value]: null } }, "Untagged");
  } else bulk[wanted]();
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  event.preventDefault();
  if (form.id === "filter") go(withQuery({ filter: form.elements.filter.value.trim() }));
  if (form.id === "choose-columns") {
    const columns = new FormData(form).getAll("column");
    go(withQuery({ columns: columns.join(", ") }));
  }
  if (form.id === "tag") {
    const { key, value } = form.elements;
    bulk.change({ tags: { [key.value]: value.value } }, "Tagged");
  }
  if (form.id === "save-view") saveView(form.elements.name);
});

async function saveView(name) {
  const query = Object.fromEntries(new URLSearchParams(location.search));
  const { filter, order_by, columns, shown } = query;
  const body = { name: name.value, query: { filter, order_by, columns, shown } };
  const { ok, body: answer } = await send("POST", "/api/views", body);
  say(ok ? `Saved the view ${answer.name}.` : answer.detail);
  if (ok) name.value = "";
  await show();
}

document.addEventListener("click", async (event) => {
  const id = event.target.dataset?.forget;
  if (!id) return;
  await send("DELETE", `/api/views/${id}`);
  await show();
});

// --- runs that wait or train change

const isActive = () => document.querySelector("main").hasAttribute("data-active");

readChosen();
mark();
requestTotal();
repeat(() => isActive() && show(), REFRESH_EVERY);
