// Error messages of the service in the terms of the form: labels for paths, and advice on writing.

const PATH = /(?<![\w.])(?:dataset|model|training|early_stopping)\.\w+(?:\[\d+\])?/g;
const RANGE = /^(\d+)\s*(?:-|–|…|\.{2,3}|:|to)\s*(\d+)$/;
const MAX_RANGE = 10; // values of a range that is written out
const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;
const DECIMAL_COMMA = /\b0,(?=\d)/g;

export const isNumber = (text) => NUMBER.test(text);

const labelOf = (field) => field.querySelector("legend, label").textContent.trim();

// The message with the label of each field in place of its path, and the titles of its choices.
export function withLabels(detail, byPath) {
  const named = new Set([byPath.get("dataset.source")]);
  const labelled = detail.replaceAll(PATH, (path) => {
    const field = byPath.get(path.replace(/\[\d+\]$/, ""));
    named.add(field);
    return field ? `“${labelOf(field)}”` : path;
  });
  const titles = new Map([...named].filter(Boolean).flatMap(titlesOf));
  // only where a message lists values: after is, with, a colon or a comma
  return labelled.replaceAll(/(?<=(?:\bis|\bwith|[:,]) )\w+(?=[,:;.]|$)/g, (value) => titles.get(value) ?? value);
}

const titlesOf = (field) =>
  [...field.querySelectorAll(".chip input[name]")].map(({ value, parentElement }) => [
    value,
    parentElement.textContent.trim(),
  ]);

// The numbers that a text probably means: "20;50" is 20 and 50, "1-3" is 1, 2 and 3.
function intended(text) {
  const [first, last] = (RANGE.exec(text) ?? []).slice(1).map(Number);
  const length = last - first + 1;
  if (length > 1 && length <= MAX_RANGE) return Array.from({ length }, (_, at) => first + at);
  return text.match(/\d+(?:\.\d+)?/g) ?? [];
}

// Advice on how to write a refused text; empty if its form is right.
export function advice(field) {
  const text = field.querySelector("input[type=text]")?.value.trim() ?? "";
  const { accepted = "" } = field.dataset;
  if (accepted.startsWith("a number") && text.search(DECIMAL_COMMA) >= 0) {
    return `Decimals take a point: ${text.replaceAll(DECIMAL_COMMA, "0.")}.`;
  }
  if (!/^a (whole )?number/.test(accepted)) return "";
  if ("single" in field.dataset) return text.includes(",") ? "This field holds one value." : "";
  const parts = text.split(",").map((part) => part.trim()).filter(Boolean);
  const numbers = intended(text);
  if (numbers.length < 2 || parts.every(isNumber)) return "";
  return `Several values take commas between them: ${numbers.join(", ")}.`;
}

// A remark on a text that is accepted but may be meant differently: "0,5" is two values.
export function doubt(field) {
  const text = field.querySelector("input[type=text]")?.value.trim() ?? "";
  if (!/^0,\d+$/.test(text) || !field.dataset.accepted?.startsWith("a number")) return "";
  return `These are two values, 0 and ${Number(text.slice(2))}. ${advice(field)}`;
}
