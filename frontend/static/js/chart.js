// <lab-chart src="...">: fetches a figure's JSON, draws it in the page's colours, and lets it grow.

import { coloured, pageColours } from "./colours.js";
import { FORMATS, save } from "./save.js";
import { inTurn, noTurn } from "./turns.js";

const CONFIG = {
  responsive: false,
  displaylogo: false,
  modeBarButtons: [["zoom2d", "pan2d", "resetScale2d"]],
};

const RETRY_AFTER = 3000;
const EMPTY = {
  xaxis: { visible: false },
  yaxis: { visible: false },
  paper_bgcolor: "transparent",
  plot_bgcolor: "transparent",
};

let library; // under way or there

// Loads Plotly.js, which is large, when the first chart is drawn: the page does not wait for it.
function plotly() {
  return (library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = document.querySelector("link[data-plotly]").href;
    script.onload = resolve;
    script.onerror = () => {
      library = undefined;
      script.remove();
      reject(new Error("Plotly.js is out of reach"));
    };
    document.head.append(script);
  }));
}

class LabChart extends HTMLElement {
  static observedAttributes = ["src"];

  #figure; // as the server sent it, with the points that came since
  #loads = 0;
  #moved = {}; // where vertical lines were moved to, by name
  #since = []; // points that came while a figure was under way
  #waiting = {}; // points by trace that are in the figure and not yet drawn
  #drawing; // the timer of the next drawing
  #rest = 0; // milliseconds from points to their drawing
  #resizing = new ResizeObserver(() => this.#resize());

  connectedCallback() {
    this.#resizing.observe(this);
    document.addEventListener("themechange", this.#draw);
    if (!this.querySelector(".menu")) this.#offerFiles();
    inTurn(this, () => this.load());
  }

  disconnectedCallback() {
    noTurn(this);
    this.#resizing.disconnect();
    clearTimeout(this.#drawing);
    document.removeEventListener("themechange", this.#draw);
    globalThis.Plotly?.purge(this.plot);
  }

  attributeChangedCallback(_name, before, after) {
    if (before && before !== after && this.isConnected) inTurn(this, () => this.load());
  }

  get plot() {
    return this.querySelector(".plot");
  }

  // Fetches the figure again and draws it; keeps the reader's zoom and hidden lines.
  async load() {
    const mine = ++this.#loads;
    noTurn(this);
    this.#since = [];
    const figure = await fetchFigure(this.getAttribute("src"));
    if (mine !== this.#loads) return; // a newer one is under way
    if (!figure) {
      if (!this.#figure) this.describe("This chart is out of reach; trying again.");
      setTimeout(() => mine === this.#loads && this.isConnected && this.load(), RETRY_AFTER);
      return;
    }
    this.#place(figure);
    this.#figure = figure;
    // before it is drawn, as what comes meanwhile is appended at once and must not go before these
    for (const metrics of this.#since.splice(0)) this.#append(metrics);
    await this.#draw();
    this.describe(this.#figure.description, this.#figure.caption);
    this.plot.toggleAttribute("data-lawless", this.#figure.lawless === true);
    this.dispatchEvent(new CustomEvent("drawn", { detail: this.#figure, bubbles: true }));
  }

  // Puts other values in the place of a trace's: {x: [...]}, {z: [...]}; `which` takes a trace.
  replace(values, which) {
    const found = this.#figure.data.flatMap((trace, index) => (which(trace) ? [index] : []));
    for (const index of found) Object.assign(this.#figure.data[index], values);
    const update = Object.entries(values).map(([name, value]) => [name, found.map(() => value)]);
    Plotly.restyle(this.plot, Object.fromEntries(update), found);
  }

  // Moves the vertical line of that name, and shows it; it stays there when the figure is new.
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

  // Adds a run's new points: {key: {steps, values}}. Steps that are drawn already are left alone.
  extend(metrics) {
    if (!this.#loads) return; // its turn is yet to come
    this.#since.push(metrics);
    if (this.#figure) this.#append(metrics);
  }

  // Takes the points that are new into the figure, and has them drawn soon.
  #append(metrics) {
    this.#figure.data.forEach((trace, index) => {
      const { steps, values } = metrics[trace.meta] ?? { steps: [], values: [] };
      const last = trace.x.at(-1) ?? -Infinity;
      const first = steps.findIndex((step) => step > last);
      if (first < 0) return;
      trace.x.push(...steps.slice(first));
      trace.y.push(...values.slice(first));
      this.#waiting[index] ??= { x: [], y: [] };
      this.#waiting[index].x.push(...steps.slice(first));
      this.#waiting[index].y.push(...values.slice(first));
    });
    this.#drawing ??= setTimeout(() => this.#grow(), this.#rest);
  }

  // Draws what waits. Drawing gets a third of the time at most, however fast points come.
  #grow() {
    this.#drawing = undefined;
    const waiting = Object.entries(this.#waiting);
    if (!waiting.length) return;
    this.#waiting = {};
    const begun = performance.now();
    const points = waiting.map(([, each]) => each);
    const update = { x: points.map(({ x }) => x), y: points.map(({ y }) => y) };
    Plotly.extendTraces(this.plot, update, waiting.map(([index]) => Number(index)));
    this.#rest = 2 * (performance.now() - begun);
  }

  #draw = async () => {
    if (!this.#figure) return;
    this.#waiting = {}; // the whole figure holds them
    const { data, layout } = coloured(this.#figure, pageColours());
    await Plotly.react(this.plot, data, layout, CONFIG);
    // its sentence says what it shows; letters and ticks one by one do not
    for (const svg of this.plot.querySelectorAll(".main-svg")) svg.setAttribute("aria-hidden", "true");
  };

  // A menu of the files that the chart can be saved as.
  #offerFiles() {
    const menu = document.createElement("details");
    menu.className = "menu";
    const label = this.plot.getAttribute("aria-label");
    const items = Object.entries(FORMATS).map(([format, what]) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = what;
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
    summary.setAttribute("aria-label", `Save the chart: ${label}`);
    const list = document.createElement("ul");
    list.append(...items);
    menu.append(summary, list);
    this.querySelector("figure").append(menu);
  }

  // Says in words what is drawn; a caption may leave out what the eye sees.
  describe(sentence, caption = sentence) {
    this.plot.setAttribute("aria-label", sentence);
    this.querySelector("figcaption").textContent = caption;
  }

  #resize() {
    if (this.plot.classList.contains("js-plotly-plot")) Plotly.Plots.resize(this.plot);
  }
}

async function fetchFigure(src) {
  try {
    const [response] = await Promise.all([fetch(src), plotly()]);
    if (response.ok) return await response.json();
    const { detail } = await response.json();
    return response.status < 500 ? { data: [], layout: EMPTY, description: detail } : null;
  } catch (error) {
    console.warn("could not fetch a figure:", error);
    return null;
  }
}

customElements.define("lab-chart", LabChart);
