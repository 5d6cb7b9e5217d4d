"""How runs end, closed with a diagnosis by whoever ends them, and how failed ones begin again."""

from collections.abc import Collection, Sequence

from sqlalchemy.orm import Session

from backend.errors import Conflict
from backend.runs import schemas
from backend.store import artifacts, changes, experiments, metric_summaries, runs, transitions
from backend.store.changes import NewChange
from backend.store.transitions import Moved


def close(session: Session, run_ids: Collection[int]) -> None:
    """Store the diagnosis of runs that have ended, and forget where they could be taken up."""
    found = schemas.diagnosed(session, runs.by_ids(session, list(run_ids)))
    runs.store_diagnoses(
        session, [(run_id, one.verdict, one.as_dict()) for run_id, one in found.items()]
    )
    metric_summaries.note_best(session, list(run_ids))
    artifacts.drop_checkpoints(session, list(run_ids))


def cancel(session: Session, experiment_id: int) -> None:
    """Cancel an experiment: queued runs at once, running runs when their worker next records.

    Raises NotFound. Cancelling what has ended changes nothing.
    """
    experiments.get(session, experiment_id)
    # first the request, on waiting runs too: its row locks keep them from being claimed meanwhile
    transitions.request_cancel(session, experiment_id)
    _settle(session, transitions.cancel_queued(session, experiment_id))


def cancel_runs(session: Session, run_ids: Sequence[int]) -> set[int]:
    """Cancel runs, as `cancel` does an experiment; return the experiments that moved."""
    return _settle(session, transitions.request_cancel_of(session, run_ids))


def retry(session: Session, experiment_id: int, run_id: int | None = None) -> int:
    """Have an experiment's failed runs, or one of them, wait again; return how many do.

    A run is a function of its specification: it is trained from its beginning, gives the epochs
    that are recorded once more, and those after them are added. Raises NotFound, and Conflict for
    an experiment that was deleted.
    """
    if experiments.get(session, experiment_id).deleted_at is not None:
        raise Conflict(f"Experiment {experiment_id} is deleted; restore it first.")
    moved = transitions.retry(session, experiment_id, run_id)
    metric_summaries.forget_best(session, [run.run_id for run in moved])
    _settle(session, moved)
    return len(moved)


def reap(session: Session) -> list[Moved]:
    """Take back the runs of workers that fell silent, and return them."""
    freed = transitions.reap(session)
    _settle(session, freed)
    return freed


def _settle(session: Session, moved: Sequence[Moved]) -> set[int]:
    """Close the ended runs that were trained, and log what moved."""
    trained = {run.run_id for run in moved if run.ended and run.epoch}
    close(session, trained)
    entries = [(run.experiment_id, NewChange(run.run_id, "status")) for run in moved]
    entries += [
        (run.experiment_id, NewChange(run.run_id, "diagnosis"))
        for run in moved
        if run.run_id in trained
    ]
    return changes.log_each(session, entries)
