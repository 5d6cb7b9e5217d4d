// The service's own page brings itself up to date.

import { refreshPage } from "./refresh.js";

const REFRESH_EVERY = 3000;

async function keepUp() {
  if (!document.hidden) await refreshPage().catch(() => {}); // the next one may succeed
  setTimeout(keepUp, REFRESH_EVERY);
}

setTimeout(keepUp, REFRESH_EVERY);
