// Sliders and toggles next to the fields. They write into the text of a field, which is what is sent.

const share = document.getElementById("train-share");
const SIZES = ["dataset.n_train", "dataset.n_validation"];
const SEPARATOR = " + ";

const textOf = (field) => field.querySelector("input[type=text]");
const tidy = (text) => text.replaceAll(/\s/g, "");

// The only value of a field as a number; NaN for several values and for text.
function only(values) {
  return values.length === 1 ? Number(values[0]) : NaN;
}

// --- a slider for one number

function showSlider(slider, byPath, valuesOf) {
  const value = only(valuesOf(slider.dataset.writes));
  slider.value = Number.isNaN(value) ? 0 : value;
}

// --- the fraction of the samples to train on

function sizes(valuesOf) {
  return SIZES.map((path) => only(valuesOf(path)));
}

function showShare(valuesOf) {
  const [train, validation] = sizes(valuesOf);
  const known = train + validation > 0;
  const percent = known ? Math.round((100 * train) / (train + validation)) : 0;
  share.disabled = !known;
  if (known && document.activeElement !== share) share.value = percent;
  share.labels[0].querySelector("output").textContent = known ? `${percent} %` : "";
}

function divide(byPath, valuesOf) {
  const [train, validation] = sizes(valuesOf);
  const total = train + validation;
  const first = Math.min(total - 1, Math.max(1, Math.round((total * share.valueAsNumber) / 100)));
  [first, total - first].forEach((size, at) => (textOf(byPath.get(SIZES[at])).value = size));
}

// --- toggles for features

const toggles = [...document.querySelectorAll("[data-feature]")];

// The features in a text; "all" means both inputs.
function named(text) {
  const plain = tidy(text || "all");
  return plain === "all" ? ["x1", "x2"] : plain.split("+").filter(Boolean);
}

function showToggles(byPath, valuesOf) {
  const field = byPath.get("model.features");
  const text = textOf(field).value;
  const group = field.querySelector(".toggles");
  const flat = JSON.parse(group.dataset.sources);
  const two = valuesOf("dataset.source").every((source) => flat.includes(source));
  group.hidden = !two || text.includes(",");
  const chosen = named(text);
  for (const box of toggles) box.checked = chosen.includes(box.dataset.feature);
}

function toggle(box, byPath) {
  const text = textOf(byPath.get("model.features"));
  const others = named(text.value).filter((feature) => feature !== box.dataset.feature);
  const chosen = box.checked ? [...others, box.dataset.feature] : others;
  const isAll = chosen.length === 0 || (chosen.length === 2 && chosen.join() === "x1,x2");
  text.value = isAll ? "" : chosen.join(SEPARATOR);
}

// --- all aids

const sliders = [...document.querySelectorAll("[data-writes]")];

export function showAids(byPath, valuesOf) {
  for (const slider of sliders) showSlider(slider, byPath, valuesOf);
  showShare(valuesOf);
  showToggles(byPath, valuesOf);
}

// Listens in the capture phase, so that the form then reads the changed fields.
export function listenToAids(byPath, valuesOf) {
  document.getElementById("experiment").addEventListener(
    "input",
    ({ target }) => {
      const { writes, feature } = target.dataset;
      if (writes) textOf(byPath.get(writes)).value = target.valueAsNumber;
      if (feature) toggle(target, byPath);
      if (target === share) divide(byPath, valuesOf);
    },
    { capture: true },
  );
}
