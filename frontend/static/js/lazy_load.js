// Loads parts of a page lazily: those in view at once, the others one by one when the page is idle.

const MARGIN = "25%"; // of the window's height: this far outside the view counts as in view
const PAUSE = 500; // milliseconds after the page was loaded, left to the reader

const pending = new Map(); // element -> function that loads it
let inView = Promise.resolve(); // settles when the parts in view are loaded
let isLoadingRest = false;

const loaded = new Promise((resolve) => {
  if (document.readyState === "complete") resolve();
  else addEventListener("load", resolve, { once: true });
});
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const idle = () =>
  "requestIdleCallback" in window
    ? new Promise((resolve) => requestIdleCallback(resolve, { timeout: 2 * PAUSE }))
    : pause(PAUSE);

const observer = new IntersectionObserver(
  (entries) => {
    const visible = entries.filter(({ isIntersecting }) => isIntersecting);
    inView = Promise.all([inView, ...visible.map(({ target }) => load(target))]);
  },
  { rootMargin: MARGIN },
);

// Calls `work` once when the element is in view or the page is idle. A second call before that
// replaces the work.
export function loadLazily(element, work) {
  pending.set(element, work);
  observer.observe(element);
  loadRest();
}

// Cancels the pending work of an element.
export function cancelLoading(element) {
  pending.delete(element);
  observer.unobserve(element);
}

async function load(element) {
  const work = pending.get(element);
  cancelLoading(element);
  await work?.();
}

async function loadRest() {
  if (isLoadingRest) return;
  isLoadingRest = true;
  await loaded;
  await pause(PAUSE);
  while (pending.size) {
    await inView;
    await idle();
    const [first] = pending.keys();
    if (first) await load(first);
  }
  isLoadingRest = false;
}
