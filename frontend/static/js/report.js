// Draws the figures of a report, which are in the page itself. colours.js stands before this.

const CONFIG = {
  responsive: true,
  displaylogo: false,
  modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]],
};

function drawAll() {
  for (const chart of document.querySelectorAll(".chart")) {
    const figure = JSON.parse(chart.querySelector("script").textContent);
    const { data, layout } = coloured(figure, pageColours());
    Plotly.react(chart.querySelector(".plot"), data, layout, CONFIG);
  }
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
drawAll();
