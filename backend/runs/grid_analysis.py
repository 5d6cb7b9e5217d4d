"""The analysis of an experiment's grid, read from its finished runs and kept while they last."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from backend.analysis.measured_cells import PartLosses, RunResult
from backend.analysis.report import GridReport, analyse
from backend.cache import SingleFlightCache
from backend.series import Series
from backend.specification.cost import outputs
from backend.store import experiments, metric_summaries, metrics, runs
from backend.store.tables import Run

MAX_KEPT = 16  # reports in memory
HALVINGS = 4  # of the epochs of a run, at which the loss reached so far is taken

_PARTS = ("train", "val", "test")
_LOSSES = tuple(f"{part}_loss" for part in _PARTS)
_kept: SingleFlightCache[GridReport] = SingleFlightCache(MAX_KEPT)


def grid_report(session: Session, experiment_id: int, *, target: float | None = None) -> GridReport:
    """Analyse the finished runs of an experiment. Raises NotFound.

    A report is kept until another run finishes: it is a function of the finished runs alone.
    """
    experiments.get(session, experiment_id)
    finished = finished_runs(session, experiment_id)
    return _kept.get(
        (*identity(session, finished), target),
        lambda: analyse(_results(session, finished), target=target),
    )


def finished_runs(session: Session, experiment_id: int) -> list[Run]:
    """Return the runs of an experiment that have finished, in the order of its grid."""
    return [run for run in runs.of_experiment(session, experiment_id) if run.status == "finished"]


def identity(session: Session, finished: Sequence[Run]) -> tuple[Hashable, ...]:
    """Return what the results of finished runs are a function of."""
    url = str(session.get_bind().engine.url)
    return url, tuple((run.id, run.ended_at) for run in finished)


def _results(session: Session, finished: Sequence[Run]) -> list[RunResult]:
    ids = [run.id for run in finished]
    summaries = metric_summaries.summaries(session, ids)
    at_best = metric_summaries.values_at_best(session, ids, _LOSSES)
    courses = metrics.series_of(session, ids, ["val_loss"])
    found = (
        _result(run, summaries[run.id], at_best[run.id], courses[run.id]["val_loss"])
        for run in finished
    )
    return [result for result in found if result is not None]


def _result(
    run: Run,
    summary: Mapping[str, Mapping[str, Any]],
    best: Mapping[str, float | None],
    course: Series,
) -> RunResult | None:
    """Return what a run measured; None without any finite validation loss."""
    lowest = summary.get("val_loss", {}).get("min_step")
    if lowest is None:
        return None
    last = [summary.get(key, {}).get("last") for key in _LOSSES]
    right = [summary.get(f"{part}_accuracy", {}).get("last") for part in _PARTS]
    errors = [None if share is None else 1 - share for share in right]
    return RunResult(
        params=run.params,
        parameters=run.parameters,
        epochs=run.epoch,
        best_epoch=lowest,
        best=PartLosses(*(best.get(key) for key in _LOSSES)),
        final=PartLosses(*last),
        reference_loss=run.reference_loss,
        errors=None if errors[0] is None else PartLosses(*errors),
        outputs=outputs(run.params["dataset.source"]),
        reached=_reached(course),
    )


def _reached(course: Series) -> dict[int, float]:
    """Return the lowest validation loss within the whole, half, quarter, ... of the epochs."""
    if not len(course):
        return {}
    lowest = np.fmin.accumulate(course.values)
    wanted = {max(1, int(course.steps[-1]) >> halving) for halving in range(HALVINGS + 1)}
    found = {step: Series(course.steps, lowest).at(step) for step in sorted(wanted)}
    return {step: loss for step, loss in found.items() if loss is not None}
