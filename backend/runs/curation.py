"""What a person does to keep runs and experiments in order, with what follows from it.

All of it is one operation on fields, `deleted_at` among them, that `undo` takes back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from backend.errors import Conflict, InvalidInput, NotFound, TooLarge
from backend.runs import lifecycle
from backend.store import changes, curation, experiments, undo_log
from backend.store.changes import NewChange
from backend.store.curation import CurationChange, OwnerKind
from backend.store.engine import moment

MAX_TAGS = 50  # of one run or experiment: a list shows all of them
MAX_EDITS = 500_000  # in an operation: some seconds, in which nobody else writes


@dataclass(frozen=True)
class CurationResult:
    """What was done: to which runs or experiments, and the experiments to tell of it.

    `operation` is what can be undone, None where nothing became different; `left` are those an
    undo left as they are, as they were changed since.
    """

    ids: Sequence[int]
    operation: int | None
    moved: set[int]
    left: Sequence[int] = ()


def change(
    session: Session, owner: OwnerKind, ids: Sequence[int], wanted: CurationChange
) -> CurationResult:
    """Change tags, note, pin or archive.

    Raises NotFound, TooLarge, InvalidInput for too many tags, and Conflict for a run that is to
    leave the archive without its experiment.
    """
    _all_exist(session, owner, ids)
    if (amount := len(ids) * len(wanted.fields())) > MAX_EDITS:
        raise TooLarge(f"{amount:,} values would change; accepted: up to {MAX_EDITS:,} at once.")
    if owner == "run" and wanted.columns.get("archived") is False:
        _experiments_are(session, ids, "archived", "in the archive; take it out first")
    done = CurationResult(ids, undo_log.apply_change(session, owner, ids, wanted), set())
    over = curation.first_over_tag_limit(session, owner, ids, MAX_TAGS) if wanted.tags else None
    if over:
        raise InvalidInput(
            f"{owner.capitalize()} {over[0]} would have {over[1]} tags; accepted: up to "
            f"{MAX_TAGS}.",
            "tags",
        )
    return done


def delete(session: Session, owner: OwnerKind, ids: Sequence[int]) -> CurationResult:
    """Delete so that it can be restored; what trains is cancelled first. Raises NotFound.

    What is deleted already stays as it is.
    """
    _all_exist(session, owner, ids)
    known = curation.values(session, owner, "deleted_at", ids)
    there = [id_ for id_, deleted_at in known.items() if deleted_at is None]
    _cancel(session, owner, there)
    wanted = CurationChange({"deleted_at": moment(session)})
    operation = undo_log.apply_change(session, owner, there, wanted)
    return CurationResult(ids, operation, _moved(session, owner, ids))


def restore(
    session: Session, owner: OwnerKind, ids: Sequence[int], *, deleted_days: float
) -> CurationResult:
    """Bring back what was deleted and is not being removed; what was cancelled stays cancelled.

    Raises NotFound, and Conflict for what was deleted more than `deleted_days` ago and for a run
    whose experiment is deleted.
    """
    _all_exist(session, owner, ids)
    _can_come_back(session, owner, ids, deleted_days)
    operation = undo_log.apply_change(session, owner, ids, CurationChange({"deleted_at": None}))
    return CurationResult(ids, operation, _moved(session, owner, ids))


def undo(session: Session, operation_id: int, *, deleted_days: float) -> CurationResult:
    """Put back what an operation overwrote and nobody changed since. Raises as the others do."""
    curation.lock(session)
    found = undo_log.read_undo(session, operation_id)
    deleted = found.put_back.get("deleted_at", {})
    back = [id_ for id_, at in deleted.items() if at is None]
    _can_come_back(session, found.owner, back, deleted_days)
    _cancel(session, found.owner, [id_ for id_, at in deleted.items() if at is not None])
    undo_log.apply_undo(session, found)
    moved = _moved(session, found.owner, list(deleted))
    return CurationResult(found.ids, None, moved, found.left)


def _all_exist(session: Session, owner: OwnerKind, ids: Sequence[int]) -> None:
    curation.lock(session)
    found = curation.existing(session, owner, ids)
    for id_ in ids:
        if id_ not in found:
            raise NotFound(f"There is no {owner} {id_}.")


def _cancel(session: Session, owner: OwnerKind, ids: Sequence[int]) -> None:
    if owner == "run":
        lifecycle.cancel_runs(session, ids)
    else:
        for experiment_id in ids:
            lifecycle.cancel(session, experiment_id)


def _can_come_back(
    session: Session, owner: OwnerKind, ids: Sequence[int], deleted_days: float
) -> None:
    """Raise Conflict where something may be removed at any moment, or its experiment is deleted."""
    if owner == "run":
        _experiments_are(session, ids, "deleted_at", "deleted; restore it first")
    for id_ in sorted(curation.expired(session, owner, ids, after_days=deleted_days))[:1]:
        raise Conflict(
            f"{owner.capitalize()} {id_} was deleted more than {deleted_days:g} days ago and is "
            "being removed; it can no longer be restored."
        )


def _experiments_are(session: Session, run_ids: Sequence[int], column: str, what: str) -> None:
    """Raise Conflict when the experiment of a run has something set."""
    of = curation.experiments_of(session, run_ids)
    held: dict[int, Any] = {
        one.id: getattr(one, column) for one in experiments.by_ids(session, set(of.values()))
    }
    for run_id in run_ids:
        if held[of[run_id]]:
            raise Conflict(f"Run {run_id} belongs to experiment {of[run_id]}, which is {what}.")


def _moved(session: Session, owner: OwnerKind, ids: Sequence[int]) -> set[int]:
    """Tell those who follow the experiments live; return these."""
    if owner == "experiment":
        return set(ids)
    of = curation.experiments_of(session, ids)
    return changes.log_each(session, [(of[id_], NewChange(id_, "status")) for id_ in ids])
