"""Offline report of an experiment: one HTML page that needs no server."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import Response
from markupsafe import Markup
from sqlalchemy.orm import Session

from backend.export.archive import to_yaml, versions
from backend.runs.items import SUMMARISED, experiment_items, run_detail, run_items
from backend.runs.schemas import RunItem
from backend.store import experiments, metric_summaries, runs
from backend.web.content_policy import file_policy
from frontend import assets, formatting
from frontend.chart_options import RunView
from frontend.charts import experiment_routes, run_routes
from frontend.charts.experiment_progress import progress_info
from frontend.charts.grid import value_of
from frontend.charts.grid_metrics import ABOUT, CHOICES, KEYS
from frontend.charts.grid_panels import PanelsInfo, panels_info
from frontend.charts.theme import Drawing
from frontend.pages import analysis_sections
from frontend.pages.fit_cards import full_title
from frontend.site import fill

MAX_CURVES = 24  # cells; a report of more cells has no curves
MAX_ROWS = 1000  # in the table of runs
SCRIPTS = ("js/colours.js", "js/report.js")


@dataclass(frozen=True)
class ReportChart:
    """A chart as JSON for the script of the report, and its description."""

    title: str
    about: str
    figure: Markup
    description: str


def render_report(session: Session, experiment_id: int) -> str:
    """Return the report of an experiment as HTML. Raises NotFound."""
    experiment = experiments.get(session, experiment_id)
    [item] = experiment_items(session, [experiment])
    all_runs = run_items(session, runs.of_experiment(session, experiment_id), keys=SUMMARISED)
    at_best = metric_summaries.values_at_best(session, [run.id for run in all_runs], KEYS)
    grid = panels_info(all_runs, at_best)
    plotly, styles = _inline(assets.plotly_source()), _inline(assets.styles())
    script = Markup("\n").join(_inline(assets.source(name)) for name in SCRIPTS)
    return fill(
        "report.html",
        experiment=item,
        progress=progress_info(item.status, all_runs),
        grid=grid,
        choices=CHOICES,
        about=ABOUT,
        charts=_analysis(session, experiment_id, all_runs),
        curves=_curves(session, grid),
        runs=all_runs[:MAX_ROWS],
        left_out=max(0, len(all_runs) - MAX_ROWS),
        at_best=at_best,
        classified=any("val_accuracy" in run.summary for run in all_runs),
        columns=list(grid.varying),
        value_of=value_of,
        spec=to_yaml(item.spec) if item.spec is not None else None,
        versions=versions(),
        policy=file_policy(scripts=[plotly, script], style=styles),
        styles=styles,
        plotly=plotly,
        script=script,
    )


def _analysis(
    session: Session, experiment_id: int, all_runs: Sequence[RunItem]
) -> list[ReportChart]:
    """Return the sections of the grid analysis, each with its chart."""
    reading = analysis_sections.grid_sections(experiment_id, all_runs, {})
    sections = [] if reading is None else reading.sections
    return [
        _chart(
            section.title,
            section.about,
            experiment_routes.CHARTS[section.chart](session, experiment_id),
        )
        for section in sections
    ]


def _curves(session: Session, grid: PanelsInfo) -> list[ReportChart]:
    """Return the loss of the first run of each cell, or no charts if there are many cells."""
    firsts = [cell.runs[0] for cell in grid.cells]
    drawn = [run for run in firsts if run.summary]
    if len(drawn) > MAX_CURVES:
        return []
    return [_curve(session, run, list(grid.varying)) for run in drawn]


def _curve(session: Session, run: RunItem, varying: Sequence[str]) -> ReportChart:
    sentence = run_detail(session, run.id).diagnosis["sentence"]
    drawn = run_routes.curves(session, run.id, "loss", {}, RunView())
    return _chart(_run_title(run, varying), sentence, drawn)


def _run_title(run: RunItem, varying: Sequence[str]) -> str:
    verdict = formatting.badge(run.verdict, run.rule)
    return f"Run {run.id}, {full_title(run, varying)}{verdict and ': '}{verdict}"


def _chart(title: str, about: str, response: Response) -> ReportChart:
    figure: Drawing = json.loads(bytes(response.body))
    description = figure.pop("description")
    figure.pop("caption", None)
    # "<" could close the script element that holds the JSON
    text = json.dumps(figure).replace("<", "\\u003c")
    return ReportChart(title, about, Markup(text), description)  # noqa: S704


def _inline(source: bytes) -> Markup:
    """Return a trusted file escaped for a style or script element."""
    return Markup(source.decode().replace("</script", "<\\/script"))  # noqa: S704
