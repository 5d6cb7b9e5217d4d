// What is in sight is fetched at once; the rest of the page one by one, once nothing else is to do.

const NEARLY = "25%"; // of the window's height: what is about to come into sight
const PAUSE = 500; // milliseconds after the page was loaded, which are the reader's

const waiting = new Map(); // what to do for an element, by element
let underWay = Promise.resolve();
let resting = false;

const loaded = new Promise((resolve) => {
  if (document.readyState === "complete") resolve();
  else addEventListener("load", resolve, { once: true });
});
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const idle = () =>
  "requestIdleCallback" in window
    ? new Promise((resolve) => requestIdleCallback(resolve, { timeout: 2 * PAUSE }))
    : pause(PAUSE);

const sight = new IntersectionObserver(
  (entries) => {
    const some = entries.filter(({ isIntersecting }) => isIntersecting).map(({ target }) => begin(target));
    underWay = Promise.all([underWay, ...some]);
  },
  { rootMargin: NEARLY },
);

// Does `work` for an element when its turn comes; asked for again meanwhile, it is done once.
export function inTurn(element, work) {
  waiting.set(element, work);
  sight.observe(element);
  doTheRest();
}

// Forgets what waits for an element.
export function noTurn(element) {
  waiting.delete(element);
  sight.unobserve(element);
}

async function begin(element) {
  const work = waiting.get(element);
  noTurn(element);
  await work?.();
}

async function doTheRest() {
  if (resting) return;
  resting = true;
  await loaded;
  await pause(PAUSE);
  while (waiting.size) {
    await underWay;
    await idle();
    const [first] = waiting.keys();
    if (first) await begin(first);
  }
  resting = false;
}
