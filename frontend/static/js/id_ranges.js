// Sets of run ids as text in a URL: "3,7-12,40", ascending, with neighbouring ids as a range.

const MAX_IDS = 10_000; // the most ids that a request may name
const RANGE = /^(\d{1,10})(?:-(\d{1,10}))?$/;

// Returns the set of ids that a text names. Ignores parts that are not ids or ranges.
export function parseIds(text) {
  const ids = new Set();
  for (const part of text.split(",")) {
    const [, first, last = first] = RANGE.exec(part) ?? [];
    for (let id = Number(first); id <= Number(last) && ids.size < MAX_IDS; id++) ids.add(id);
  }
  return ids;
}

// Returns ids as text.
export function formatIds(ids) {
  const ranges = [];
  for (const id of [...ids].sort((a, b) => a - b)) {
    const range = ranges.at(-1);
    if (range?.last === id - 1) range.last = id;
    else ranges.push({ first: id, last: id });
  }
  return ranges.map(({ first, last }) => (first === last ? first : `${first}-${last}`)).join(",");
}
