// Printing, or saving as PDF: light colours, unfolded tables, and charts as wide as the paper.

let before; // what to restore after printing

const charts = () => document.querySelectorAll(".plot .main-svg");

function setTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  document.dispatchEvent(new Event("themechange")); // charts draw themselves again
}

addEventListener("beforeprint", () => {
  const folded = [...document.querySelectorAll("details:is(.fold, .collapse):not([open])")];
  before = { theme: document.documentElement.dataset.theme, folded };
  setTheme("light");
  for (const details of folded) details.open = true;
  // with a view box, the style sheet can scale the drawings
  for (const svg of charts()) {
    svg.setAttribute("viewBox", `0 0 ${svg.getAttribute("width")} ${svg.getAttribute("height")}`);
  }
});

addEventListener("afterprint", () => {
  if (!before) return;
  setTheme(before.theme);
  for (const details of before.folded) details.open = false;
  for (const svg of charts()) svg.removeAttribute("viewBox");
  before = undefined;
});
