// The home page: starts a preset with one click and keeps the list of experiments up to date.

import { refreshPage } from "./refresh.js";
import "./submit_preset.js";
import { repeat } from "./throttle.js";

// MLflow's client prints such links to the home page. The fragment never reaches the server.
const CLIENT_LINK = /^#\/experiments\/([\w-]+)(?:\/runs\/([\w-]+))?/;
const link = CLIENT_LINK.exec(location.hash);
if (link) {
  const [, experiment, run] = link;
  location.replace(run ? `/runs/of-client/${run}` : `/experiments/of-client/${experiment}`);
}

const REFRESH_EVERY = 1500; // milliseconds, while an experiment runs

const isActive = () => document.querySelector("main").hasAttribute("data-active");
repeat(() => isActive() && refreshPage(), REFRESH_EVERY);
