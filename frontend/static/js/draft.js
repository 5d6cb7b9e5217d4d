// Keeps what was typed into the form over a reload and over the browser's Back.

const key = () => `draft:${location.pathname}${location.search}`;
const inputsOf = (form) => [...form.querySelectorAll("input[id], input[name]")];
const isBox = ({ type }) => type === "checkbox" || type === "radio";
const nameOf = (input) => (isBox(input) ? `${input.name}=${input.value}` : input.id);

export function keep(form) {
  const values = inputsOf(form).map((input) => [nameOf(input), isBox(input) ? input.checked : input.value]);
  try {
    sessionStorage.setItem(key(), JSON.stringify(Object.fromEntries(values)));
  } catch {
    // the browser forbids it or is full: the form works without
  }
}

// Fills the form in again after a reload or Back. A new visit begins with the form as it was sent.
export function restore(form) {
  const [visit] = performance.getEntriesByType("navigation");
  if (visit?.type !== "reload" && visit?.type !== "back_forward") return sessionStorage.removeItem(key());
  const draft = JSON.parse(sessionStorage.getItem(key()) ?? "{}");
  for (const input of inputsOf(form)) {
    const value = draft[nameOf(input)];
    if (value === undefined) continue;
    if (isBox(input)) input.checked = value;
    else input.value = value;
  }
}
