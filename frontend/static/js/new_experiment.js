// The form of a new experiment: reads the fields into a specification, and shows its cost, its
// errors and the fields that apply, as a dry run of the specification reports them.

import { post } from "./api.js";
import { keep, restore } from "./draft.js";
import { showAids, listenToAids } from "./form_aids.js";
import { approximateDuration } from "./format.js";
import { showPreview } from "./preview.js";
import { expand } from "./ranges.js";
import { toCurl, toYaml } from "./spec_export.js";
import { advice, doubt, isNumber, withLabels } from "./validation_messages.js";

const PAUSE = 250; // ms without typing before the specification is checked
const form = document.getElementById("experiment");
const fields = [...form.querySelectorAll(".field[data-path]")];
const byPath = new Map(fields.map((field) => [field.dataset.path, field]));
let settings = JSON.parse(form.dataset.settings); // the status of each setting by path
let checks = 0;
let checked; // the last specification, as text, whose answer has arrived
let timer;

function texts(field) {
  const boxes = field.querySelectorAll("input[name]:checked");
  if (boxes.length) return [...boxes].map((box) => box.value);
  const input = field.querySelector("input[type=text]");
  const written = (input?.value ?? "").split(",").map((text) => text.trim()).filter(Boolean);
  return /^a (whole )?number/.test(field.dataset.accepted ?? "") ? written.flatMap(expand) : written;
}

// A comma makes a list, even with one value: "7," is a list of one seed, "7" a count of seeds.
const isList = (field) =>
  texts(field).length > 1 || !!field.querySelector("input[type=text]")?.value.includes(",");

const number = (text) => (isNumber(text) ? Number(text) : text);

function specification() {
  const document = {};
  const name = form.querySelector("#name").value.trim();
  if (name) document.name = name;
  for (const field of fields.filter(({ dataset, hidden }) => dataset.path !== "name" && !hidden)) {
    const [setting, section] = field.dataset.path.split(".").reverse();
    const values = texts(field).map(number);
    if (!values.length) continue;
    const target = section ? (document[section] ??= {}) : document;
    target[setting] = isList(field) ? values : values[0];
  }
  return { ...document, ...JSON.parse(form.dataset.extra) };
}

// --- which fields apply, and their values when left empty

const statusOf = (field) => settings[field.dataset.path] ?? { applies: true, defaults: [] };
const defaultsOf = (field) => statusOf(field).defaults.map(String);

// The values of a setting in the runs: those in its field, or its defaults.
function valuesOf(path) {
  const field = byPath.get(path);
  const values = texts(field);
  return values.length ? values : defaultsOf(field);
}

function showFields() {
  for (const field of fields.filter((field) => field.dataset.path in settings)) {
    field.hidden = !statusOf(field).applies;
    const defaults = defaultsOf(field);
    const input = field.querySelector("input[type=text]");
    if (input) input.placeholder = defaults.join(" or ");
    showNotes(field);
    showCount(field);
    for (const box of field.querySelectorAll(".chip input[name]")) {
      const isDefault = texts(field).length === 0 && defaults.includes(box.value);
      box.parentElement.classList.toggle("default", isDefault);
    }
  }
  showAids(byPath, valuesOf);
  for (const fold of form.querySelectorAll(".further")) {
    fold.hidden = ![...fold.querySelectorAll(".field")].some((field) => !field.hidden);
  }
}

// Shows below a choice what its chosen values mean.
function showNotes(field) {
  const notes = JSON.parse(field.dataset.notes ?? "{}");
  const shown = valuesOf(field.dataset.path).map((value) => notes[value]).filter(Boolean);
  if (shown.length) field.querySelector(".about").textContent = shown.join(" ");
}

// Shows below the chips of a field how many values are trained.
function showCount(field) {
  const count = field.querySelector(".count");
  if (!count) return;
  const { length } = texts(field);
  count.textContent = length > 1 ? `${length} are on: each is trained. Click one to take it out.` : "";
}

// --- the problem: only the data sets of its type are offered

const problems = JSON.parse(document.getElementById("problem").dataset.problems);
const sourceBoxes = () => [...byPath.get("dataset.source").querySelectorAll("input")];

// Takes the problem from the chosen sources. If they are of both types, no problem is chosen and
// all sources are offered.
function showProblem() {
  const types = new Set(texts(byPath.get("dataset.source")).map((source) => problems[source]));
  const [only] = types.size === 1 ? types : [];
  for (const radio of form.querySelectorAll("[name=problem]")) radio.checked = radio.value === only;
  offerSources(only);
}

function offerSources(problem) {
  for (const box of sourceBoxes()) {
    box.closest(".chip").hidden = !!problem && problems[box.value] !== problem;
  }
}

// Keeps the chosen data sets of a problem, or chooses its first data set.
function chooseProblem(problem) {
  const boxes = sourceBoxes();
  for (const box of boxes) box.checked &&= problems[box.value] === problem;
  if (!boxes.some((box) => box.checked)) {
    boxes.find((box) => problems[box.value] === problem).checked = true;
  }
  offerSources(problem);
}

// --- errors, each next to its field

function showErrors(errors) {
  const general = [];
  for (const field of fields) setError(field, "");
  for (const { field: path, detail } of errors) {
    const field = byPath.get((path ?? "").replace(/\[\d+\]$/, ""));
    const message = withLabels(detail, byPath);
    if (field && !field.hidden) setError(field, [message, advice(field)].filter(Boolean).join(" "));
    else general.push(message);
  }
  document.getElementById("form-error").textContent = general.join(" ");
}

function setError(field, detail) {
  const message = field.querySelector(".error");
  message.textContent = detail || doubt(field);
  message.classList.toggle("doubt", !detail);
  if (detail) field.closest("details")?.setAttribute("open", "");
  const inputs = [...field.querySelectorAll("input[type=text], input[name]")];
  const chosen = inputs.filter(({ checked }) => checked);
  for (const input of inputs) {
    if (detail && (!chosen.length || chosen.includes(input))) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  }
}

const errorsOf = (body) => body.errors ?? [{ field: body.field, detail: body.detail }];

// --- the panel

function sizes(parameters) {
  const counts = parameters.map((count) => count.toLocaleString("en"));
  if (counts.length < 4) return counts.join(" and ");
  return `${counts[0]} to ${counts.at(-1)} (${counts.length} sizes)`;
}

function showEstimate(body) {
  const set = (id, text) => (document.getElementById(id).textContent = text);
  set("runs", body ? body.runs.toLocaleString("en") : "–");
  set("parameters", body ? sizes(body.parameters) : "–");
  set("time", body ? approximateDuration(body.estimated_seconds) : "–");
}

// Checks the specification. If other fields apply than before, their values are part of another
// specification, which is checked at once.
async function check() {
  const mine = ++checks;
  const spec = specification();
  const sent = JSON.stringify(spec);
  document.getElementById("yaml").textContent = toYaml(spec);
  document.getElementById("curl").textContent = toCurl(spec, location.origin);
  const { ok, body } = await post("/api/experiments?dry_run=true", spec);
  if (mine !== checks) return; // a newer check has begun
  if (body.settings) {
    settings = body.settings;
    checked = sent;
    showFields();
    if (JSON.stringify(specification()) !== sent) return check();
  }
  showEstimate(ok ? body : null);
  document.getElementById("preview").hidden = !ok; // it is that of an earlier specification
  showErrors(ok ? [] : errorsOf(body));
  if (ok) showPreview(spec);
}

form.addEventListener("input", (event) => {
  queueMicrotask(() => keep(form)); // after the aids have changed other fields
  if (event.target.name === "problem") chooseProblem(event.target.value);
  showFields();
  clearTimeout(timer);
  timer = setTimeout(check, /^(radio|checkbox)$/.test(event.target.type) ? 0 : PAUSE);
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  clearTimeout(timer);
  const button = form.querySelector("[type=submit]");
  button.disabled = true;
  if (JSON.stringify(specification()) !== checked) await check(); // to leave out what does not apply
  checks++;
  const { ok, body } = await post("/api/experiments", specification());
  button.disabled = false;
  if (ok) return location.assign(body.url);
  showErrors(errorsOf(body));
  form.querySelector("[aria-invalid]")?.focus();
});

restore(form);
listenToAids(byPath, valuesOf);
showProblem();
showFields();
check();
form.querySelector("[type=submit]").disabled = false;
