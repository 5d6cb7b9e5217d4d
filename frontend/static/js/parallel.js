// Parallel coordinates: the choosers leave the cells that have the chosen values; a click opens one.

const KEEPS = new Map(); // what is chosen, for when the drawing is fetched again

const chosenIn = (part) =>
  [...part.querySelectorAll("select[data-axis]")].map((select) => select.value);

function filter(part) {
  const chosen = chosenIn(part);
  KEEPS.set(part.id, chosen);
  for (const one of part.querySelectorAll("[data-picks]")) {
    const picks = one.dataset.picks.split(",");
    const stays = chosen.every((value, axis) => value === "" || value === picks[axis]);
    if (one.localName === "tr") one.hidden = !stays;
    else one.classList.toggle("out", !stays);
  }
}

document.addEventListener("change", (event) => {
  if (event.target.matches("select[data-axis]")) filter(event.target.closest("lab-fragment"));
});

document.addEventListener("fragmentload", (event) => {
  const chosen = KEEPS.get(event.target.id);
  if (!chosen) return;
  const selects = event.target.querySelectorAll("select[data-axis]");
  selects.forEach((select, axis) => (select.value = chosen[axis] ?? ""));
  filter(event.target);
});

document.addEventListener("click", (event) => {
  const line = event.target.closest?.("path[data-url]");
  if (line) location.assign(line.dataset.url);
});
