"""What a person does to keep runs and experiments in order, with what follows from it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from backend import endings
from backend.errors import Conflict, NotFound
from backend.store import changes, experiments, organising
from backend.store.changes import NewChange
from backend.store.organising import Change, Owner


def change(session: Session, owner: Owner, ids: Sequence[int], wanted: Change) -> None:
    """Change tags, note, pin or archive of runs or experiments. Raises NotFound and Conflict."""
    _all_exist(session, owner, ids)
    if owner == "run" and wanted.columns.get("archived") is False:
        _experiments_are(session, ids, "archived", "in the archive; take it out first")
    organising.change(session, owner, ids, wanted)


def delete(session: Session, owner: Owner, ids: Sequence[int]) -> set[int]:
    """Delete runs or experiments so that they can be restored; what trains is cancelled first.

    Returns the experiments that moved. Raises NotFound; what is deleted already stays so.
    """
    _all_exist(session, owner, ids)
    if owner == "experiment":
        for experiment_id in ids:
            endings.cancel(session, experiment_id)
    else:
        endings.cancel_runs(session, ids)
    organising.mark_deleted(session, owner, ids)
    return _moved(session, owner, ids)


def restore(session: Session, owner: Owner, ids: Sequence[int]) -> set[int]:
    """Bring back what was deleted and not yet removed; what was cancelled stays cancelled.

    Returns the experiments that moved. Raises NotFound, and Conflict for a run whose experiment
    is deleted.
    """
    _all_exist(session, owner, ids)
    if owner == "run":
        _experiments_are(session, ids, "deleted_at", "deleted; restore it first")
    organising.restore(session, owner, ids)
    return _moved(session, owner, ids)


def _all_exist(session: Session, owner: Owner, ids: Sequence[int]) -> None:
    found = organising.existing(session, owner, ids)
    for id_ in ids:
        if id_ not in found:
            raise NotFound(f"There is no {owner} {id_}.")


def _experiments_are(session: Session, run_ids: Sequence[int], column: str, what: str) -> None:
    """Raise Conflict when the experiment of a run has something set."""
    of = organising.experiments_of(session, run_ids)
    held: dict[int, Any] = {
        one.id: getattr(one, column) for one in experiments.by_ids(session, set(of.values()))
    }
    for run_id in run_ids:
        if held[of[run_id]]:
            raise Conflict(f"Run {run_id} belongs to experiment {of[run_id]}, which is {what}.")


def _moved(session: Session, owner: Owner, ids: Sequence[int]) -> set[int]:
    """Tell those who follow the experiments live; return these."""
    if owner == "experiment":
        return set(ids)
    of = organising.experiments_of(session, ids)
    return changes.log_each(session, [(of[id_], NewChange(id_, "status")) for id_ in ids])
