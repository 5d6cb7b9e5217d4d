// <lab-fit>: a fit as it came about. A slider and a play button over the epochs that were kept;
// the chosen epoch is a line in the charts of the losses, and a click there chooses one.

import { choose } from "./run_view.js";

const CURSOR = "epoch of the picture";
const CALM = matchMedia("(prefers-reduced-motion: reduce)");
const rest = () => (CALM.matches ? 1000 : 150); // milliseconds from frame to frame

class LabFit extends HTMLElement {
  #frames = { epochs: [], words: [] };
  #wanted = Number(new URLSearchParams(location.search).get("at")); // 0: the newest, as it comes
  #playing; // the timer of the next frame
  #heard = new WeakSet(); // the plots whose clicks are listened to

  connectedCallback() {
    this.addEventListener("drawn", ({ detail }) => this.#take(detail.frames));
    this.addEventListener("input", () => this.#choose(this.slider.valueAsNumber));
    this.addEventListener("click", ({ target }) => this.#clicked(target.closest("button")));
    document.addEventListener("drawn", this.#listen);
  }

  disconnectedCallback() {
    this.#pause();
    document.removeEventListener("drawn", this.#listen);
  }

  get slider() {
    return this.querySelector("[type=range]");
  }

  get #last() {
    return this.#frames.epochs.length - 1;
  }

  // Takes the frames of a figure that was just drawn, and stays where the reader is.
  #take(frames) {
    this.#frames = frames;
    this.slider.max = this.#last;
    this.#show(this.#wanted ? this.#nearest(this.#wanted) : this.#last);
  }

  #nearest(epoch) {
    const distances = this.#frames.epochs.map((each) => Math.abs(each - epoch));
    return distances.indexOf(Math.min(...distances));
  }

  // Shows a frame because the reader asked for it, and says so in the address.
  #choose(index) {
    this.#pause();
    this.#wanted = index === this.#last ? 0 : this.#frames.epochs[index];
    this.#show(index);
    choose({ at: this.#wanted || "" });
  }

  #show(index) {
    const { epochs, words, y, z } = this.#frames;
    this.slider.value = index;
    this.slider.setAttribute("aria-valuetext", words[index]);
    const picture = this.querySelector("lab-chart");
    picture.replace(y ? { y: y[index] } : { z: z[index] }, (trace) => trace.meta === "fit");
    picture.describe(words[index]);
    for (const chart of document.querySelectorAll(".curves lab-chart")) {
      chart.move(CURSOR, epochs[index]);
    }
  }

  #clicked(button) {
    if (button?.dataset.play !== undefined) this.#playing ? this.#rest() : this.#play();
    if (button?.dataset.epoch) this.#choose(this.#nearest(Number(button.value) || Infinity));
  }

  #play() {
    if (this.slider.valueAsNumber >= this.#last) this.#show(0);
    this.#playing = setTimeout(() => this.#step(), rest());
    this.#label();
  }

  #step() {
    const next = Math.min(this.slider.valueAsNumber + 1, this.#last);
    this.#wanted = this.#frames.epochs[next];
    this.#show(next);
    if (next === this.#last) this.#rest();
    else this.#playing = setTimeout(() => this.#step(), rest());
  }

  // Ends playing and leaves the address at the frame that is shown.
  #rest() {
    this.#choose(this.slider.valueAsNumber);
  }

  #pause() {
    clearTimeout(this.#playing);
    this.#playing = undefined;
    this.#label();
  }

  #label() {
    this.querySelector("[data-play]").textContent = this.#playing ? "Pause" : "Play";
  }

  // A click on a curve chooses the kept epoch that is nearest to it.
  #listen = ({ target: chart }) => {
    if (this.#heard.has(chart.plot) || !chart.closest(".curves")) return;
    this.#heard.add(chart.plot);
    chart.plot.on("plotly_click", ({ points }) => this.#choose(this.#nearest(points[0].x)));
  };
}

customElements.define("lab-fit", LabFit);
