// The experiment page: grid, pictures and progress follow the stream; the choosers work at once.

import "./cancel.js";
import "./chart.js";
import "./choose_cells.js";
import "./fold.js";
import "./fragment.js";
import "./grid.js";
import "./parallel.js";
import "./organise.js";
import "./remedies.js";
import { Throttle, catchUp, refreshPage } from "./refresh.js";
import "./retry.js";
import { follow } from "./stream.js";

const refresh = new Throttle(refreshPage);

function stayLive({ stream, revision }) {
  const close = follow(stream, revision, (_kind, data) => {
    if (data.experiment_status && !["queued", "running"].includes(data.experiment_status)) close();
    refresh.request();
  });
}

document.addEventListener("change", (event) => {
  const form = event.target.closest("form.choosers[method]");
  if (!form) return;
  const query = new URLSearchParams(location.search);
  for (const [name, value] of new FormData(form)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  history.replaceState(null, "", `?${query}`);
  catchUp();
});

// The epoch at which variants are compared: the address says it, and the page follows.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-axes]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  history.replaceState(null, "", link.href);
  catchUp();
});

const main = document.querySelector("main");
if (main.dataset.stream) stayLive(main.dataset);

// No event says that a worker has come, or that the last one has gone.
async function lookAgain() {
  if (!document.hidden && document.querySelector("#absent")) await refreshPage().catch(() => {});
  setTimeout(lookAgain, 3000);
}
if (main.dataset.stream) setTimeout(lookAgain, 3000);
