"""The undo log: what each operation on runs or experiments overwrote, kept for a day."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from backend.errors import NotFound
from backend.store import bulk, curation
from backend.store.curation import CuratedValue, CurationChange, OwnerKind
from backend.store.engine import now_ms
from backend.store.tables import MAX_ID, Edit, Operation

UNDO_HOURS = 24


@dataclass(frozen=True)
class Undo:
    """The values that an undo writes back, by field and id.

    `left` are the ids with a value that has changed since the operation.
    """

    operation_id: int
    owner: OwnerKind
    values: dict[str, dict[int, CuratedValue]]
    left: list[int]

    @property
    def ids(self) -> list[int]:
        """The ids with a value to write back, ascending."""
        return sorted({id_ for by_id in self.values.values() for id_ in by_id})


def apply_change(
    session: Session, owner: OwnerKind, ids: Sequence[int], change: CurationChange
) -> int | None:
    """Apply a change to existing runs or experiments, and store what it overwrote.

    Returns the operation that can be undone, None when all values were the same before.
    """
    edits: list[tuple[int, str, CuratedValue]] = []
    for name, after in change.fields().items():
        before = curation.values(session, owner, name, ids)
        changed = {id_: value for id_, value in before.items() if value != after}
        curation.write(session, owner, name, dict.fromkeys(changed, after))
        edits += [(id_, name, value) for id_, value in changed.items()]
    if not edits:
        return None
    operation = Operation(owner=owner, columns=dict(change.columns), tags=dict(change.tags))
    session.add(operation)
    session.flush()
    rows = [(operation.id, id_, name, json.dumps(value)) for id_, name, value in edits]
    bulk.insert(session, Edit, rows)
    return operation.id


def read_undo(session: Session, operation_id: int) -> Undo:
    """Return the values that an operation overwrote, where its own values are still in place.

    Rows removed since are left out. Raises NotFound for an operation that was undone or is too old.
    """
    operation = session.get(Operation, operation_id) if 1 <= operation_id <= MAX_ID else None
    if operation is None:
        raise NotFound(
            f"There is no operation {operation_id} to undo: it was undone, or is more than "
            f"{UNDO_HOURS} hours old."
        )
    owner = cast(OwnerKind, operation.owner)
    after = CurationChange(operation.columns, operation.tags).fields()
    values: dict[str, dict[int, CuratedValue]] = {}
    left: set[int] = set()
    for name, before in _edits(session, operation_id).items():
        now = curation.values(session, owner, name, list(before))
        values[name] = {id_: before[id_] for id_, value in now.items() if value == after[name]}
        left |= now.keys() - values[name].keys()
    return Undo(operation_id, owner, values, sorted(left))


def apply_undo(session: Session, undo: Undo) -> None:
    """Write back the overwritten values, and delete the operation."""
    for name, by_id in undo.values.items():
        curation.write(session, undo.owner, name, by_id)
    session.execute(delete(Operation).where(Operation.id == undo.operation_id))


def forget_expired(session: Session) -> None:
    """Delete operations that are too old to be undone."""
    session.execute(delete(Operation).where(_expired()))


def forget_owners(session: Session, owner: OwnerKind, ids: Sequence[int]) -> None:
    """Delete the history of removed runs or experiments: SQLite assigns their ids again."""
    operations = select(Operation.id).where(Operation.owner == owner)
    session.execute(delete(Edit).where(Edit.operation_id.in_(operations), Edit.target_id.in_(ids)))


def has_expired(session: Session) -> bool:
    """Return whether an operation is too old to be undone."""
    return session.scalar(select(Operation.id).where(_expired()).limit(1)) is not None


def _expired() -> ColumnElement[bool]:
    return Operation.created_at <= now_ms() - UNDO_HOURS * 3_600_000


def _edits(session: Session, operation_id: int) -> dict[str, dict[int, CuratedValue]]:
    by_field: dict[str, dict[int, CuratedValue]] = defaultdict(dict)
    query = select(Edit.field, Edit.target_id, Edit.before).where(Edit.operation_id == operation_id)
    for name, id_, before in session.execute(query):
        by_field[name][id_] = json.loads(before)
    return by_field
