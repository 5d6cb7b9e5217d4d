// The list of runs: the address says what is shown; chosen runs stay chosen from page to page.

import { refreshPage } from "./refresh.js";
import { send } from "./post.js";

const REFRESH_EVERY = 2000;
const MOST_COMPARED = 20;
const chosen = new Set();
let everything = null; // the filter's text once all that match are chosen, else null

const $ = (id) => document.getElementById(id);
const boxes = () => [...document.querySelectorAll("input[name=run]")];
const counted = new Map(); // how many runs match, by the address that counts them
const total = () => Number($("total").dataset.total ?? counted.get($("total").dataset.count) ?? 0);
const amount = () => (everything === null ? chosen.size : total());
const runs = (count) => `${count.toLocaleString("en")} ${count === 1 ? "run" : "runs"}`;

// --- where we are

async function go(address, { replace = false } = {}) {
  if (replace) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
  everything = null;
  await show({ moved: true });
}

async function show({ moved = false } = {}) {
  await refreshPage().catch(() => {});
  if (moved) {
    // what was typed belongs to the view before
    for (const input of document.querySelectorAll("#filter input")) input.value = input.getAttribute("value");
    for (const box of document.querySelectorAll("#choose-columns input")) box.checked = box.defaultChecked;
    for (const menu of document.querySelectorAll(".tools details")) menu.open = false;
  }
  mark();
  remind();
  count();
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

addEventListener("popstate", () => show({ moved: true }));

// --- which runs are chosen

function mark() {
  for (const box of boxes()) box.checked = everything !== null || chosen.has(Number(box.value));
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
  $("choose-all").hidden = everything !== null || !more || here < page.length;
  if ($("compare")) $("compare").disabled = amount() < 1 || amount() > MOST_COMPARED;
}

function choose(ids, wanted) {
  if (everything !== null) {
    everything = null;
    chosen.clear();
    if (!wanted) for (const box of boxes()) chosen.add(Number(box.value));
  }
  for (const id of ids) wanted ? chosen.add(id) : chosen.delete(id);
  mark();
}

function chooseNone() {
  everything = null;
  chosen.clear();
  mark();
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
    everything = new URLSearchParams(location.search).get("filter") ?? "";
    mark();
  }
  if (id === "compare") location.assign(`/compare?runs=${[...chosen].sort((a, b) => a - b)}`);
});

// --- what is done with them

const CHANGES = {
  pin: [{ pinned: true }, "Pinned", { pinned: false }],
  unpin: [{ pinned: false }, "Unpinned", { pinned: true }],
  archive: [{ archived: true }, "Archived", { archived: false }],
  unarchive: [{ archived: false }, "Took out of the archive", { archived: true }],
};
let said = { text: "", undo: null }; // what was done last, and how it is taken back
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
  if (everything === null) return { runs: [...chosen] };
  return { filter: everything, shown: new URLSearchParams(location.search).get("shown") ?? "active" };
}

async function act(method, address, body, done, back) {
  const { ok, body: answer } = await send(method, address, body);
  if (!ok) return say(answer.detail);
  say(`${done} ${runs(answer.ids.length)}.`, back && (() => back(answer.ids)));
  tagging = false;
  chooseNone();
  await show();
}

const bulk = {
  change(change, done, opposite) {
    const back = opposite && ((ids) => act("PATCH", "/api/runs", { runs: ids, change: opposite }, "Put back", null));
    return act("PATCH", "/api/runs", { ...some(), change }, done, back);
  },
  delete() {
    const back = (ids) => act("POST", "/api/runs/restore", { runs: ids }, "Restored", null);
    return act("POST", "/api/runs/delete", some(), "Deleted", back);
  },
  restore() {
    const back = (ids) => act("POST", "/api/runs/delete", { runs: ids }, "Deleted", null);
    return act("POST", "/api/runs/restore", some(), "Restored", back);
  },
};

document.addEventListener("click", (event) => {
  const wanted = event.target.dataset?.bulk;
  if (event.target.id === "undo") said.undo?.();
  if (!wanted) return;
  if (wanted in CHANGES) bulk.change(...CHANGES[wanted]);
  else if (wanted === "tag") {
    tagging = !tagging;
    remind();
    if (tagging) $("tag").elements.key.focus();
  } else if (wanted === "untag") {
    if ($("tag").reportValidity()) bulk.change({ tags: { [$("tag").elements.key.value]: null } }, "Untagged", null);
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
    const tags = { [key.value]: value.value };
    bulk.change({ tags }, "Tagged", { tags: { [key.value]: null } });
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

mark();
count();
setTimeout(keepUp, REFRESH_EVERY);
