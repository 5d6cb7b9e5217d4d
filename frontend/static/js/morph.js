// Changes one DOM tree into another in place, so that focus, scroll position and state survive.
//
// Children are matched by key: their id, else their data-key. Children without a key are matched in
// order with those of the same element name. An element can keep parts of itself for its script:
// data-owns="children" leaves its children alone, data-owns="all" its attributes too. A <details>
// keeps its open state.

const keyOf = (node) => node.id || node.dataset?.key || "";
const owns = (node) => node.dataset?.owns;

// Changes `from` into `to`; replaces it if it is another kind of node or has another key.
export function morph(from, to) {
  if (from.isEqualNode(to)) return;
  if (from.nodeType !== Node.ELEMENT_NODE || slotOf(from) !== slotOf(to)) {
    from.replaceWith(to.cloneNode(true));
    return;
  }
  if (owns(from) === "all") return;
  copyAttributes(from, to);
  if (owns(from) !== "children") morphChildren(from, [...to.childNodes]);
}

// Changes the children of `parent` into copies of `wanted`.
export function morphChildren(parent, wanted) {
  const matches = matched([...parent.childNodes], wanted);
  const staying = new Set(matches);
  for (const child of [...parent.childNodes]) if (!staying.has(child)) child.remove();
  let next = parent.firstChild;
  wanted.forEach((child, index) => {
    const match = matches[index];
    if (!match) return parent.insertBefore(child.cloneNode(true), next);
    if (match === next) next = next.nextSibling;
    else parent.insertBefore(match, next);
    morph(match, child);
  });
}

// Returns, for each wanted node, the old node that becomes it, or undefined.
function matched(old, wanted) {
  const candidates = new Map();
  for (const node of old) {
    const slot = slotOf(node);
    if (candidates.has(slot)) candidates.get(slot).push(node);
    else candidates.set(slot, [node]);
  }
  return wanted.map((node) => candidates.get(slotOf(node))?.shift());
}

// Nodes of one slot can become each other.
const slotOf = (node) => `${node.nodeName} ${keyOf(node)}`;

function copyAttributes(from, to) {
  for (const { name, value } of to.attributes) {
    if (from.getAttribute(name) !== value && name !== "open") from.setAttribute(name, value);
  }
  for (const { name } of [...from.attributes]) {
    if (!to.hasAttribute(name) && name !== "open") from.removeAttribute(name);
  }
}
