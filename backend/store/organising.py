"""Tags, notes, pins, archiving and deletion: what a person does to keep runs in order.

Runs and experiments have the same four; each function takes the ids of one kind.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from backend.store import bulk
from backend.store.engine import now_ms
from backend.store.tables import Experiment, ExperimentTag, Run, RunTag

Owner = Literal["run", "experiment"]

_TABLES: dict[Owner, Any] = {"run": Run, "experiment": Experiment}
_TAGS: dict[Owner, Any] = {"run": RunTag, "experiment": ExperimentTag}


@dataclass(frozen=True)
class Change:
    """What is to become different: columns with their values, tags (None: taken away)."""

    columns: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str | None] = field(default_factory=dict)


def existing(session: Session, owner: Owner, ids: Sequence[int]) -> set[int]:
    """Return those of `ids` that are there, deleted or not."""
    table = _TABLES[owner]
    return {
        id_
        for some in bulk.chunks(ids)
        for id_ in session.scalars(select(table.id).where(table.id.in_(some)))
    }


def change(session: Session, owner: Owner, ids: Sequence[int], wanted: Change) -> None:
    """Apply a change to runs or experiments that exist."""
    table, tags = _TABLES[owner], _TAGS[owner]
    key = _owner_column(owner)
    for some in bulk.chunks(ids):
        if wanted.columns:
            session.execute(update(table).where(table.id.in_(some)).values(**wanted.columns))
        if wanted.tags:
            session.execute(delete(tags).where(key.in_(some), tags.key.in_(wanted.tags)))
    given = [(name, value) for name, value in wanted.tags.items() if value is not None]
    bulk.insert(session, tags, [(id_, name, value) for id_ in ids for name, value in given])


def tags_of(session: Session, owner: Owner, ids: Sequence[int]) -> dict[int, dict[str, str]]:
    """Return the tags of runs or experiments, by key."""
    tags, key = _TAGS[owner], _owner_column(owner)
    found: dict[int, dict[str, str]] = defaultdict(dict)
    for some in bulk.chunks(ids):
        query = select(key, tags.key, tags.value).where(key.in_(some)).order_by(tags.key)
        for id_, name, value in session.execute(query):
            found[id_][name] = value
    return found


def mark_deleted(session: Session, owner: Owner, ids: Sequence[int]) -> None:
    """Hide runs or experiments until they are restored or removed."""
    table = _TABLES[owner]
    for some in bulk.chunks(ids):
        there = table.id.in_(some) & table.deleted_at.is_(None)
        session.execute(update(table).where(there).values(deleted_at=now_ms()))


def restore(session: Session, owner: Owner, ids: Sequence[int]) -> None:
    """Bring back what was deleted."""
    table = _TABLES[owner]
    for some in bulk.chunks(ids):
        session.execute(update(table).where(table.id.in_(some)).values(deleted_at=None))


def experiments_of(session: Session, run_ids: Sequence[int]) -> dict[int, int]:
    """Return the experiment of each run, ``{run: experiment}``."""
    return {
        run_id: experiment_id
        for some in bulk.chunks(run_ids)
        for run_id, experiment_id in session.execute(
            select(Run.id, Run.experiment_id).where(Run.id.in_(some))
        )
    }


def _owner_column(owner: Owner) -> Any:
    return RunTag.run_id if owner == "run" else ExperimentTag.experiment_id
