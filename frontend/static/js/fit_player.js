// <lab-fit>: plays how a fit developed, with a slider and a play button over the recorded epochs. A
// line in the loss charts marks the chosen epoch, and a click in these charts chooses one.

import { choose } from "./run_view.js";

const CURSOR = "epoch of the picture";
const CALM = matchMedia("(prefers-reduced-motion: reduce)");
const framePause = () => (CALM.matches ? 1000 : 150); // milliseconds

class LabFit extends HTMLElement {
  #frames = { epochs: [], words: [] };
  #wanted = Number(new URLSearchParams(location.search).get("at")); // epoch; 0: always the newest
  #playing; // the timer of the next frame
  #clickable = new WeakSet(); // plots with a click handler

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

  // Takes the frames of a figure that was just drawn. The chosen epoch stays.
  #take(frames) {
    this.#frames = frames;
    this.slider.max = this.#last;
    this.#show(this.#wanted ? this.#nearest(this.#wanted) : this.#last);
  }

  #nearest(epoch) {
    const distances = this.#frames.epochs.map((each) => Math.abs(each - epoch));
    return distances.indexOf(Math.min(...distances));
  }

  // Shows the frame that the reader chose, and writes its epoch into the URL.
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
    if (button?.dataset.play !== undefined) this.#playing ? this.#stop() : this.#play();
    if (button?.dataset.epoch) this.#choose(this.#nearest(Number(button.value) || Infinity));
  }

  #play() {
    if (this.slider.valueAsNumber >= this.#last) this.#show(0);
    this.#playing = setTimeout(() => this.#step(), framePause());
    this.#label();
  }

  #step() {
    const next = Math.min(this.slider.valueAsNumber + 1, this.#last);
    this.#wanted = this.#frames.epochs[next];
    this.#show(next);
    if (next === this.#last) this.#stop();
    else this.#playing = setTimeout(() => this.#step(), framePause());
  }

  // Stops playing and writes the current epoch into the URL.
  #stop() {
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

  // A click on a curve chooses the nearest recorded epoch.
  #listen = ({ target: chart }) => {
    if (this.#clickable.has(chart.plot) || !chart.closest(".curves")) return;
    this.#clickable.add(chart.plot);
    chart.plot.on("plotly_click", ({ points }) => this.#choose(this.#nearest(points[0].x)));
  };
}

customElements.define("lab-fit", LabFit);
