// What the service refuses, in the words of the form: fields by their labels, and how to write it.

const PATH = /(?<![\w.])(?:dataset|model|training|early_stopping)\.\w+(?:\[\d+\])?/g;
const RANGE = /^(\d+)\s*(?:-|–|…|\.{2,3}|:|to)\s*(\d+)$/;
const LONGEST = 10; // values of a range that is written out
const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;
const DECIMAL_COMMA = /\b0,(?=\d)/g;

export const isNumber = (text) => NUMBER.test(text);

const labelOf = (field) => field.querySelector("legend, label").textContent.trim();

// The sentence of a refusal, with each field called as the form calls it.
export function inWords(detail, byPath) {
  return detail.replaceAll(PATH, (path) => {
    const field = byPath.get(path.replace(/\[\d+\]$/, ""));
    return field ? `“${labelOf(field)}”` : path;
  });
}

// The numbers that a text seems to mean: "20;50" is 20 and 50, "1-3" is 1, 2 and 3.
function meant(text) {
  const [first, last] = (RANGE.exec(text) ?? []).slice(1).map(Number);
  const length = last - first + 1;
  if (length > 1 && length <= LONGEST) return Array.from({ length }, (_, at) => first + at);
  return text.match(/\d+(?:\.\d+)?/g) ?? [];
}

// How a refused text would be written; empty where it looks as it should.
export function advice(field) {
  const text = field.querySelector("input[type=text]")?.value.trim() ?? "";
  const { accepted = "" } = field.dataset;
  if (accepted.startsWith("a number") && text.search(DECIMAL_COMMA) >= 0) {
    return `Decimals take a point: ${text.replaceAll(DECIMAL_COMMA, "0.")}.`;
  }
  if (!/^a (whole )?number/.test(accepted)) return "";
  if ("single" in field.dataset) return text.includes(",") ? "This field holds one value." : "";
  const parts = text.split(",").map((part) => part.trim()).filter(Boolean);
  const numbers = meant(text);
  if (numbers.length < 2 || parts.every(isNumber)) return "";
  return `Several values take commas between them: ${numbers.join(", ")}.`;
}

// What is accepted but may be meant otherwise: "0,5" are two values.
export function doubt(field) {
  const text = field.querySelector("input[type=text]")?.value.trim() ?? "";
  if (!/^0,\d+$/.test(text) || !field.dataset.accepted?.startsWith("a number")) return "";
  return `These are two values, 0 and ${Number(text.slice(2))}. ${advice(field)}`;
}
