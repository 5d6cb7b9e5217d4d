// The run page. While the run trains, its curves grow from events and the parts that depend on them
// are updated.

import "./cancel.js";
import "./chart.js";
import "./choices.js";
import { followConsole } from "./console.js";
import "./fit_player.js";
import { grow, reloadCurves, updateCharts } from "./live_curves.js";
import { LiveParts } from "./live_parts.js";
import "./metric_list.js";
import "./organise.js";
import { refreshPage } from "./refresh.js";
import "./remedies.js";
import "./retry.js";
import "./run_view.js";
import { follow } from "./stream.js";
import { Throttle } from "./throttle.js";

const main = document.querySelector("main");

const LIST_EVERY = 5000; // milliseconds

// The curves of an external run are those of its diagnosis, so they are loaded again with it.
const logged = {
  curves: new Throttle(reloadCurves),
  list: new Throttle(() => document.getElementById("metric-list")?.load(), LIST_EVERY),
};

function show(kind, data) {
  if (!main.hasAttribute("data-logged")) {
    if (kind === "metric") grow(data.metrics);
  } else if (kind === "metric") logged.list.request();
  else if (kind === "diagnosis") logged.curves.request();
}

function stayLive({ stream, revision }) {
  const whole = new Throttle(async () => {
    await refreshPage();
    await reloadCurves();
    if (!main.dataset.stream) close(); // the run has ended
  });
  const parts = new LiveParts(updateCharts, () => whole.request());
  const close = follow(stream, revision, (kind, data, newest) => {
    show(kind, data);
    // the status changed, the first epoch came, or the connection is back
    const isNewStage = main.hasAttribute("data-empty") || !["metric", "diagnosis"].includes(kind);
    if (isNewStage) whole.request();
    else parts.request(newest);
  });
}

followConsole();
if (main.dataset.stream) stayLive(main.dataset);
