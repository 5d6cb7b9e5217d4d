// Watches the service and shows a banner if runs cannot be trained or recorded. On every page.

import { getJson } from "./api.js";
import { reportConnection } from "./connection_banner.js";
import { count } from "./format.js";
import { repeat } from "./throttle.js";

const CHECK_EVERY = 5000; // milliseconds
const TIMEOUT = 10000; // milliseconds without an answer, after which the service counts as unreachable

async function check() {
  const { ok, status, body } = await getJson("/api/health", { timeout: TIMEOUT });
  reportConnection("health", { isLost: !ok && status !== 401 && status !== 503 });
  const sentence = warning(ok, status, body);
  const banner = document.getElementById("no-worker");
  banner.hidden = !sentence;
  banner.textContent = sentence;
}

// Returns the banner's sentence for an answer of /api/health, "" if nothing is wrong.
export function warning(ok, status, health) {
  if (status === 401) return "You are signed out. Reload the page to sign in again.";
  if (status === 503) return `${health.detail} Workers keep their results until they can be recorded.`;
  if (!ok) return "";
  if (health.disk_full) {
    return "The disk is full. Workers keep their results until there is space to record them.";
  }
  if (health.read_only) {
    return "The database is read-only. Workers keep their results until they can be recorded.";
  }
  const waiting = health.queued + health.running;
  if (!waiting || health.workers?.length) return "";
  const runs = `${count(waiting, "run")} ${waiting === 1 ? "is" : "are"} waiting`;
  const start = waiting === 1 ? "it starts" : "they start";
  return health.broker
    ? `No worker is running. ${runs}; ${start} when a worker does.`
    : `The message broker is unreachable. ${runs}; ${start} when it is back.`;
}

repeat(check, CHECK_EVERY, CHECK_EVERY / 2);
