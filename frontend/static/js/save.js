// What a chart can be saved as: a picture, drawn by Plotly in the browser, or its data as CSV.

const SCALE = 2; // pixels of a PNG for each of the screen

export const FORMATS = { png: "Picture (PNG)", svg: "Drawing (SVG)", csv: "Data (CSV)" };

// Offers a drawn plot as a file of one of the formats.
export async function save(plot, name, format) {
  const address =
    format === "csv"
      ? URL.createObjectURL(new Blob([toCsv(plot._fullData)], { type: "text/csv" }))
      : await picture(plot, format);
  const link = document.createElement("a");
  link.href = address;
  link.download = `${name}.${format}`;
  link.click();
  if (address.startsWith("blob:")) URL.revokeObjectURL(address);
}

// A picture stands on the page's own paper: its words are of the page's ink.
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

// Returns traces as lines of CSV: one line for each point, the trace's name first.
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

// Text that a spreadsheet would compute gets an apostrophe before it, as in the service's exports.
function cell(value) {
  if (typeof value === "number" || value === null || value === undefined) return value ?? "";
  const text = /^[=+\-@\t\r\n＝＋－＠]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
