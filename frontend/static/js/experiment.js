// The experiment page. While runs train, its grid, counts and progress are updated in place.

import "./cancel.js";
import "./chart.js";
import "./choices.js";
import "./choose_cells.js";
import "./collapse.js";
import "./fragment.js";
import "./grid.js";
import { grow, updateCharts } from "./live_curves.js";
import { LiveParts } from "./live_parts.js";
import "./organise.js";
import "./parallel.js";
import { catchUp, refreshPage } from "./refresh.js";
import "./remedies.js";
import "./retry.js";
import { follow } from "./stream.js";
import "./submit_preset.js";
import { Throttle } from "./throttle.js";

const CHECK_EVERY = 3000; // milliseconds, for changes without an event: a worker comes or goes

const main = document.querySelector("main");

function stayLive({ stream, revision, curves }) {
  const whole = new Throttle(async () => {
    await refreshPage();
    if (!main.dataset.stream) closeAll(); // the experiment has ended
  });
  const parts = new LiveParts(updateCharts, () => whole.request());
  const closes = [
    follow(stream, revision, (kind, _data, newest) =>
      kind === "back" ? whole.request() : parts.request(newest),
    ),
  ];
  const closeAll = () => closes.forEach((close) => close());

  if (curves) { // the loss chart of an experiment with one cell grows from the events of a run
    closes.push(follow(curves, revision, (kind, data) => kind === "metric" && grow(data.metrics)));
  }
  const check = () => {
    if (!main.dataset.stream) return;
    if (!document.hidden && document.querySelector("#absent")) parts.request();
    setTimeout(check, CHECK_EVERY);
  };
  setTimeout(check, CHECK_EVERY);
}

// Choices of the view go into the URL, which the page then shows.
function show(url) {
  history.replaceState(null, "", url);
  catchUp();
}

document.addEventListener("change", (event) => {
  const form = event.target.closest("form.choosers[method]");
  if (!form) return;
  const query = new URLSearchParams(location.search);
  for (const [name, value] of new FormData(form)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  show(`?${query}`);
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-axes]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  show(link.href);
});

if (main.dataset.stream) stayLive(main.dataset);
