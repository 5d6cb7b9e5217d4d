"""Lifecycle of runs: diagnose and close them, cancel, requeue and retry them."""

import logging
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy.orm import Session

from backend import work_budget
from backend.diagnosis import Curve, Diagnosis, diagnose
from backend.diagnosis.verdicts import Verdict
from backend.errors import Conflict
from backend.runs import solved_runs
from backend.runs.solved_runs import is_solved
from backend.runs.states import ENDED, State
from backend.series import Series
from backend.specification.params import JsonObject
from backend.store import (
    artifacts,
    changes,
    experiments,
    external_runs,
    metric_summaries,
    metrics,
    planned_runs,
    runs,
    transitions,
)
from backend.store.changes import NewChange
from backend.store.tables import Run
from backend.store.transitions import Moved
from backend.tracking import diagnoses as tracked

logger = logging.getLogger(__name__)

DIAGNOSED_METRICS = ("train_loss", "val_loss", "train_accuracy", "val_accuracy")


ADDED: JsonObject = {"kind": None, "severity": None, "advice": []}
"""Entries that a diagnosis did not have when earlier versions stored it."""


def diagnosis_of(session: Session, row: Run) -> JsonObject:
    """Return the diagnosis of a run; while the run trains, the diagnosis up to now.

    The diagnosis of an external run is stored while it is logged, at most once a second.
    """
    if row.diagnosis and (row.status in ENDED or external_runs.among(session, [row.id])):
        return {**ADDED, **row.diagnosis}
    return diagnose_runs(session, [row])[row.id].as_dict()


def diagnose_runs(session: Session, rows: Sequence[Run]) -> dict[int, Diagnosis]:
    """Diagnose runs from their recorded losses and validation accuracy."""
    series = metrics.curves_of(session, [row.id for row in rows], DIAGNOSED_METRICS)
    diagnoses = {}
    for row in rows:
        work_budget.check()
        diagnoses[row.id] = _diagnose_safely(row, series[row.id])
    return diagnoses


def _diagnose_safely(row: Run, series: Mapping[str, Series]) -> Diagnosis:
    """Diagnose a run; log any error, because one run must not keep others from being stored."""
    try:
        return _diagnose(row, series)
    except Exception:
        ids = {"run": row.id, "experiment": row.experiment_id}
        logger.exception("could not diagnose a run", extra=ids)
        sentence = "The run could not be diagnosed; the log has the reason."
        rule = "not-assessable.error"
        return Diagnosis(Verdict.NOT_ASSESSABLE, rule, sentence, sentence, "low")


def _diagnose(row: Run, series: Mapping[str, Series]) -> Diagnosis:
    train, validation, train_accuracy, accuracy = (series[key] for key in DIAGNOSED_METRICS)
    return diagnose(
        Curve.from_series(train, validation),
        reference_loss=row.reference_loss,
        accuracy=accuracy,
        train_accuracy=train_accuracy,
    )


def close(session: Session, run_ids: Collection[int]) -> None:
    """Store the diagnosis of runs that have ended, and delete their checkpoints."""
    external = external_runs.of_runs(session, list(run_ids))
    logged = external_runs.locate(session, [row.external_id for row in external.values()])
    for run in logged.values():
        tracked.diagnose_now(session, run)
    run_ids = [run_id for run_id in run_ids if run_id not in external]
    rows = runs.by_ids(session, list(run_ids))
    diagnoses = diagnose_runs(session, rows)
    for experiment_id in sorted({row.experiment_id for row in rows if is_solved(row.params)}):
        again = solved_runs.diagnose_experiment(session, experiment_id)
        turned = [run_id for run_id in again.turned if run_id not in diagnoses]
        diagnoses |= again.diagnoses
        changes.log(session, experiment_id, [NewChange(run, "diagnosis") for run in turned])
    plain = {run_id: diagnoses[run_id].as_dict() for run_id in sorted(diagnoses)}
    runs.store_diagnoses(session, plain)
    metric_summaries.note_best(session, list(run_ids))
    artifacts.drop_checkpoints(session, list(run_ids))


def cancel(session: Session, experiment_id: int) -> None:
    """Cancel an experiment: queued runs now, running runs when their worker next records.

    Runs that have ended are not changed. Raises NotFound.
    """
    experiments.get(session, experiment_id)
    # The request comes first, for queued runs too: its row locks keep workers from claiming them.
    transitions.request_cancel(session, experiment_id)
    _close_and_log(session, transitions.cancel_queued(session, experiment_id))


def cancel_run(session: Session, run_id: int) -> None:
    """Cancel a run. Raises NotFound, and Conflict for a run that another program started."""
    runs.get(session, run_id)
    if external_runs.among(session, [run_id]) and not planned_runs.of_run(session, run_id):
        raise Conflict(f"Run {run_id} cannot be cancelled: another program started it.")
    cancel_runs(session, [run_id])


def cancel_runs(session: Session, run_ids: Sequence[int]) -> None:
    """Cancel runs as `cancel` cancels an experiment."""
    _close_and_log(session, transitions.request_cancel_of(session, run_ids))


def retry(session: Session, experiment_id: int, run_id: int | None = None) -> int:
    """Queue the failed runs of an experiment, or one of them, again; return how many were queued.

    Raises as `_requeue`.
    """
    return _requeue(session, experiment_id, "failed", run_id)


def continue_cancelled(session: Session, experiment_id: int, run_id: int | None = None) -> int:
    """Queue the cancelled runs of an experiment, or one of them, again; return their number.

    Raises as `_requeue`.
    """
    return _requeue(session, experiment_id, "cancelled", run_id)


def _requeue(session: Session, experiment_id: int, status: State, run_id: int | None) -> int:
    """Queue ended runs again.

    A run is determined by its specification: training starts from the beginning, reproduces the
    epochs that are already recorded, and adds the epochs after them. What a command logged is
    removed when an agent starts it again. Raises NotFound, and Conflict
    for an experiment that is deleted or that other programs train.
    """
    experiment = experiments.get(session, experiment_id)
    if experiment.deleted_at is not None:
        raise Conflict(f"Experiment {experiment_id} is deleted; restore it first.")
    if experiment.spec is None and planned_runs.sweep_of(session, experiment_id) is None:
        raise Conflict(f"Experiment {experiment_id} cannot be retried: other programs train it.")
    moved = transitions.requeue(session, experiment_id, status, run_id)
    metric_summaries.forget_best(session, [run.run_id for run in moved])
    _close_and_log(session, moved)
    return len(moved)


def reap(session: Session) -> list[Moved]:
    """Take back the runs of workers that no longer renew their leases, and return them."""
    freed = transitions.reap(session)
    if freed:
        _close_and_log(session, freed)
    return freed


def _close_and_log(session: Session, moved: Sequence[Moved]) -> None:
    """Close the runs that ended after training, and log the change of state of all."""
    trained = {run.run_id for run in moved if run.ended and run.epoch}
    close(session, trained)
    entries = [(run.experiment_id, NewChange(run.run_id, "status")) for run in moved]
    entries += [
        (run.experiment_id, NewChange(run.run_id, "diagnosis"))
        for run in moved
        if run.run_id in trained
    ]
    changes.log_each(session, entries)
