// Limits how often work is done.

const pauseFor = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// Runs `work` at once, then at most once per `pause` milliseconds, and never twice at a time. After
// work that took long the pause is COST_FACTOR times as long as the work, so that a slow page is
// requested less often. `work` may resolve to a longer pause, in milliseconds.
const COST_FACTOR = 4;

export class Throttle {
  #work;
  #pause;
  #busy = false;
  #requested = false;

  constructor(work, pause = 1000) {
    this.#work = work;
    this.#pause = pause;
  }

  async request() {
    this.#requested = true;
    if (this.#busy) return;
    this.#busy = true;
    while (this.#requested) {
      this.#requested = false;
      await pauseFor(await this.#run());
    }
    this.#busy = false;
  }

  // Does the work once; resolves to the milliseconds to wait before it may be done again.
  async #run() {
    const begun = performance.now();
    let wanted = 0;
    try {
      wanted = Number(await this.#work()) || 0;
    } catch (error) {
      console.warn("could not refresh:", error);
    }
    return Math.max(this.#pause, wanted, COST_FACTOR * (performance.now() - begun));
  }
}

// Does `work` every `pause` milliseconds while the page is visible, less often if it takes long.
export function repeat(work, pause, firstPause = pause) {
  const throttle = new Throttle(() => (document.hidden ? undefined : work()), pause);
  const next = () => throttle.request().then(next);
  setTimeout(next, firstPause);
}
