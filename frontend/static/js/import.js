// The import page: reads chosen logs without storing them, takes corrections, and imports the runs.

import { count } from "./format.js";
import { corrections, fillCard, isWanted, makeCard } from "./found_run.js";
import { chosenFiles, droppedFiles, filter } from "./import_files.js";
import { MEGABYTE, showUpload, upload } from "./upload.js";

const PASTED = "pasted.txt";

const $ = (id) => document.getElementById(id);
const { dataset } = document.querySelector("main");
const tones = JSON.parse(dataset.tones);
const mayBeLog = filter(JSON.parse(dataset.notLogs));
const cards = new Map(); // by the label of a run
let files = [];
let running; // the AbortController of the upload

// Upload

function makeForm(runs) {
  const form = new FormData();
  form.set("experiment", $("experiment").value);
  if (Object.keys(runs).length) form.set("runs", JSON.stringify(runs));
  for (const { name, file } of files) form.append("file", file, name);
  return form;
}

const showProgress = (share, size) => showUpload($("progress"), share, size, "Reading the files …");

// Sends the files; resolves to the answer, or to null if it was refused or stopped.
async function send(url, runs) {
  running?.abort();
  const mine = (running = new AbortController());
  const size = files.reduce((sum, { file }) => sum + file.size, 0);
  $("import-error").textContent = $("import-status").textContent = "";
  $("progress").hidden = false;
  $("store").disabled = true;
  showProgress(0, size);
  const { ok, stopped, body } = await upload(url, makeForm(runs), {
    signal: mine.signal,
    onProgress: (share) => showProgress(share, size),
  });
  if (mine !== running) return null; // a newer upload is under way
  $("progress").hidden = true;
  $("store").disabled = false;
  if (!ok && !stopped) $("import-error").textContent = body.detail;
  return ok ? body : null;
}

// Preview

function refusal() {
  const size = files.reduce((sum, { file }) => sum + file.size, 0);
  if (!files.length) return "There is no file that can be a log. Choose other files.";
  if (files.length > dataset.maxFiles) {
    return `These are ${count(files.length, "file")}; accepted: at most ${dataset.maxFiles}.`;
  }
  if (size > dataset.maxBytes) {
    const most = Math.floor(dataset.maxBytes / MEGABYTE);
    return `The files have ${Math.ceil(size / MEGABYTE)} MB; accepted: at most ${most} MB.`;
  }
  return "";
}

async function readNew(chosen) {
  files = chosen;
  running?.abort();
  cards.clear();
  $("found-runs").replaceChildren();
  $("found").hidden = $("imported").hidden = true;
  $("import-error").textContent = refusal();
  if (!refusal() && (await read())) $("found-title").focus();
}

async function read() {
  const chosen = Object.fromEntries([...cards].map(([label, card]) => [label, corrections(card)]));
  const runs = Object.fromEntries(Object.entries(chosen).filter(([, { skip }]) => !skip));
  const answer = await send("/api/imports?dry_run=true", runs);
  if (!answer) return false;
  for (const run of answer.runs) {
    if (!cards.has(run.label)) {
      cards.set(run.label, makeCard(run, read));
      $("found-runs").append(cards.get(run.label));
    }
    fillCard(cards.get(run.label), run, tones);
  }
  $("found-title").textContent = `Found ${count(answer.runs.length, "run")}`;
  $("import-status").textContent = `${count(answer.runs.length, "run")} read. Nothing is stored yet.`;
  $("found").hidden = false;
  countWanted();
  return true;
}

function countWanted() {
  const wanted = [...cards.values()].filter(isWanted).length;
  $("store").textContent = `Import ${count(wanted, "run")}`;
  $("store").disabled = wanted === 0;
}

// Import

function showImported({ experiment, runs }) {
  $("imported-title").textContent = `Imported ${count(runs.length, "run")}`;
  $("experiment-link").href = `/experiments/${experiment}`;
  $("experiment-link").textContent = `Open the experiment ${$("experiment").value}`;
  $("imported-runs").replaceChildren(...runs.map(importedRun));
  $("import").hidden = true;
  $("imported").hidden = false;
  $("imported-title").focus();
}

function importedRun({ id, name, verdict, notes }) {
  const [line, link, badge] = ["li", "a", "span"].map((tag) => document.createElement(tag));
  link.href = `/runs/${id}`;
  link.textContent = name;
  badge.className = `verdict ${tones[verdict] ?? "tone-unknown"}`;
  badge.textContent = verdict;
  line.append(link, " ", badge);
  if (notes.length) line.append(` ${notes.join("; ")}.`);
  return line;
}

$("import").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!cards.size) return;
  const runs = Object.fromEntries([...cards].map(([label, card]) => [label, corrections(card)]));
  const answer = await send("/api/imports", runs);
  if (answer) showImported(answer);
});

// Choosing

for (const id of ["files", "folder"]) {
  $(id).addEventListener("change", ({ target }) => {
    if (target.files.length) readNew(chosenFiles(target, mayBeLog));
  });
}

$("read-pasted").addEventListener("click", () => {
  const text = $("pasted").value;
  if (!text.trim()) {
    $("import-error").textContent = "The text is empty. Paste the lines of a log.";
    return $("pasted").focus();
  }
  readNew([{ name: PASTED, file: new File([text], PASTED) }]);
});

const zone = $("drop-zone");
for (const type of ["dragenter", "dragover"]) {
  zone.addEventListener(type, (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
}
for (const type of ["dragleave", "drop"]) {
  zone.addEventListener(type, () => zone.classList.remove("over"));
}
zone.addEventListener("drop", async (event) => {
  event.preventDefault();
  readNew(await droppedFiles(event.dataTransfer, mayBeLog));
});

$("found-runs").addEventListener("change", countWanted);
$("stop").addEventListener("click", () => running?.abort());
$("again").addEventListener("click", () => location.reload());
