// The experiment page: grid, pictures and progress follow the stream; the choosers work at once.

import "./cancel.js";
import "./chart.js";
import { Throttle, refreshPage } from "./refresh.js";
import { follow } from "./stream.js";

const refresh = new Throttle(refreshPage);

function stayLive({ stream, revision }) {
  const close = follow(stream, revision, (_kind, data) => {
    if (data.experiment_status && !["queued", "running"].includes(data.experiment_status)) close();
    refresh.request();
  });
}

document.addEventListener("change", (event) => {
  const form = event.target.closest("#choosers");
  if (!form) return;
  history.replaceState(null, "", `?${new URLSearchParams(new FormData(form))}`);
  refreshPage();
});

const main = document.querySelector("main");
if (main.dataset.stream) stayLive(main.dataset);
