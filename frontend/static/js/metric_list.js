// The searchable list of metrics of a run: a form and links that change the URL of a <lab-fragment>.
// A metric is drawn when it is opened, because a run may have thousands.

import "./fragment.js";
import { Throttle } from "./throttle.js";

const SEARCH_EVERY = 200; // milliseconds, while somebody types

const search = new Throttle(async () => {
  for (const form of document.querySelectorAll("form[data-fragment]")) {
    const chosen = new URLSearchParams(new FormData(form));
    show(form.dataset.fragment, `${form.getAttribute("action")}?${chosen}`);
  }
}, SEARCH_EVERY);

function show(id, src) {
  const fragment = document.getElementById(id);
  if (fragment.getAttribute("src") !== src) fragment.setAttribute("src", src);
}

document.addEventListener("toggle", ({ target }) => {
  const chart = target.open && target.closest(".metric-list") && target.querySelector("template");
  if (chart && !target.querySelector("lab-chart")) target.append(chart.content.cloneNode(true));
}, true); // it does not bubble

document.addEventListener("input", (event) => {
  if (event.target.form?.matches("form[data-fragment]")) search.request();
});

document.addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-fragment]")) return;
  event.preventDefault();
  search.request();
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-fragment]");
  if (!link) return;
  event.preventDefault();
  show(link.dataset.fragment, link.getAttribute("href"));
});
