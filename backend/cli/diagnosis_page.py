"""Diagnoses as one self-contained HTML page, with Plotly.js included."""

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import plotly

from backend.diagnosis.verdicts import title
from backend.fit_reports.figure import fit_figure
from backend.web.content_policy import file_policy

if TYPE_CHECKING:
    from backend.cli.diagnose import LogReport

_PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"

_STYLE = """
:root { color-scheme: light dark; --ink: light-dark(#1b1d21, #e8e9ec); --quiet: light-dark(#5c6068,
#a3a7af); --paper: light-dark(#fff, #1f2226); --ground: light-dark(#f6f6f4, #16181b);
--line: light-dark(#dcdcd8, #34383e); font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; padding: 1rem clamp(1rem, 3vw, 2.5rem) 3rem; max-width: 75rem;
background: var(--ground); color: var(--ink); }
article { background: var(--paper); border: 1px solid var(--line); border-radius: 10px;
padding: 1.1rem 1.25rem; margin-block: 1.25rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin: 0 0 .5rem; overflow-wrap: anywhere; }
p { margin: 0 0 .6rem; max-width: 80ch; } .quiet { color: var(--quiet); font-size: .92rem; }
.plot { height: 20rem; } table { border-collapse: collapse; font-size: .92rem; }
th { text-align: left; font-weight: 400; color: var(--quiet); padding: .15rem 1.5rem .15rem 0; }
td { text-align: right; font-variant-numeric: tabular-nums; }
"""
_SCRIPT = """
const dark = matchMedia("(prefers-color-scheme: dark)");
function draw() {
  const ink = dark.matches ? "#e8e9ec" : "#1b1d21", grid = dark.matches ? "#34383e" : "#e6e6e2";
  for (const plot of document.querySelectorAll(".plot")) {
    const { data, layout } = JSON.parse(plot.nextElementSibling.textContent);
    const axis = { gridcolor: grid, zeroline: false };
    Plotly.react(plot, data, { ...layout, paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)", font: { color: ink }, margin: { l: 60, r: 10, t: 40, b: 45 },
      hovermode: "x unified", legend: { orientation: "h", y: 1.15 },
      xaxis: { ...layout.xaxis, ...axis }, yaxis: { ...layout.yaxis, ...axis } },
      { displaylogo: false, responsive: true });
  }
}
dark.addEventListener("change", draw);
draw();
"""


def page(reports: Sequence["LogReport"]) -> str:
    """Return the page of reports as HTML."""
    articles = "\n".join(_article(report) for report in reports)
    plotly = _PLOTLY.read_text(encoding="utf-8")
    policy = file_policy(scripts=[plotly, _SCRIPT], style=_STYLE)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width"><title>Diagnosis</title>'
        f"<style>{_STYLE}</style><script>{plotly}</script></head>"
        f"<body><h1>Diagnosis</h1>\n{articles}\n<script>{_SCRIPT}</script></body></html>\n"
    )


def _article(report: "LogReport") -> str:
    diagnosis = report.fit.diagnosis
    findings = (finding.sentence for finding in diagnosis.findings)
    texts = [diagnosis.sentence, diagnosis.learner, *findings, *diagnosis.advice[:3]]
    sentences = "".join(f"<p>{escape(text)}</p>" for text in texts)
    notes = "".join(f"<p><strong>Note</strong>: {escape(note)}.</p>" for note in report.fit.notes)
    unchecked = "".join(
        f'<p class="quiet">Not checked: {escape(reason)}.</p>' for reason in diagnosis.not_checked
    )
    rows = "".join(
        f"<tr><th>{escape(name.replace('_', ' '))}</th><td>{_amount(name, value)}</td></tr>"
        for name, value in diagnosis.evidence.items()
    )
    heading = f"{report.label}: {title(diagnosis.verdict, diagnosis.severity)}"
    return (
        f"<article><h2>{escape(heading)}</h2>"
        f"{sentences}{notes}{_plot(report)}"
        f'<p class="quiet">Rule {escape(diagnosis.rule)}, confidence {diagnosis.confidence}.</p>'
        f"<table>{rows}</table>{unchecked}</article>"
    )


def _amount(name: str, value: float) -> str:
    return f"{value:.1%} of the best" if name == "rise_since_best" else f"{value:.4g}"


def _plot(report: "LogReport") -> str:
    if report.fit.pair is None:
        return ""
    figure = fit_figure(report.fit, report.fit.pair)
    data = json.dumps(figure).replace("<", "\\u003c")
    label = escape(f"Train and validation loss. {report.fit.diagnosis.sentence}", quote=True)
    return (
        f'<div class="plot" role="img" aria-label="{label}"></div>'
        f'<script type="application/json">{data}</script>'
    )
