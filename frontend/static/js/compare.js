// The comparison page: shows the view that its URL describes.

import "./chart.js";
import { catchUp, refreshPage } from "./refresh.js";
import { repeat } from "./throttle.js";

const REFRESH_EVERY = 2000; // milliseconds, while runs of the comparison train

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-view]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  history.pushState(null, "", link.href);
  catchUp();
});

addEventListener("popstate", catchUp);

const isActive = () => document.querySelector("main").hasAttribute("data-active");
repeat(() => isActive() && refreshPage(), REFRESH_EVERY);
