// Charts name colours as the style sheet does; here they get the colours of the page's theme.

// Returns a copy of a figure with each "var(--name)" replaced by the page's colour of that name.
export function coloured(value, colours) {
  if (typeof value === "string") return value.startsWith("var(") ? colours(value) : value;
  if (Array.isArray(value)) return value.map((item) => coloured(item, colours));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, coloured(item, colours)]),
  );
}

// Returns a function from "var(--name)" to its colour in the current theme.
export function pageColours() {
  const known = new Map();
  const probe = document.createElement("i");
  return (variable) => {
    if (!known.has(variable)) {
      document.body.append(probe);
      probe.style.color = variable;
      known.set(variable, getComputedStyle(probe).color);
      probe.remove();
    }
    return known.get(variable);
  };
}
