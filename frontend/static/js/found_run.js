// A run that was found in logs: its card, filled in from a preview, and a person's corrections.

import { count } from "./format.js";
import { lossPaths } from "./loss_paths.js";

const OTHERS = "others";
const SIGNIFICANT = 4; // digits of a loss

const $ = (card, field) => card.querySelector(`[data-field="${field}"]`);

// Returns the card of a run. `onChoice` is called when other losses are chosen.
export function makeCard(run, onChoice) {
  const template = document.getElementById("found-run");
  const card = template.content.firstElementChild.cloneNode(true);
  card.dataset.label = run.label;
  card.setAttribute("aria-label", run.label);
  $(card, "name").value = run.name;
  $(card, "pair").addEventListener("change", () => {
    const asks = $(card, "pair").value === OTHERS;
    card.querySelector("[data-part]").hidden = !asks;
    if (asks) $(card, "train").focus();
    else onChoice();
  });
  for (const part of ["train", "validation"]) {
    $(card, part).addEventListener("change", () => {
      if ($(card, "train").value && $(card, "validation").value) onChoice();
    });
  }
  return card;
}

// Shows a preview in a card. What a person entered stays.
export function fillCard(card, run, tones) {
  const { preview } = run;
  const verdict = card.querySelector(".verdict");
  verdict.textContent = run.verdict;
  verdict.className = `verdict ${tones[run.verdict] ?? "tone-unknown"}`;
  card.querySelector(".sentence").textContent = preview.sentence;
  draw(card, preview);
  fillPairs(card, preview);
  const notes = run.notes.filter((note) => !preview.sentence.includes(note));
  card.querySelector(".notes").replaceChildren(...notes.map((note) => item(sentence(note))));
}

// Returns the corrections of a run as the service reads them.
export function corrections(card) {
  if (!$(card, "wanted").checked) return { skip: true };
  const chosen = $(card, "pair").value;
  const [train, validation] =
    chosen === OTHERS ? [$(card, "train").value, $(card, "validation").value] : pairOf(chosen);
  const losses = train && validation ? { train, validation } : {};
  return { name: $(card, "name").value, ...losses };
}

export const isWanted = (card) => $(card, "wanted").checked;

// The pair that the names decide is not a choice: its value is empty.
const pairOf = (value) => (value ? JSON.parse(value) : []);

function draw(card, { train_line: train, validation_line: validation, epochs, unit }) {
  const chart = card.querySelector("svg");
  const paths = train && validation && lossPaths(train, validation);
  chart.toggleAttribute("hidden", !paths);
  card.querySelector(".extent").replaceChildren();
  if (!paths) return;
  chart.querySelector(".train-line").setAttribute("d", paths.train);
  chart.querySelector(".val-line").setAttribute("d", paths.validation);
  const [low, high] = [paths.low, paths.high].map((value) => Number(value.toPrecision(SIGNIFICANT)));
  const extent = `${low} to ${high}${paths.isLog ? " (logarithmic)" : ""}, ${count(epochs, unit)}`;
  chart.setAttribute("aria-label", `Train and validation loss: ${extent}`);
  const [trainWord, validationWord] = ["train", "validation"].map((word) => {
    const span = document.createElement("span");
    span.className = word;
    span.textContent = word;
    return span;
  });
  card.querySelector(".extent").append(trainWord, ", ", validationWord, `: ${extent}`);
}

// The first preview has the pair that the names decide; later ones have the chosen pair.
function fillPairs(card, { train, validation, alternatives, metrics }) {
  const select = $(card, "pair");
  if (select.options.length) return;
  const automatic = train ? `${train} and ${validation}` : "none";
  select.append(new Option(automatic, ""));
  for (const pair of alternatives) {
    select.append(new Option(pair.join(" and "), JSON.stringify(pair)));
  }
  if (metrics.length > 1) select.append(new Option("other series…", OTHERS));
  for (const part of ["train", "validation"]) {
    const options = metrics.map((name) => new Option(name, name));
    $(card, part).replaceChildren(new Option("choose one", ""), ...options);
  }
}

function item(text) {
  const element = document.createElement("li");
  element.textContent = text;
  return element;
}

const sentence = (note) => `${note[0].toUpperCase()}${note.slice(1)}.`;
