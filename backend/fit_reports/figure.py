"""The chart of a fit as plain data of Plotly: both losses, the best step and the early stop."""

from typing import Any

from backend.diagnosis.number_format import axis_text
from backend.fit_reports.fit_report import FitReport
from backend.pairing import LossPair
from backend.series import Series, downsample

MAX_POINTS = 2000  # per line
# The light colours of frontend/static/css/colours.css: these charts open without the service.
TRAIN_COLOUR = "#0068b3"
VALIDATION_COLOUR = "#b84700"
MARK_COLOUR = "#4a3db8"


def fit_figure(report: FitReport, pair: LossPair) -> dict[str, Any]:
    """Return data and layout of the chart of a report and its losses."""
    return {
        "data": [
            _line("train", pair.train, TRAIN_COLOUR, "solid"),
            _line("validation", pair.validation, VALIDATION_COLOUR, "dash"),
        ],
        "layout": {
            "xaxis": {"title": {"text": report.unit}},
            "yaxis": {"title": {"text": "loss"}},
            "shapes": [_mark(at, dash) for at, _, dash in marks(report)],
            "annotations": [_label(at, text) for at, text, _ in marks(report)],
        },
    }


def _line(name: str, series: Series, colour: str, dash: str) -> dict[str, object]:
    drawn = series.take(downsample(series.json_values, MAX_POINTS))
    return {
        "name": name, "x": drawn.steps.tolist(), "y": drawn.json_values,
        "line": {"color": colour, "dash": dash, "width": 2}, "mode": "lines",
    }  # fmt: skip


def marks(report: FitReport) -> list[tuple[float, str, str]]:
    """Return step, label and line style of the marked steps."""
    best, stop = report.diagnosis.best_step, report.early_stop_step
    marked = [(best, "best", "solid"), (stop, "stop", "dot")]
    return [(at, text, dash) for at, text, dash in marked if at is not None]


def _mark(at: float, dash: str) -> dict[str, object]:
    line = {"dash": dash, "width": 1.5, "color": MARK_COLOUR}
    return {"type": "line", "x0": at, "x1": at, "y0": 0, "y1": 1, "yref": "paper", "line": line}


def _label(at: float, text: str) -> dict[str, object]:
    return {
        "x": at, "y": 1, "yref": "paper", "yanchor": "bottom", "showarrow": False,
        "text": f"{text} {axis_text(at)}",
    }  # fmt: skip
