// Looks now and then whether the service is there, and whether anyone is there to train.

import { lost } from "./banner.js";

const EVERY = 5000;
const PATIENCE = 10000; // a service that says nothing for so long is as good as away

async function look() {
  if (!document.hidden) show(await health());
  setTimeout(look, EVERY);
}

async function health() {
  try {
    const response = await fetch("/api/health", { signal: AbortSignal.timeout(PATIENCE) });
    if (response.status === 401) return { refused: true };
    if (response.status === 503) return { away: (await response.json()).detail };
    return response.ok ? await response.json() : undefined;
  } catch {
    return undefined;
  }
}

function show(found) {
  lost("service", !found);
  const banner = document.getElementById("no-worker");
  if (found?.refused) {
    banner.hidden = false;
    banner.textContent = "This lab asks for its token again. Reload the page to give it.";
    return;
  }
  const hindered = found && hindrance(found);
  if (hindered) {
    banner.hidden = false;
    banner.textContent = hindered;
    return;
  }
  const waits = found ? found.queued + found.running : 0;
  banner.hidden = !waits || found.workers?.length > 0;
  if (!banner.hidden) {
    const runs = `${waits.toLocaleString("en")} ${waits === 1 ? "run waits" : "runs wait"}`;
    const who = found.broker ? "No worker is there" : "The broker is away";
    banner.textContent = `${who}: ${runs} until one is. Nothing is lost.`;
  }
}

function hindrance({ away, disk_full, read_only }) {
  if (away) return `${away} Workers keep what they train until it is recorded.`;
  if (disk_full)
    return "The disk is full: nothing can be recorded until there is room. Nothing is lost.";
  if (read_only)
    return "The database takes no writes: what is trained waits until it does. Nothing is lost.";
}

setTimeout(look, EVERY / 2);
