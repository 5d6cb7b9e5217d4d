"""Page that compares runs or cells: their curves, their metrics and their differences."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse

from backend.analysis.intervals import Interval
from backend.runs.compare_runs import Result, Subject, differences_to_first, differing, subjects
from backend.runs.states import ENDED
from backend.specification.params import ParamValue
from frontend import formatting
from frontend.chart_options import AxisScale
from frontend.charts.loss_curves import Quantity
from frontend.charts.overlay import COLOURS, Align
from frontend.charts.routes import ComparedRunsDep
from frontend.site import Reading, render

router = APIRouter()


@dataclass(frozen=True)
class CompareView:
    """Options of the page. With `every`, the table includes the settings that are equal."""

    quantity: Quantity = "loss"
    align: Align = "epoch"
    scale: AxisScale = "linear"
    test: bool = False
    every: bool = False


@router.get("/compare")
def compare(
    session: Reading, compared: ComparedRunsDep, view: Annotated[CompareView, Depends()]
) -> HTMLResponse:
    """Show runs or cells next to each other. Raises NotFound and InvalidInput."""
    compared_subjects = subjects(session, compared.runs, compared.cells)
    compared_runs = [run for subject in compared_subjects for run in subject.runs]
    url = CompareUrl(compared.runs, compared.cells, view)
    return render(
        "compare.html",
        subjects=compared_subjects,
        colours=COLOURS,
        view=view,
        url=url,
        urls_without={subject.run_id: url.without(subject) for subject in compared_subjects},
        urls_first={subject.run_id: url.with_first(subject) for subject in compared_subjects},
        verdicts=[_badges(subject) for subject in compared_subjects],
        metrics=_metrics(compared_subjects),
        differences=differences_to_first(compared_subjects) if compared_subjects else [],
        params=_params(compared_subjects, every=view.every),
        classification=bool(compared_subjects) and all(map(_classifies, compared_subjects)),
        trained_here=any(not subject.first.is_external for subject in compared_subjects),
        has_tests=any("test_loss" in run.summary for run in compared_runs),
        active=any(run.status not in ENDED for run in compared_runs),
        epochs=sum(run.epoch for run in compared_runs),
    )


@dataclass(frozen=True)
class CompareUrl:
    """The URL of the page, and the URLs of other views of it."""

    runs: Sequence[int]
    cells: Sequence[int]
    view: CompareView

    def query(self, **changed: object) -> str:
        """Return the query string with some parameters changed, without those at their default."""
        defaults = vars(CompareView())
        subjects = {"runs": list(self.runs), "cells": list(self.cells)}
        parameters = {**subjects, **vars(self.view), **changed}
        texts = {
            name: ",".join(map(str, value)) if isinstance(value, list) else str(value).lower()
            for name, value in parameters.items()
            if value not in ([], defaults.get(name))
        }
        return urlencode(texts, safe=",")

    def page(self, **changed: object) -> str:
        """Return the URL of the page with some parameters changed."""
        return f"/compare?{self.query(**changed)}"

    def without(self, subject: Subject) -> str:
        """Return the URL of the page without a subject."""
        return self.page(**self._moved(subject, first=False))

    def with_first(self, subject: Subject) -> str:
        """Return the URL of the page with a subject before the others of its kind."""
        return self.page(**self._moved(subject, first=True))

    def _moved(self, subject: Subject, *, first: bool) -> dict[str, list[int]]:
        name, ids = ("cells", self.cells) if subject.is_cell else ("runs", self.runs)
        rest = [run_id for run_id in ids if run_id != subject.run_id]
        return {name: [subject.run_id] * first + rest}


def _badges(subject: Subject) -> list[tuple[str, int]]:
    """Return the verdicts of a subject's runs as badge texts, the most frequent first."""
    return formatting.badges((run.verdict, run.severity) for run in subject.runs).most_common()


def _metrics(compared: Sequence[Subject]) -> dict[str, list[str]]:
    """Return the metrics of all subjects by their titles, those that a subject has."""
    results: dict[str, Result] = {
        "Lowest validation loss": "best_validation",
        "Test loss at best epoch": "test_at_best",
        "Train loss at the end": "train_at_end",
        "Validation loss at the end": "validation_at_end",
    }
    accuracies: dict[str, Result] = {
        "Validation accuracy at best epoch": "validation_accuracy_at_best",
        "Test accuracy at best epoch": "test_accuracy_at_best",
        "Validation accuracy at the end": "validation_accuracy_at_end",
    }
    measured = {title: [s.result(name) for s in compared] for title, name in accuracies.items()}
    rows = {
        **{title: [_mean(s.result(name)) for s in compared] for title, name in results.items()},
        **{
            title: [_mean(result, formatting.share) for result in shares]
            for title, shares in measured.items()
        },
        "Gap at the end": [_mean(subject.gap()) for subject in compared],
        "Best epoch": [_range([run.best_epoch for run in s.runs]) for s in compared],
        "Early stop": [_range([run.early_stop_epoch for run in s.runs]) for s in compared],
        "Epochs": [_range([run.epoch for run in s.runs]) for s in compared],
        "Parameters": [_range([run.parameters for run in s.runs]) for s in compared],
    }
    return {title: row for title, row in rows.items() if {*row} != {formatting.MISSING}}


def _mean(
    interval: Interval | None, write: Callable[[float | None], str] = formatting.number
) -> str:
    if interval is None:
        return formatting.MISSING
    if interval.low is None:
        return write(interval.mean)
    return f"{write(interval.mean)} ({write(interval.low)} to {write(interval.high)})"


def _range(values: Sequence[int | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return formatting.MISSING
    low, high = min(known), max(known)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _params(compared: Sequence[Subject], *, every: bool) -> dict[str, list[ParamValue]]:
    if not every:
        return differing(compared)
    paths = dict.fromkeys(path for subject in compared for path in subject.params)
    return {path: [subject.params.get(path) for subject in compared] for path in paths}


def _classifies(subject: Subject) -> bool:
    if subject.first.is_external:
        return "val_accuracy" in subject.first.summary
    return subject.first.spec.source.problem == "classification"
