// <lab-chart src="...">: fetches a chart's JSON, draws it in the page's colours, and lets it grow.

import { getJson } from "./api.js";
import { coloured, pageColours } from "./colours.js";
import { lowest, moveMarks, newPoints, thin } from "./curve_growth.js";
import { cancelLoading, loadLazily } from "./lazy_load.js";
import { FORMATS, save } from "./save.js";

const CONFIG = {
  responsive: false,
  displaylogo: false,
  modeBarButtons: [["zoom2d", "pan2d", "resetScale2d"]],
};

const RETRY_AFTER = 3000; // milliseconds
const MAX_POINTS = 3000; // of a growing line; above, it is thinned to half of that
const EMPTY = {
  xaxis: { visible: false },
  yaxis: { visible: false },
  paper_bgcolor: "transparent",
  plot_bgcolor: "transparent",
};

let library; // a promise, once requested

// Loads Plotly.js, which is large, with the first chart: the page does not wait for it.
function plotly() {
  return (library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = document.querySelector("link[data-plotly]").href;
    script.onload = resolve;
    script.onerror = () => {
      library = undefined;
      script.remove();
      reject(new Error("Plotly.js cannot be loaded"));
    };
    document.head.append(script);
  }));
}

class LabChart extends HTMLElement {
  static observedAttributes = ["src"];

  #figure; // as the server sent it, with the points that came since
  #loads = 0;
  #moved = {}; // name of a vertical line -> epoch that it was moved to
  #since; // points that come while a figure is loading
  #pending = {}; // index of a trace -> points of the figure that are not drawn yet
  #mustRedraw = false; // more has changed than new points
  #isDirty = false; // something has changed since the last drawing began
  #drawing; // timer of the next drawing
  #pause = 0; // milliseconds between new points and their drawing
  #resizing = new ResizeObserver(() => this.#resize());

  connectedCallback() {
    this.#resizing.observe(this);
    document.addEventListener("themechange", this.#draw);
    if (!this.querySelector(".menu")) this.#offerFiles();
    loadLazily(this, () => this.load());
  }

  disconnectedCallback() {
    cancelLoading(this);
    this.#resizing.disconnect();
    clearTimeout(this.#drawing);
    document.removeEventListener("themechange", this.#draw);
    globalThis.Plotly?.purge(this.plot);
  }

  attributeChangedCallback(_name, before, after) {
    if (before && before !== after && this.isConnected) loadLazily(this, () => this.load());
  }

  get plot() {
    return this.querySelector(".plot");
  }

  // Fetches the figure again and draws it. The reader's zoom and hidden lines stay.
  async load() {
    const mine = ++this.#loads;
    cancelLoading(this);
    this.#since = [];
    const figure = await fetchFigure(this.getAttribute("src"));
    if (mine !== this.#loads) return; // a newer request is under way
    if (!figure) {
      if (!this.#figure) this.describe("This chart cannot be loaded at the moment. Trying again.");
      setTimeout(() => mine === this.#loads && this.isConnected && this.load(), RETRY_AFTER);
      return;
    }
    this.#figure = figure;
    this.#place(figure);
    const since = this.#since;
    this.#since = undefined;
    for (const metrics of since) this.#append(metrics);
    await this.#draw();
    this.describe(figure.description, figure.caption);
    this.plot.toggleAttribute("data-lawless", figure.lawless === true);
    this.dispatchEvent(new CustomEvent("drawn", { detail: figure, bubbles: true }));
  }

  // Replaces values of the traces for which `isWanted` holds: {x: [...]}, {z: [...]}.
  replace(values, isWanted) {
    if (!this.#figure) return; // not loaded yet
    const indices = this.#figure.data.flatMap((trace, index) => (isWanted(trace) ? [index] : []));
    for (const index of indices) Object.assign(this.#figure.data[index], values);
    const update = Object.entries(values).map(([name, value]) => [name, indices.map(() => value)]);
    Plotly.restyle(this.plot, Object.fromEntries(update), indices);
  }

  // Moves the vertical line of that name and shows it. It stays there when the figure is fetched again.
  move(name, x) {
    this.#moved[name] = x;
    const index = this.#figure?.layout.shapes?.findIndex((shape) => shape.name === name) ?? -1;
    if (index < 0) return;
    this.#place(this.#figure);
    const at = `shapes[${index}]`;
    Plotly.relayout(this.plot, { [`${at}.x0`]: x, [`${at}.x1`]: x, [`${at}.visible`]: true });
  }

  #place({ layout }) {
    for (const shape of layout.shapes ?? []) {
      const x = this.#moved[shape.name];
      if (x !== undefined) Object.assign(shape, { x0: x, x1: x, visible: true });
    }
  }

  // Adds new points of a run: {key: {steps, values}}. Steps that are drawn already are ignored.
  extend(metrics) {
    this.#since?.push(metrics);
    if (this.#figure) this.#append(metrics);
  }

  // Marks an epoch, such as the early stop; null removes the mark.
  mark(name, epoch) {
    const marks = this.#figure?.marks;
    if (!marks || marks[name] === epoch) return;
    marks[name] = epoch;
    this.#moveMarks();
    this.#drawSoon();
  }

  // Adds the points that are new to the figure.
  #append(metrics) {
    const figure = this.#figure;
    figure.data.forEach((trace, index) => {
      const { x, y } = newPoints(trace, metrics[trace.meta]);
      if (!x.length) return;
      trace.x.push(...x);
      trace.y.push(...y);
      const pending = (this.#pending[index] ??= { x: [], y: [] });
      pending.x.push(...x);
      pending.y.push(...y);
      if (trace.mode === "lines+markers") {
        trace.mode = "lines"; // a single point was drawn as a dot
        this.#mustRedraw = true;
      }
    });
    if (figure.marks) {
      figure.best = lowest(figure.best, metrics.val_loss);
      figure.marks["best epoch"] = figure.best?.epoch ?? null;
      this.#moveMarks();
    }
    this.#thin();
    this.#drawSoon();
  }

  get #growing() {
    return this.#figure.data.filter((trace) => trace.meta);
  }

  #thin() {
    if (this.#growing.every(({ x }) => x.length <= MAX_POINTS)) return;
    thin(this.#growing, MAX_POINTS / 2, this.#figure.layout.xaxis.type === "log");
    this.#mustRedraw = true;
  }

  // Moves the marks in the figure and in its drawing, which shows them when it is drawn next.
  #moveMarks() {
    const { marks, layout } = this.#figure;
    const last = Math.max(1, ...this.#growing.map(({ x }) => x.at(-1) ?? 1));
    moveMarks(layout, marks, last);
    if (this.plot.layout?.shapes) moveMarks(this.plot.layout, marks, last);
  }

  #drawSoon() {
    this.#isDirty = true;
    this.#drawing ??= setTimeout(() => this.#grow(), this.#pause);
  }

  // Draws what changed. Drawing takes a third of the time at most, however fast points come.
  async #grow() {
    const begun = performance.now();
    this.#isDirty = false;
    await this.#drawChanges().catch((error) => console.warn("could not draw new points:", error));
    this.#pause = 2 * (performance.now() - begun);
    this.#drawing = undefined;
    if (this.#isDirty) this.#drawSoon();
  }

  async #drawChanges() {
    if (this.#mustRedraw) return this.#draw();
    const pending = Object.entries(this.#pending);
    if (!pending.length) return Plotly.redraw(this.plot);
    this.#pending = {};
    const update = { x: pending.map(([, { x }]) => x), y: pending.map(([, { y }]) => y) };
    return Plotly.extendTraces(this.plot, update, pending.map(([index]) => Number(index)));
  }

  #draw = async () => {
    if (!this.#figure) return;
    this.#pending = {}; // the figure contains them
    this.#mustRedraw = false;
    const { data, layout } = coloured(this.#figure, pageColours());
    await Plotly.react(this.plot, data, layout, CONFIG);
    // screen readers get the chart's description instead of its labels and ticks one by one
    for (const svg of this.plot.querySelectorAll(".main-svg")) svg.setAttribute("aria-hidden", "true");
  };

  // Adds a menu of the formats that the chart can be saved in.
  #offerFiles() {
    const menu = document.createElement("details");
    menu.className = "menu";
    const title = this.plot.getAttribute("aria-label");
    const items = Object.entries(FORMATS).map(([format, label]) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = label;
      button.addEventListener("click", async () => {
        menu.open = false;
        await save(this.plot, this.id, format);
      });
      const item = document.createElement("li");
      item.append(button);
      return item;
    });
    const summary = document.createElement("summary");
    summary.textContent = "Save";
    summary.setAttribute("aria-label", `Save the chart: ${title}`);
    const list = document.createElement("ul");
    list.append(...items);
    menu.append(summary, list);
    this.querySelector("figure").append(menu);
  }

  // Sets the text alternative; the visible caption may leave out what the picture shows.
  describe(sentence, caption = sentence) {
    this.plot.setAttribute("aria-label", sentence);
    this.querySelector("figcaption").textContent = caption;
  }

  #resize() {
    if (matchMedia("print").matches) return; // print.css scales what is drawn
    if (this.plot.classList.contains("js-plotly-plot")) Plotly.Plots.resize(this.plot);
  }
}

// Resolves to a figure, an empty one with an explanation if it does not exist, or null if the
// service is unreachable.
async function fetchFigure(src) {
  const [{ ok, status, body }] = await Promise.all([getJson(src), plotly().catch(() => null)]);
  if (!globalThis.Plotly) return null;
  if (ok) return body;
  return status >= 400 && status < 500 ? { data: [], layout: EMPTY, description: body.detail } : null;
}

customElements.define("lab-chart", LabChart);
