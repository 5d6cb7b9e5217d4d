"""The analysis of an experiment's grid, from its finished runs in the database."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from backend.analysis.measured_cells import PartLosses, RunResult
from backend.analysis.report import GridReport, analyse
from backend.cache import SingleFlightCache
from backend.series import Series
from backend.specification.sources import SOURCES
from backend.store import experiments, metric_summaries, metrics, runs
from backend.store.tables import Run

MAX_CACHED_REPORTS = 16
HALVINGS = 4  # the lowest loss is taken within all, 1/2, 1/4, 1/8 and 1/16 of the epochs

_PARTS = ("train", "val", "test")
_LOSSES = tuple(f"{part}_loss" for part in _PARTS)
_reports: SingleFlightCache[GridReport] = SingleFlightCache(MAX_CACHED_REPORTS)


def grid_report(session: Session, experiment_id: int, *, target: float | None = None) -> GridReport:
    """Analyse the finished runs of an experiment. Raises NotFound.

    A report depends on the finished runs alone, and is cached until another run finishes.
    """
    experiments.get(session, experiment_id)
    finished = finished_runs(session, experiment_id)
    return _reports.get(
        (*identity(session, finished), target),
        lambda: analyse(_results(session, finished), target=target),
    )


def finished_runs(session: Session, experiment_id: int) -> list[Run]:
    """Return the runs of an experiment that have finished, in the order of its grid."""
    return [run for run in runs.of_experiment(session, experiment_id) if run.status == "finished"]


def identity(session: Session, finished: Sequence[Run]) -> tuple[Hashable, ...]:
    """Return the cache key of results that depend on finished runs alone."""
    url = str(session.get_bind().engine.url)
    return url, tuple((run.id, run.ended_at) for run in finished)


def _results(session: Session, finished: Sequence[Run]) -> list[RunResult]:
    ids = [run.id for run in finished]
    summaries = metric_summaries.summaries(session, ids)
    at_best = metric_summaries.values_at_best(session, ids, _LOSSES)
    val_losses = metrics.series_of(session, ids, ["val_loss"])
    results = (
        _result(run, summaries[run.id], at_best[run.id], val_losses[run.id]["val_loss"])
        for run in finished
    )
    return [result for result in results if result is not None]


def _result(
    run: Run,
    summary: Mapping[str, Mapping[str, Any]],
    best: Mapping[str, float | None],
    val_loss: Series,
) -> RunResult | None:
    """Return the results of a run, None without any finite validation loss."""
    lowest = summary.get("val_loss", {}).get("min_step")
    if lowest is None:
        return None
    last = [summary.get(key, {}).get("last") for key in _LOSSES]
    accuracies = [summary.get(f"{part}_accuracy", {}).get("last") for part in _PARTS]
    errors = [None if accuracy is None else 1 - accuracy for accuracy in accuracies]
    return RunResult(
        params=run.params,
        parameters=run.parameters,
        epochs=run.epoch,
        best_epoch=lowest,
        best=PartLosses(*(best.get(key) for key in _LOSSES)),
        final=PartLosses(*last),
        reference_loss=run.reference_loss,
        errors=None if errors[0] is None else PartLosses(*errors),
        outputs=SOURCES[run.params["dataset.source"]].outputs,
        reached=_reached(val_loss),
    )


def _reached(val_loss: Series) -> dict[int, float]:
    """Return the lowest validation loss within all, half, a quarter, ... of the epochs."""
    if not len(val_loss):
        return {}
    lowest = Series(val_loss.steps, np.fmin.accumulate(val_loss.values))
    epochs = {max(1, int(val_loss.steps[-1]) >> halving) for halving in range(HALVINGS + 1)}
    losses = {epoch: lowest.at(epoch) for epoch in sorted(epochs)}
    return {epoch: loss for epoch, loss in losses.items() if loss is not None}
