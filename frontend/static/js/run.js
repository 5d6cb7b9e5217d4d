// The run page: curves grow as points come; marks, verdict and pictures follow at a calmer pace.

import "./cancel.js";
import "./chart.js";
import "./fit_player.js";
import "./organise.js";
import "./remedies.js";
import "./retry.js";
import "./run_view.js";
import { Throttle, refreshPage } from "./refresh.js";
import { follow } from "./stream.js";

const ENDED = ["finished", "failed", "cancelled"];
const curves = () => document.querySelectorAll("#loss, #accuracy");

const refresh = new Throttle(async () => {
  await refreshPage();
  await Promise.all([...curves()].map((chart) => chart.load()));
});

// Whether the reader looks at a stretch of epochs: the server thins it anew, and adds what belongs.
const zoomed = () => /[?&](first|last)=/.test(location.search);

// Validation minus train loss, where both are given.
function gap({ train_loss: train, val_loss: validation }) {
  if (!train || !validation) return undefined;
  const above = new Map(validation.steps.map((step, index) => [step, validation.values[index]]));
  const steps = train.steps.filter((step) => above.has(step));
  const values = train.steps.flatMap((step, index) => {
    const [low, high] = [train.values[index], above.get(step)];
    return high === undefined ? [] : [low === null || high === null ? null : high - low];
  });
  return { steps, values };
}

function stayLive({ stream, revision }) {
  const close = follow(stream, revision, (kind, data) => {
    if (kind === "metric" && !zoomed()) {
      const metrics = { ...data.metrics, gap: gap(data.metrics) };
      for (const chart of curves()) chart.extend(metrics);
    }
    if (kind === "status" && ENDED.includes(data.status)) close();
    refresh.request();
  });
}

const main = document.querySelector("main");
if (main.dataset.stream) stayLive(main.dataset);
