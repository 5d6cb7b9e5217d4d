// Saves a chart as a picture, drawn by Plotly in the browser, or its data as CSV.

const SCALE = 2; // pixels of a PNG per pixel of the screen

export const FORMATS = { png: "Picture (PNG)", svg: "Drawing (SVG)", csv: "Data (CSV)" };

// Downloads a drawn plot in one of the formats, as run-9-loss.csv.
export async function save(plot, chart, format) {
  const name = fileName(location.pathname, chart);
  const url =
    format === "csv"
      ? URL.createObjectURL(new Blob([toCsv(plot._fullData, plot.layout)], { type: "text/csv" }))
      : await picture(plot, format);
  const link = document.createElement("a");
  link.href = url;
  link.download = `${name}.${format}`;
  link.click();
  if (url.startsWith("blob:")) URL.revokeObjectURL(url);
}

// Returns "run-9-loss" for the chart "loss" or "loss-chart" on the page /runs/9.
export const fileName = (path, chart) =>
  [...path.split("/").filter(Boolean).map((part) => part.replace(/^(run|experiment)s$/, "$1")),
    chart.replace(/-chart$/, "")].join("-");

const TITLE_HEIGHT = 34; // pixels

// Returns the heading of the page and the name of the chart, as a title.
function titleOf(plot) {
  const heading = document.querySelector("h1")?.firstChild?.textContent.trim() ?? "";
  const text = `${heading} \u00b7 ${plot.getAttribute("aria-label")}`;
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

// A picture gets the page's background, as its text has the page's colour, and a title.
async function picture(plot, format) {
  const { width, height } = plot.getBoundingClientRect();
  const paper = getComputedStyle(plot.closest("lab-chart")).getPropertyValue("--paper");
  const probe = document.createElement("i");
  probe.style.color = paper;
  plot.append(probe);
  const background = getComputedStyle(probe).color;
  probe.remove();
  const data = plot.data.filter(({ visible }) => visible !== "legendonly");
  const { layout } = plot;
  const size = { width, height: height + TITLE_HEIGHT };
  const title = { text: titleOf(plot), x: 0.01, y: 1, yanchor: "top", pad: { t: 10 }, font: { size: 15 } };
  const margin = { ...layout.margin, t: (layout.margin?.t ?? 16) + TITLE_HEIGHT };
  const figure = { data, layout: { ...layout, ...size, title, margin, paper_bgcolor: background } };
  return Plotly.toImage(figure, { ...size, format, scale: format === "png" ? SCALE : 1 });
}

// Returns the drawn traces as CSV. Traces over one axis become a column each, next to the ends of
// their intervals; points that share their place on that axis become one line each.
export function toCsv(traces, layout = {}) {
  const drawn = traces.filter(({ hoverinfo }) => hoverinfo !== "skip");
  const along = drawn.some(({ y }) => list(y).some((value) => typeof value === "string")) ? "y" : "x";
  const isTable = drawn.length > 0 && drawn.every((trace) => !trace.z && areDistinct(trace[along]));
  return asCsv(isTable ? wideTable(drawn, traces, layout, along) : longTable(drawn));
}

export const asCsv = (rows) => rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");

const list = (values) => Array.from(values ?? []);
const areDistinct = (values) => new Set(list(values)).size === list(values).length;

// "Validation loss" becomes validation_loss, and HTML is left out.
const columnName = (text) =>
  plain(text).toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "_").replace(/^_+|_+$/g, "");

// Returns the text of a label. Charts write labels as HTML.
export function plain(label) {
  const text = String(label ?? "").replaceAll(/<br\s*\/?>/gi, " ").replaceAll(/<\/?\w[^<>]*>/g, "");
  const entities = { "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#x27;": "'", "&#39;": "'", "&amp;": "&" };
  return text.replaceAll(/&(?:lt|gt|quot|amp|#x27|#39);/g, (entity) => entities[entity]);
}

function wideTable(drawn, traces, layout, along) {
  const across = along === "x" ? "y" : "x";
  const header = [columnName(layout[`${along}axis`]?.title?.text) || (along === "x" ? "x" : "name")];
  const rows = new Map();
  drawn.forEach((trace, number) => {
    const own = columnName(trace.name) || across;
    const name = header.includes(own) ? `${own}_${number + 1}` : own;
    const parts = { "": trace[across], ...interval(trace, traces, across) };
    for (const [part, values] of Object.entries(parts)) {
      const at = header.push(name + part) - 1;
      list(trace[along]).forEach((key, index) => {
        if (!rows.has(key)) rows.set(key, [typeof key === "string" ? plain(key) : key]);
        rows.get(key)[at] = list(values)[index];
      });
    }
  });
  const keys = [...rows.keys()];
  if (keys.every((key) => typeof key === "number")) keys.sort((a, b) => a - b);
  return [header, ...keys.map((key) => header.map((_, at) => rows.get(key)[at]))];
}

// Returns the ends of a trace's intervals: of its error bars, of the band behind it, or of lines
// that are drawn on their own, which `meta` lists.
function interval(trace, traces, across) {
  const bars = trace[`error_${across}`];
  const values = list(trace[across]);
  if (bars?.array) {
    const below = list(bars.arrayminus ?? bars.array);
    return {
      _low: values.map((value, index) => value - below[index]),
      _high: values.map((value, index) => value + list(bars.array)[index]),
    };
  }
  const band = list(traces.find(({ name }) => name === `${trace.name}, interval`)?.[across]);
  if (band.length === 2 * values.length) {
    return { _low: band.slice(values.length).reverse(), _high: band.slice(0, values.length) };
  }
  return trace.meta?.intervals ?? {};
}

function longTable(drawn) {
  const rows = [["series", "x", "y", "z"]];
  for (const trace of drawn) {
    const name = plain(trace.name);
    if (trace.z) rows.push(...cells(name, trace));
    else list(trace.x).forEach((x, index) => rows.push([name, x, list(trace.y)[index], ""]));
  }
  const used = rows.some((row) => row[3] !== "" && row[3] !== "z") ? 4 : 3;
  return rows.map((row) => row.slice(0, used));
}

const cells = (name, { x, y, z }) =>
  list(z).flatMap((row, j) => list(row).map((value, i) => [name, list(x)[i] ?? i, list(y)[j] ?? j, value]));

// The start of a formula, as in backend/export/cells.py.
const STARTS = "=+\\-@＝＋－＠﹦﹢﹣﹫";
const SEPARATORS = ",;|:\\t\\r\\n\\v\\f";
const SPACES = "\\s\\x1c-\\x1f\\x85\\ufeff";
const INVISIBLE = "\\x00-\\x1f\\x7f\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u2069";
const GAP = `${SEPARATORS}${SPACES}${INVISIBLE}"`;
const AFTER_SEPARATOR = `(?:^|(?:(?![${SEPARATORS}])[${GAP}])*[${SEPARATORS}])[${GAP}]*`;
const AFTER_SPACE = `(?:(?![${SPACES}])[${GAP}])*[${SPACES}][${GAP}]*`;
const NO_MINUS = `(?='*[${STARTS}](?:\\ufeff|[^${SPACES}]|$))`;
const FORMULA = new RegExp(
  `(?<![${GAP}])(${AFTER_SEPARATOR}|${AFTER_SPACE}${NO_MINUS})('*[${STARTS}])`,
  "g",
);

// Text that a spreadsheet would evaluate gets an apostrophe, as in the service's exports.
function cell(value) {
  if (typeof value === "number" || value === null || value === undefined) return value ?? "";
  const text = String(value).replace(FORMULA, "$1'$2");
  return /^[\w.-]*$/.test(text) ? text : `"${text.replaceAll('"', '""')}"`;
}
