// Chosen runs in an address: "3,7-12,40", ascending, neighbours as a stretch.

const MOST = 10_000; // as many as a request may name
const STRETCH = /^(\d{1,10})(?:-(\d{1,10}))?$/;

export function idsOf(written) {
  const found = new Set();
  for (const piece of written.split(",")) {
    const [, first, last = first] = STRETCH.exec(piece) ?? [];
    for (let id = Number(first); id <= Number(last) && found.size < MOST; id++) found.add(id);
  }
  return found;
}

export function writtenIds(ids) {
  const pieces = [];
  for (const id of [...ids].sort((a, b) => a - b)) {
    const piece = pieces.at(-1);
    if (piece?.last === id - 1) piece.last = id;
    else pieces.push({ first: id, last: id });
  }
  return pieces.map(({ first, last }) => (first === last ? first : `${first}-${last}`)).join(",");
}
