// Saves a chart as a picture, drawn by Plotly in the browser, or its data as CSV.

const SCALE = 2; // pixels of a PNG per pixel of the screen

export const FORMATS = { png: "Picture (PNG)", svg: "Drawing (SVG)", csv: "Data (CSV)" };

// Downloads a drawn plot in one of the formats.
export async function save(plot, name, format) {
  const url =
    format === "csv"
      ? URL.createObjectURL(new Blob([toCsv(plot._fullData)], { type: "text/csv" }))
      : await picture(plot, format);
  const link = document.createElement("a");
  link.href = url;
  link.download = `${name}.${format}`;
  link.click();
  if (url.startsWith("blob:")) URL.revokeObjectURL(url);
}

// A picture gets the page's background, as its text has the page's colour.
async function picture(plot, format) {
  const { width, height } = plot.getBoundingClientRect();
  const paper = getComputedStyle(plot.closest("lab-chart")).getPropertyValue("--paper");
  const probe = document.createElement("i");
  probe.style.color = paper;
  plot.append(probe);
  const background = getComputedStyle(probe).color;
  probe.remove();
  const { data, layout } = plot;
  const figure = { data, layout: { ...layout, paper_bgcolor: background, width, height } };
  return Plotly.toImage(figure, { format, width, height, scale: format === "png" ? SCALE : 1 });
}

// Returns traces as CSV: one line per point, with the name of its trace first.
export function toCsv(traces) {
  const rows = [["series", "x", "y", "z"]];
  for (const trace of traces.filter(({ hoverinfo }) => hoverinfo !== "skip")) {
    const name = trace.name ?? "";
    if (trace.z) rows.push(...cells(name, trace));
    else list(trace.x).forEach((x, index) => rows.push([name, x, list(trace.y)[index], ""]));
  }
  const used = rows.some((row) => row[3] !== "" && row[3] !== "z") ? 4 : 3;
  return rows.map((row) => `${row.slice(0, used).map(cell).join(",")}\r\n`).join("");
}

const cells = (name, { x, y, z }) =>
  list(z).flatMap((row, j) => list(row).map((value, i) => [name, list(x)[i] ?? i, list(y)[j] ?? j, value]));

const list = (values) => Array.from(values ?? []);

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
