"""What was done to runs or experiments at once, with what it overwrote: done, undone, forgotten."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from backend.errors import NotFound
from backend.store import bulk, curation
from backend.store.curation import CurationChange, OwnerKind
from backend.store.engine import now_ms
from backend.store.tables import MAX_ID, Edit, Operation

UNDO_HOURS = 24


@dataclass(frozen=True)
class Undo:
    """What an undo puts back, by field and id; `left` are those that were changed since."""

    operation_id: int
    owner: OwnerKind
    put_back: dict[str, dict[int, Any]]
    left: list[int]

    @property
    def ids(self) -> list[int]:
        """All of which something is put back, ascending."""
        return sorted({id_ for wanted in self.put_back.values() for id_ in wanted})


def apply_change(
    session: Session, owner: OwnerKind, ids: Sequence[int], wanted: CurationChange
) -> int | None:
    """Apply a change to runs or experiments that exist, and note what it overwrote.

    Returns the operation under which it can be undone, None when nothing was different before.
    """
    edits: list[tuple[int, str, Any]] = []
    for name, after in wanted.fields().items():
        before = curation.values(session, owner, name, ids)
        moved = {id_: value for id_, value in before.items() if value != after}
        curation.write(session, owner, name, dict.fromkeys(moved, after))
        edits += [(id_, name, value) for id_, value in moved.items()]
    if not edits:
        return None
    operation = Operation(owner=owner, columns=dict(wanted.columns), tags=dict(wanted.tags))
    session.add(operation)
    session.flush()
    rows = [(operation.id, id_, name, json.dumps(value)) for id_, name, value in edits]
    bulk.insert(session, Edit, rows)
    return operation.id


def read_undo(session: Session, operation_id: int) -> Undo:
    """Return what an operation overwrote, where that still is as the operation left it.

    What has been removed since stays away. Raises NotFound when it was undone or forgotten.
    """
    operation = session.get(Operation, operation_id) if 1 <= operation_id <= MAX_ID else None
    if operation is None:
        raise NotFound(
            f"There is no operation {operation_id} to undo: it was undone, or is more than "
            f"{UNDO_HOURS} hours old."
        )
    owner = cast(OwnerKind, operation.owner)
    after = CurationChange(operation.columns, operation.tags).fields()
    put_back: dict[str, dict[int, Any]] = {}
    left: set[int] = set()
    for name, before in _edits(session, operation_id).items():
        now = curation.values(session, owner, name, list(before))
        put_back[name] = {id_: before[id_] for id_, value in now.items() if value == after[name]}
        left |= now.keys() - put_back[name].keys()
    return Undo(operation_id, owner, put_back, sorted(left))


def apply_undo(session: Session, found: Undo) -> None:
    """Put back what was overwritten, and forget the operation."""
    for name, wanted in found.put_back.items():
        curation.write(session, found.owner, name, wanted)
    session.execute(delete(Operation).where(Operation.id == found.operation_id))


def forget_expired(session: Session) -> None:
    """Forget operations that are too old to be undone."""
    session.execute(delete(Operation).where(_too_old()))


def forget_owners(session: Session, owner: OwnerKind, ids: Sequence[int]) -> None:
    """Forget what was done to runs or experiments that are removed: SQLite gives out ids again."""
    theirs = select(Operation.id).where(Operation.owner == owner)
    session.execute(delete(Edit).where(Edit.operation_id.in_(theirs), Edit.target_id.in_(ids)))


def has_expired(session: Session) -> bool:
    """Whether an operation is too old to be undone."""
    return session.scalar(select(Operation.id).where(_too_old()).limit(1)) is not None


def _too_old() -> ColumnElement[bool]:
    return Operation.created_at <= now_ms() - UNDO_HOURS * 3_600_000


def _edits(session: Session, operation_id: int) -> dict[str, dict[int, Any]]:
    found: dict[str, dict[int, Any]] = defaultdict(dict)
    query = select(Edit.field, Edit.target_id, Edit.before).where(Edit.operation_id == operation_id)
    for name, id_, before in session.execute(query):
        found[name][id_] = json.loads(before)
    return found
