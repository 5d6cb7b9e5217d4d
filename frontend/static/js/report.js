// Draws the charts of a report, whose data is in the page. colours.js is included before this file.

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
