// The page of answers: shows the newest state while runs train.

import { getHtml } from "./api.js";
import { apply } from "./refresh.js";

const PAUSE = 2000; // ms between two readings

async function follow() {
  const main = document.getElementById("main");
  if (!main.dataset.running) return;
  const { ok, body } = await getHtml(location.href);
  const fresh = ok && body.getElementById("main");
  if (fresh) {
    apply(main, fresh);
    main.dataset.running = fresh.dataset.running;
  }
  setTimeout(follow, PAUSE);
}

setTimeout(follow, PAUSE);
