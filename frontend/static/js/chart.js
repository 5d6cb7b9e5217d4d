// <lab-chart src="...">: fetches a figure's JSON, draws it in the page's colours, and lets it grow.

const CONFIG = {
  responsive: false,
  displaylogo: false,
  modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]],
};

class LabChart extends HTMLElement {
  static observedAttributes = ["src"];

  #figure; // as the server sent it, with the points that came since
  #loads = 0;
  #since = []; // points that came while a figure was under way
  #resizing = new ResizeObserver(() => this.#resize());

  connectedCallback() {
    this.#resizing.observe(this);
    document.addEventListener("themechange", this.#draw);
    this.load();
  }

  disconnectedCallback() {
    this.#resizing.disconnect();
    document.removeEventListener("themechange", this.#draw);
    Plotly.purge(this.plot);
  }

  attributeChangedCallback(_name, before, after) {
    if (before && before !== after && this.isConnected) this.load();
  }

  get plot() {
    return this.querySelector(".plot");
  }

  // Fetches the figure again and draws it; keeps the reader's zoom and hidden lines.
  async load() {
    const mine = ++this.#loads;
    this.#since = [];
    const figure = await fetchFigure(this.getAttribute("src"));
    if (!figure || mine !== this.#loads) return; // out of reach, or a newer one is under way
    this.#figure = figure;
    await this.#draw();
    for (const metrics of this.#since.splice(0)) this.#append(metrics);
    this.#describe(this.#figure.description);
  }

  // Adds a run's new points: {key: {steps, values}}. Steps that are drawn already are left alone.
  extend(metrics) {
    this.#since.push(metrics);
    if (this.#figure) this.#append(metrics);
  }

  #append(metrics) {
    const x = [];
    const y = [];
    const traces = [];
    this.#figure.data.forEach((trace, index) => {
      const { steps, values } = metrics[trace.meta] ?? { steps: [], values: [] };
      const last = trace.x.at(-1) ?? -Infinity;
      const first = steps.findIndex((step) => step > last);
      if (first < 0) return;
      x.push(steps.slice(first));
      y.push(values.slice(first));
      traces.push(index);
      trace.x.push(...x.at(-1));
      trace.y.push(...y.at(-1));
    });
    if (traces.length) Plotly.extendTraces(this.plot, { x, y }, traces);
  }

  #draw = async () => {
    if (!this.#figure) return;
    const { data, layout } = coloured(this.#figure, this);
    await Plotly.react(this.plot, data, layout, CONFIG);
  };

  #describe(sentence) {
    this.plot.setAttribute("aria-label", sentence);
    this.querySelector("figcaption").textContent = sentence;
  }

  #resize() {
    if (this.plot.classList.contains("js-plotly-plot")) Plotly.Plots.resize(this.plot);
  }
}

async function fetchFigure(src) {
  try {
    const response = await fetch(src);
    return response.ok ? await response.json() : null;
  } catch (error) {
    console.warn("could not fetch a figure:", error);
    return null;
  }
}

// Returns a copy of a figure in which each "var(--name)" is the page's colour of that name.
function coloured(value, element) {
  if (typeof value === "string") return value.startsWith("var(") ? colour(value, element) : value;
  if (Array.isArray(value)) return value.map((item) => coloured(item, element));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, coloured(item, element)]),
  );
}

function colour(variable, element) {
  element.style.outlineColor = variable; // any colour property that shows nothing here
  return getComputedStyle(element).outlineColor;
}

customElements.define("lab-chart", LabChart);
