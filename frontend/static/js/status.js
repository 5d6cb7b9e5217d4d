// The status page: keeps itself up to date.

import { refreshPage } from "./refresh.js";
import { repeat } from "./throttle.js";

const REFRESH_EVERY = 3000; // milliseconds

repeat(refreshPage, REFRESH_EVERY);
