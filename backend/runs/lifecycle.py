"""Cancel, retry and take back runs, and store the diagnosis of runs that have ended."""

from collections.abc import Collection, Sequence

from sqlalchemy.orm import Session

from backend.errors import Conflict
from backend.runs.stored_diagnosis import diagnose_runs
from backend.store import artifacts, changes, experiments, metric_summaries, runs, transitions
from backend.store.changes import NewChange
from backend.store.transitions import Moved


def close(session: Session, run_ids: Collection[int]) -> None:
    """Store the diagnosis of runs that have ended, and delete their checkpoints."""
    diagnoses = diagnose_runs(session, runs.by_ids(session, list(run_ids)))
    runs.store_diagnoses(
        session,
        [
            (run_id, diagnosis.verdict, diagnosis.as_dict())
            for run_id, diagnosis in diagnoses.items()
        ],
    )
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


def cancel_runs(session: Session, run_ids: Sequence[int]) -> None:
    """Cancel runs as `cancel` cancels an experiment."""
    _close_and_log(session, transitions.request_cancel_of(session, run_ids))


def retry(session: Session, experiment_id: int, run_id: int | None = None) -> int:
    """Queue the failed runs of an experiment, or one of them, again; return how many were queued.

    A run is determined by its specification: training starts from the beginning, reproduces the
    epochs that are already recorded, and adds the epochs after them. Raises NotFound, and Conflict
    for a deleted experiment.
    """
    if experiments.get(session, experiment_id).deleted_at is not None:
        raise Conflict(f"Experiment {experiment_id} is deleted; restore it first.")
    moved = transitions.retry(session, experiment_id, run_id)
    metric_summaries.forget_best(session, [run.run_id for run in moved])
    _close_and_log(session, moved)
    return len(moved)


def reap(session: Session) -> list[Moved]:
    """Take back the runs of workers that no longer renew their leases, and return them."""
    freed = transitions.reap(session)
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
