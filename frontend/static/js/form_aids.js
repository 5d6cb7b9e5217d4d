// Sliders and toggles beside the fields. They write into the text of a field, which alone counts.

const share = document.getElementById("train-share");
const SIZES = ["dataset.n_train", "dataset.n_validation"];
const SEPARATOR = " + ";

const textOf = (field) => field.querySelector("input[type=text]");
const tidy = (text) => text.replaceAll(/\s/g, "");

// The one value of a field as a number; NaN of a list, or of what is none.
function only(values) {
  return values.length === 1 ? Number(values[0]) : NaN;
}

// --- a slider for one number

function showSlider(slider, byPath, effective) {
  const value = only(effective(slider.dataset.writes));
  slider.value = Number.isNaN(value) ? 0 : value;
}

// --- the share to train on

function sizes(effective) {
  return SIZES.map((path) => only(effective(path)));
}

function showShare(effective) {
  const [train, validation] = sizes(effective);
  const known = train + validation > 0;
  const told = known ? `${Math.round((100 * train) / (train + validation))} %` : "";
  share.disabled = !known;
  if (known && document.activeElement !== share) share.value = parseInt(told, 10);
  share.labels[0].querySelector("output").textContent = told;
}

function divide(byPath, effective) {
  const [train, validation] = sizes(effective);
  const total = train + validation;
  const first = Math.min(total - 1, Math.max(1, Math.round((total * share.valueAsNumber) / 100)));
  [first, total - first].forEach((size, at) => (textOf(byPath.get(SIZES[at])).value = size));
}

// --- toggles for features

const toggles = [...document.querySelectorAll("[data-feature]")];

// The features that a text names; "all" are both inputs.
function named(text) {
  const plain = tidy(text || "all");
  return plain === "all" ? ["x1", "x2"] : plain.split("+").filter(Boolean);
}

function showToggles(byPath, effective) {
  const field = byPath.get("model.features");
  const text = textOf(field).value;
  const group = field.querySelector(".toggles");
  const flat = JSON.parse(group.dataset.sources);
  const two = effective("dataset.source").every((source) => flat.includes(source));
  group.hidden = !two || text.includes(",");
  const chosen = named(text);
  for (const box of toggles) box.checked = chosen.includes(box.dataset.feature);
}

function toggle(box, byPath) {
  const text = textOf(byPath.get("model.features"));
  const kept = named(text.value).filter((feature) => feature !== box.dataset.feature);
  const chosen = box.checked ? [...kept, box.dataset.feature] : kept;
  const isAll = chosen.length === 0 || (chosen.length === 2 && chosen.join() === "x1,x2");
  text.value = isAll ? "" : chosen.join(SEPARATOR);
}

// --- all of them

const sliders = [...document.querySelectorAll("[data-writes]")];

export function showAids(byPath, effective) {
  for (const slider of sliders) showSlider(slider, byPath, effective);
  showShare(effective);
  showToggles(byPath, effective);
}

// Listens before the form does, which then reads the fields.
export function listenToAids(byPath, effective) {
  document.getElementById("experiment").addEventListener(
    "input",
    ({ target }) => {
      const { writes, feature } = target.dataset;
      if (writes) textOf(byPath.get(writes)).value = target.valueAsNumber;
      if (feature) toggle(target, byPath);
      if (target === share) divide(byPath, effective);
    },
    { capture: true },
  );
}
