"""Runs and cells beside each other: their curves, their figures, what differs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse

from backend.analysis.intervals import Interval
from backend.runs.compare_runs import Subject, differences_to_first, differing, subjects
from backend.runs.states import ENDED
from backend.specification.params import ParamValue
from backend.specification.sources import SOURCES
from frontend import formatting
from frontend.chart_options import AxisScale
from frontend.charts.loss_curves import Quantity
from frontend.charts.overlay import COLOURS, Align
from frontend.charts.routes import ComparedRunsDep
from frontend.site import Reading, render

router = APIRouter()


@dataclass(frozen=True)
class CompareView:
    """How the curves are shown, as the address says; `every` shows params that agree, too."""

    quantity: Quantity = "loss"
    align: Align = "epoch"
    scale: AxisScale = "linear"
    test: bool = False
    every: bool = False


@router.get("/compare")
def compare(
    session: Reading, compared: ComparedRunsDep, view: Annotated[CompareView, Depends()]
) -> HTMLResponse:
    """Show runs or cells beside each other. Raises NotFound and InvalidInput."""
    found = subjects(session, compared.runs, compared.cells)
    address = CompareUrl(compared.runs, compared.cells, view)
    return render(
        "compare.html",
        subjects=found,
        colours=COLOURS,
        view=view,
        address=address,
        others={one.run_id: address.without(one) for one in found},
        first={one.run_id: address.with_first(one) for one in found},
        verdicts=[_badges(one) for one in found],
        rows=_rows(found),
        against=differences_to_first(found) if found else [],
        params=_params(found, every=view.every),
        classification=bool(found) and all(map(_classifies, found)),
        active=any(run.status not in ENDED for one in found for run in one.runs),
        epochs=sum(run.epoch for one in found for run in one.runs),
    )


@dataclass(frozen=True)
class CompareUrl:
    """The address of the page, and those it leads to."""

    runs: Sequence[int]
    cells: Sequence[int]
    view: CompareView

    def query(self, **changed: object) -> str:
        """Return the query with something changed; what is usual is left out."""
        usual = vars(CompareView())
        subjects = {"runs": list(self.runs), "cells": list(self.cells)}
        wanted = {**subjects, **vars(self.view), **changed}
        kept = {
            name: ",".join(map(str, value)) if isinstance(value, list) else str(value).lower()
            for name, value in wanted.items()
            if value not in ([], usual.get(name))
        }
        return urlencode(kept, safe=",")

    def page(self, **changed: object) -> str:
        """Return the page's address with something changed."""
        return f"/compare?{self.query(**changed)}"

    def without(self, one: Subject) -> str:
        """Return the address without a subject."""
        return self.page(**self._moved(one, first=False))

    def with_first(self, one: Subject) -> str:
        """Return the address with a subject before the others of its kind."""
        return self.page(**self._moved(one, first=True))

    def _moved(self, one: Subject, *, first: bool) -> dict[str, list[int]]:
        name = "cells" if one.is_cell else "runs"
        rest = [id_ for id_ in getattr(self, name) if id_ != one.run_id]
        return {name: [one.run_id] * first + rest}


def _badges(one: Subject) -> list[tuple[str, int]]:
    """Return the verdicts of its runs as badges write them, the most frequent first."""
    return formatting.badges((run.verdict, run.rule) for run in one.runs).most_common()


def _rows(found: Sequence[Subject]) -> dict[str, list[str]]:
    """Return the figures of all subjects by their titles."""
    return {
        "Lowest validation loss": [_figure(one.result("best_validation")) for one in found],
        "Test loss at best epoch": [_figure(one.result("test_at_best")) for one in found],
        "Train loss at the end": [_figure(one.result("train_at_end")) for one in found],
        "Validation loss at the end": [_figure(one.result("validation_at_end")) for one in found],
        "Gap at the end": [_figure(one.gap()) for one in found],
        "Best epoch": [_range([run.best_epoch for run in one.runs]) for one in found],
        "Early stop": [_range([run.early_stop_epoch for run in one.runs]) for one in found],
        "Epochs": [_range([run.epoch for run in one.runs]) for one in found],
        "Parameters": [_range([run.parameters for run in one.runs]) for one in found],
    }


def _figure(found: Interval | None) -> str:
    if found is None:
        return formatting.MISSING
    if found.low is None:
        return formatting.number(found.mean)
    low, high = formatting.number(found.low), formatting.number(found.high)
    return f"{formatting.number(found.mean)} ({low} to {high})"


def _range(values: Sequence[int | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return formatting.MISSING
    low, high = min(known), max(known)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _params(found: Sequence[Subject], *, every: bool) -> dict[str, list[ParamValue]]:
    if not every:
        return differing(found)
    paths = dict.fromkeys(path for one in found for path in one.params)
    return {path: [one.params.get(path) for one in found] for path in paths}


def _classifies(one: Subject) -> bool:
    return SOURCES[one.first.params["dataset.source"]].problem == "classification"
