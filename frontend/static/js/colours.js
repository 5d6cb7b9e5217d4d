// Figures name colours as the style sheet does; here they get those of the page's theme.

// Returns a copy of a figure in which each "var(--name)" is the page's colour of that name.
export function coloured(value, colours) {
  if (typeof value === "string") return value.startsWith("var(") ? colours(value) : value;
  if (Array.isArray(value)) return value.map((item) => coloured(item, colours));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, coloured(item, colours)]),
  );
}

// Returns a function from "var(--name)" to the colour that the page's theme gives it now.
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
