// The form: reads the fields into a specification, shows what it would cost and what is wrong.

import { showAids, listenToAids } from "./form_aids.js";
import { showPreview } from "./preview.js";
import { post } from "./post.js";
import { advice, doubt, inWords, isNumber } from "./refusals.js";
import { toCurl, toYaml } from "./written.js";

const PAUSE = 250; // of typing, before the specification is checked
const form = document.getElementById("experiment");
const fields = [...form.querySelectorAll(".field[data-path]")];
const byPath = new Map(fields.map((field) => [field.dataset.path, field]));
let checks = 0;
let timer;

function texts(field) {
  const boxes = field.querySelectorAll("input[name]:checked");
  if (boxes.length) return [...boxes].map((box) => box.value);
  const input = field.querySelector("input[type=text]");
  return (input?.value ?? "").split(",").map((text) => text.trim()).filter(Boolean);
}

// A comma makes a list, even of one: "7," is the list of seed 7, where 7 is a count of seeds.
const isList = (field) =>
  texts(field).length > 1 || !!field.querySelector("input[type=text]")?.value.includes(",");

const number = (text) => (isNumber(text) ? Number(text) : text);

function specification() {
  const document = {};
  const name = form.querySelector("#name").value.trim();
  if (name) document.name = name;
  for (const field of fields.filter((each) => each.dataset.path !== "name" && !each.hidden)) {
    const [knob, section] = field.dataset.path.split(".").reverse();
    const values = texts(field).map(number);
    if (!values.length) continue;
    const place = section ? (document[section] ??= {}) : document;
    place[knob] = isList(field) ? values : values[0];
  }
  return { ...document, ...JSON.parse(form.dataset.kept) };
}

// --- which fields apply, and what they are when left empty

function effective(path) {
  const field = byPath.get(path);
  if (!applies(field)) return [field.dataset.idle];
  const given = texts(field);
  if (given.length) return given;
  return path === "dataset.source" ? [] : defaultsOf(field);
}

// The defaults of a field for the chosen sources and families of models, each once.
function defaultsOf(field) {
  const defaults = JSON.parse(field.dataset.defaults);
  if (field.dataset.path.startsWith("early_stopping.")) return [stoppingDefault(field, defaults)];
  const families = field.dataset.path === "model.family" ? [""] : effective("model.family");
  const found = effective("dataset.source").flatMap((source) =>
    families.map((family) => defaults[`${source} ${family}`] ?? defaults[source] ?? defaults["*"]),
  );
  return [...new Set(found)].filter(Boolean);
}

// The default of a knob of early stopping depends on the chosen criterion.
function stoppingDefault(field, defaults) {
  if (field.dataset.path === "early_stopping.criterion") return defaults["*"];
  return defaults[effective("early_stopping.criterion")[0]] ?? defaults["*"];
}

function applies(field) {
  const when = JSON.parse(field.dataset.when ?? "{}");
  return Object.entries(when).every(([control, allowed]) => {
    const values = effective(control);
    return (values.length ? values : [""]).some((value) => allowed.includes(value));
  });
}

function showFields() {
  for (const field of fields.slice(1)) {
    field.hidden = !applies(field);
    const values = defaultsOf(field);
    const input = field.querySelector("input[type=text]");
    if (input) input.placeholder = values.join(" or ");
    showNotes(field);
    for (const box of field.querySelectorAll(".chip input[name]")) {
      const isDefault = texts(field).length === 0 && values.includes(box.value);
      box.parentElement.classList.toggle("default", isDefault);
    }
  }
  showAids(byPath, effective);
  for (const fold of form.querySelectorAll(".further")) {
    fold.hidden = ![...fold.querySelectorAll(".field")].some((field) => !field.hidden);
  }
}

// Below a choice, what each of the chosen values is.
function showNotes(field) {
  const notes = JSON.parse(field.dataset.notes ?? "{}");
  const shown = effective(field.dataset.path).map((value) => notes[value]).filter(Boolean);
  if (shown.length) field.querySelector(".about").textContent = shown.join(" ");
}

// --- the problem: only the data sets of its type are offered

const problems = JSON.parse(document.getElementById("problem").dataset.problems);
const sourceBoxes = () => [...byPath.get("dataset.source").querySelectorAll("input")];

// Takes the problem from the chosen source; of both types, none is chosen and all are offered.
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

// Another problem: its first data set is chosen instead.
function chooseProblem(problem) {
  const boxes = sourceBoxes();
  for (const box of boxes) box.checked &&= problems[box.value] === problem;
  if (!boxes.some((box) => box.checked)) {
    boxes.find((box) => problems[box.value] === problem).checked = true;
  }
  offerSources(problem);
}

// --- errors, each beside its field

function showErrors(errors) {
  const general = [];
  for (const field of fields) setError(field, "");
  for (const { field: path, detail } of errors) {
    const field = byPath.get((path ?? "").replace(/\[\d+\]$/, ""));
    const told = inWords(detail, byPath);
    if (field && !field.hidden) setError(field, [told, advice(field)].filter(Boolean).join(" "));
    else general.push(told);
  }
  document.getElementById("form-error").textContent = general.join(" ");
}

function setError(field, detail) {
  const said = field.querySelector(".error");
  said.textContent = detail || doubt(field);
  said.classList.toggle("doubt", !detail);
  if (detail) field.closest("details")?.setAttribute("open", "");
  for (const input of field.querySelectorAll("input[type=text], input[name]")) {
    if (detail) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  }
}

const errorsOf = (body) => body.errors ?? [{ field: body.field, detail: body.detail }];

// --- the panel

function duration(seconds) {
  if (seconds < 1) return "under 1 s";
  if (seconds < 100) return `about ${Math.round(seconds)} s`;
  if (seconds < 6000) return `about ${Math.round(seconds / 60)} min`;
  return `about ${(seconds / 3600).toFixed(1)} h`;
}

function sizes(parameters) {
  const written = parameters.map((count) => count.toLocaleString("en"));
  if (written.length < 4) return written.join(" and ");
  return `${written[0]} to ${written.at(-1)} (${written.length} sizes)`;
}

function showEstimate(body) {
  const set = (id, text) => (document.getElementById(id).textContent = text);
  set("runs", body ? body.runs.toLocaleString("en") : "–");
  set("parameters", body ? sizes(body.parameters) : "–");
  set("time", body ? duration(body.estimated_seconds) : "–");
}

async function check() {
  const mine = ++checks;
  const spec = specification();
  document.getElementById("yaml").textContent = toYaml(spec);
  document.getElementById("curl").textContent = toCurl(spec, location.origin);
  const { ok, body } = await post("/api/experiments?dry_run=true", spec);
  if (mine !== checks) return; // a newer check is under way
  showEstimate(ok ? body : null);
  showErrors(ok ? [] : errorsOf(body));
  if (ok) showPreview(spec);
}

form.addEventListener("input", (event) => {
  if (event.target.name === "problem") chooseProblem(event.target.value);
  showFields();
  clearTimeout(timer);
  timer = setTimeout(check, PAUSE);
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  clearTimeout(timer);
  checks++;
  const button = form.querySelector("[type=submit]");
  button.disabled = true;
  const { ok, body } = await post("/api/experiments", specification());
  button.disabled = false;
  if (ok) return location.assign(body.url);
  showErrors(errorsOf(body));
  form.querySelector("[aria-invalid]")?.focus();
});

listenToAids(byPath, effective);
showProblem();
showFields();
check();
form.querySelector("[type=submit]").disabled = false;
