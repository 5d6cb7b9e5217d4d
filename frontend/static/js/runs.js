// The list of runs: the address says what is shown and which runs are chosen.

import { catchUp, refreshPage } from "./refresh.js";
import { idsOf, writtenIds } from "./chosen.js";
import { send } from "./post.js";

const REFRESH_EVERY = 2000;
const LONGEST = 2000; // letters of chosen runs in an address
const ALL = "all"; // that match, in place of numbers
let chosen = new Set();
let everything = false; // all that match are chosen, not these alone

const $ = (id) => document.getElementById(id);
const boxes = () => [...document.querySelectorAll("input[name=run]")];
const counted = new Map(); // how many runs match, by the address that counts them
const total = () => Number($("total").dataset.total ?? counted.get($("total").dataset.count) ?? 0);
const amount = () => (everything ? total() : chosen.size);
const runs = (count) => `${count.toLocaleString("en")} ${count === 1 ? "run" : "runs"}`;

// --- where we are

// Chosen runs stay chosen from view to view; all that match are others there.
async function go(address) {
  const url = new URL(address, location.href);
  everything = false;
  history.pushState(...withChosen(url));
  await show({ moved: true });
}

async function show({ moved = false } = {}) {
  const leave = moved && leaving();
  const came = await (moved ? catchUp() : refreshPage().catch(() => {}));
  if (moved && came) leave();
  mark();
  remind();
  count();
}

// What was opened and typed belongs to the view before. What is opened and typed while the next one is
// under way stays: the function that is returned, called once it is there, leaves that alone.
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

// How many there are is asked apart: counting takes as long as finding the first of them.
async function count() {
  const { count: address, suffix } = $("total").dataset;
  if (!address) return;
  if (counted.has(address)) tell(address, suffix);
  const response = await fetch(address).catch(() => null);
  if (!response?.ok || $("total").dataset.count !== address) return;
  counted.set(address, (await response.json()).runs);
  tell(address, suffix);
}

function tell(address, suffix) {
  $("total").textContent = `${runs(counted.get(address))}${suffix}`;
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

// a head is a button: the space bar presses it too
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

// --- which runs are chosen

// Too many to stand in an address are kept with the page in the browser's history.
function readChosen() {
  const written = new URLSearchParams(location.search).get("chosen") ?? history.state?.chosen ?? "";
  everything = written === ALL;
  chosen = new Set(everything ? [] : idsOf(written));
}

function withChosen(url) {
  url.searchParams.delete("chosen");
  const written = everything ? ALL : writtenIds(chosen);
  const fits = written.length <= LONGEST;
  // commas are allowed in a query, and read better than what they are turned into
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

// --- what is done with them

const CHANGES = {
  pin: [{ pinned: true }, "Pinned"],
  unpin: [{ pinned: false }, "Unpinned"],
  archive: [{ archived: true }, "Archived"],
  unarchive: [{ archived: false }, "Took out of the archive"],
};
let said = { text: "", undo: null }; // what was done last, and the operation to undo
let tagging = false;

// The server knows nothing of these: they are put back after each refresh.
function remind() {
  $("done-text").textContent = said.text;
  $("undo").hidden = !said.undo;
  if ($("tag")) $("tag").hidden = !tagging;
}

function say(text, undo = null) {
  said = { text, undo };
  remind();
}

function some() {
  if (!everything) return { runs: [...chosen] };
  const query = new URLSearchParams(location.search);
  return { filter: query.get("filter") ?? "", shown: query.get("shown") ?? "active" };
}

async function act(method, address, body, done) {
  const { ok, body: answer } = await send(method, address, body);
  if (!ok) return say(answer.detail);
  say(`${done} ${runs(answer.ids.length)}${answer.operation ? "." : ": nothing was different."}`, answer.operation);
  tagging = false;
  chooseNone();
  await show();
}

async function undo(operation) {
  const { ok, body: answer } = await send("POST", `/api/operations/${operation}/undo`);
  if (!ok) return say(answer.detail);
  const left = answer.left.length ? ` ${runs(answer.left.length)} changed since: left as they are.` : "";
  say(`Put back ${runs(answer.ids.length)}.${left}`);
  await show();
}

const bulk = {
  change: (change, done) => act("PATCH", "/api/runs", { ...some(), change }, done),
  delete: () => act("POST", "/api/runs/delete", some(), "Deleted"),
  restore: () => act("POST", "/api/runs/restore", some(), "Restored"),
};

document.addEventListener("click", (event) => {
  const wanted = event.target.dataset?.bulk;
  if (event.target.id === "undo" && said.undo) undo(said.undo);
  if (!wanted) return;
  if (wanted in CHANGES) bulk.change(...CHANGES[wanted]);
  else if (wanted === "tag") {
    tagging = !tagging;
    remind();
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

// --- runs that wait or train move

async function keepUp() {
  const begun = performance.now();
  const active = document.querySelector("main").hasAttribute("data-active");
  if (active && !document.hidden) await show();
  setTimeout(keepUp, Math.max(REFRESH_EVERY, 4 * (performance.now() - begun)));
}

readChosen();
mark();
count();
setTimeout(keepUp, REFRESH_EVERY);
