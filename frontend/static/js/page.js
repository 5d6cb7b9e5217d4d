// Behaviour of every page: theme button, times in the reader's zone, copy buttons, menus.

import "./print.js";
import "./service_watch.js";
import { localiseTimes } from "./times.js";

const THEMES = { system: "follow the system", light: "light", dark: "dark" };

function setUpTheme(button) {
  const root = document.documentElement;
  const current = () => root.dataset.theme ?? "system";
  const label = () => {
    button.setAttribute("aria-label", `Colours: ${THEMES[current()]}. Change`);
    button.title = `Colours: ${THEMES[current()]}`;
  };
  button.addEventListener("click", () => {
    const names = Object.keys(THEMES);
    const next = names[(names.indexOf(current()) + 1) % names.length];
    if (next === "system") {
      delete root.dataset.theme;
      localStorage.removeItem("theme");
    } else {
      root.dataset.theme = next;
      localStorage.setItem("theme", next);
    }
    label();
    document.dispatchEvent(new Event("themechange"));
  });
  label();
  button.hidden = false;
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
  document.dispatchEvent(new Event("themechange")),
);

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
  button.textContent = "Copied";
});

// A menu closes by a click elsewhere and by Escape, which leaves the focus on its button.
document.addEventListener("click", ({ target }) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(target) || target.closest("a, button")) menu.open = false;
  }
});
// A menu with a text field puts the cursor there. The event does not bubble.
document.addEventListener(
  "toggle",
  ({ target }) => {
    if (!target.open || !target.matches("details.menu")) return;
    target.querySelector("form :is(input[type=text], textarea)")?.focus();
  },
  true,
);
document.addEventListener("keydown", ({ key, target }) => {
  const menu = key === "Escape" && target.closest?.("details.menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

setUpTheme(document.getElementById("theme"));
localiseTimes(document);
