"""Curate runs and experiments: tags, notes, pins, the archive, deletion, restoring and undo.

Each action is one operation on fields, `deleted_at` among them, and `undo` reverts it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy.orm import Session

from backend.errors import Conflict, InvalidInput, NotFound, TooLarge
from backend.runs import lifecycle
from backend.runs.verdict_tags import first_reserved
from backend.store import changes, curation, experiments, external_experiments, undo_log
from backend.store.changes import NewChange
from backend.store.curation import CurationChange, OwnerKind
from backend.store.engine import moment

MAX_TAGS = 50  # of one run or experiment: a list shows all of them
MAX_EDITS = 500_000  # per operation: takes some seconds, during which nothing else is written


@dataclass(frozen=True)
class CurationResult:
    """The runs or experiments that an action changed.

    `operation` can be undone; it is None when nothing changed. `left` are not reverted,
    because they were changed since the operation.
    """

    ids: Sequence[int]
    operation: int | None
    left: Sequence[int] = ()


def change(
    session: Session, owner: OwnerKind, ids: Sequence[int], edit: CurationChange
) -> CurationResult:
    """Change tags, note, pin or archive, or the name of an experiment.

    Raises NotFound, TooLarge, InvalidInput for too many tags, and Conflict for a taken name or a
    run that would leave the archive without its experiment.
    """
    _require_existing(session, owner, ids)
    if owner == "run" and (reserved := first_reserved(edit.tags)):
        raise InvalidInput(
            f"The tag {reserved} holds the verdict, which only the service sets; accepted: "
            "another name.",
            "tags",
        )
    if (amount := len(ids) * len(edit.fields())) > MAX_EDITS:
        raise TooLarge(f"{amount:,} values would change; accepted: up to {MAX_EDITS:,} at once.")
    if owner == "run" and edit.columns.get("archived") is False:
        _require_experiments_without(session, ids, "archived", "archived; unarchive it first")
    if "name" in edit.columns:
        _require_free_names(session, dict.fromkeys(ids, str(edit.columns["name"])))
    operation = undo_log.apply_change(session, owner, ids, edit)
    if "name" in edit.columns:
        changes.announce(session, ids)
    over = curation.first_over_tag_limit(session, owner, ids, MAX_TAGS) if edit.tags else None
    if over:
        raise InvalidInput(
            f"{owner.capitalize()} {over[0]} would have {over[1]} tags; accepted: up to "
            f"{MAX_TAGS}.",
            "tags",
        )
    return CurationResult(ids, operation)


def delete(session: Session, owner: OwnerKind, ids: Sequence[int]) -> CurationResult:
    """Delete runs or experiments, so that they can be restored. Raises NotFound.

    Training runs are cancelled first. Nothing that is already deleted changes.
    """
    _require_existing(session, owner, ids)
    deleted_at = curation.values(session, owner, "deleted_at", ids)
    present = [id_ for id_, time in deleted_at.items() if time is None]
    _cancel(session, owner, present)
    deletion = CurationChange({"deleted_at": moment(session)})
    operation = undo_log.apply_change(session, owner, present, deletion)
    _announce(session, owner, ids)
    return CurationResult(ids, operation)


def restore(
    session: Session, owner: OwnerKind, ids: Sequence[int], *, deleted_days: float
) -> CurationResult:
    """Restore deleted runs or experiments; cancelled runs stay cancelled.

    Raises NotFound, and Conflict for anything that was deleted more than `deleted_days` ago, for a
    run whose experiment is deleted, and for an experiment whose name another one has by now.
    """
    _require_existing(session, owner, ids)
    _require_restorable(session, owner, ids, deleted_days)
    operation = undo_log.apply_change(session, owner, ids, CurationChange({"deleted_at": None}))
    _announce(session, owner, ids)
    return CurationResult(ids, operation)


def undo(session: Session, operation_id: int, *, deleted_days: float) -> CurationResult:
    """Revert an operation, except where a value has changed since.

    Raises NotFound, and Conflict as `restore` does.
    """
    curation.lock(session)
    pending = undo_log.read_undo(session, operation_id)
    deleted_at = pending.values.get("deleted_at", {})
    restored = [id_ for id_, time in deleted_at.items() if time is None]
    _require_restorable(session, pending.owner, restored, deleted_days)
    deleted = [id_ for id_, time in deleted_at.items() if time is not None]
    names = pending.values.get("name", {})
    _require_free_names(session, {id_: str(name) for id_, name in names.items()})
    _cancel(session, pending.owner, deleted)
    undo_log.apply_undo(session, pending)
    _announce(session, pending.owner, list(deleted_at))
    return CurationResult(pending.ids, None, pending.left)


def _require_free_names(session: Session, names: Mapping[int, str]) -> None:
    """Raise Conflict if an experiment of other programs would have the name of another one."""
    for id_, name in names.items():
        if external_experiments.is_taken(session, id_, name):
            raise Conflict(
                f"Another experiment that programs log to has the name {name!r}; accepted: a name "
                "that is free."
            )


def _require_existing(session: Session, owner: OwnerKind, ids: Sequence[int]) -> None:
    curation.lock(session)
    existing = curation.existing(session, owner, ids)
    for id_ in ids:
        if id_ not in existing:
            raise NotFound(f"There is no {owner} {id_}.")


def _cancel(session: Session, owner: OwnerKind, ids: Sequence[int]) -> None:
    if owner == "run":
        lifecycle.cancel_runs(session, ids)
    else:
        for experiment_id in ids:
            lifecycle.cancel(session, experiment_id)


def _require_restorable(
    session: Session, owner: OwnerKind, ids: Sequence[int], deleted_days: float
) -> None:
    """Raise Conflict for anything being removed, a run of a deleted experiment, a taken name."""
    if owner == "run":
        _require_experiments_without(session, ids, "deleted_at", "deleted; restore it first")
    for id_ in sorted(curation.expired(session, owner, ids, after_days=deleted_days))[:1]:
        raise Conflict(
            f"{owner.capitalize()} {id_} was deleted more than {deleted_days:g} days ago and is "
            "being removed; it can no longer be restored."
        )
    if owner == "experiment":
        for id_, name in external_experiments.clashes(session, ids).items():
            raise Conflict(
                f"Experiment {id_} cannot be restored: another experiment has its name {name!r}."
            )


def _require_experiments_without(
    session: Session,
    run_ids: Sequence[int],
    column: Literal["archived", "deleted_at"],
    state: str,
) -> None:
    """Raise Conflict if the experiment of a run is archived, or deleted."""
    owner_ids = curation.experiments_of(session, run_ids)
    owners = experiments.by_ids(session, set(owner_ids.values()))
    blocked = {experiment.id for experiment in owners if getattr(experiment, column)}
    for run_id in run_ids:
        if owner_ids[run_id] in blocked:
            raise Conflict(
                f"Run {run_id} belongs to experiment {owner_ids[run_id]}, which is {state}."
            )


def _announce(session: Session, owner: OwnerKind, ids: Sequence[int]) -> None:
    """Notify the followers of runs or experiments that these were deleted or restored."""
    if owner == "experiment":
        changes.announce(session, ids)
    else:
        owners = curation.experiments_of(session, ids)
        changes.log_each(session, [(owners[id_], NewChange(id_, "status")) for id_ in ids])
