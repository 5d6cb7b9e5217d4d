"""Tags, notes, pins, the archive and deletion of runs and experiments: read, written, counted.

Runs and experiments have the same; each function takes the ids of one kind.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from backend.store import bulk
from backend.store.engine import now_ms, take_turn
from backend.store.tables import Experiment, ExperimentTag, Run, RunTag

OwnerKind = Literal["run", "experiment"]

_TABLES: dict[OwnerKind, Any] = {"run": Run, "experiment": Experiment}
_TAGS: dict[OwnerKind, Any] = {"run": RunTag, "experiment": ExperimentTag}
_TAG = "tags."


@dataclass(frozen=True)
class CurationChange:
    """What is to become different: columns with their values, tags (None: taken away)."""

    columns: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str | None] = field(default_factory=dict)

    def fields(self) -> dict[str, Any]:
        """Return the wanted values by field: a column's name, or "tags.<key>"."""
        return {**self.columns, **{_TAG + key: value for key, value in self.tags.items()}}


def lock(session: Session, *, wait: bool = True) -> bool:
    """Have nobody else organise or remove until the end of the transaction.

    Waits for whoever does; without `wait` returns False then.
    """
    return take_turn(session, "organising", wait=wait)


def existing(session: Session, owner: OwnerKind, ids: Sequence[int]) -> set[int]:
    """Return those of `ids` that are there, deleted or not."""
    table = _TABLES[owner]
    return {
        id_
        for some in bulk.chunks(ids)
        for id_ in session.scalars(select(table.id).where(table.id.in_(some)))
    }


def values(session: Session, owner: OwnerKind, name: str, ids: Sequence[int]) -> dict[int, Any]:
    """Return what a field of runs or experiments holds, by id; a tag that is not there is None."""
    table, tags = _TABLES[owner], _TAGS[owner]
    if name.startswith(_TAG):
        its = (_owner_column(owner) == table.id) & (tags.key == name.removeprefix(_TAG))
        query = select(table.id, tags.value).outerjoin(tags, its)
    else:
        query = select(table.id, getattr(table, name))
    return {
        id_: value
        for some in bulk.chunks(ids)
        for id_, value in session.execute(query.where(table.id.in_(some)))
    }


def write(session: Session, owner: OwnerKind, name: str, wanted: Mapping[int, Any]) -> None:
    """Set a field of runs or experiments that exist, by id; a tag that is None is taken away."""
    table, tags = _TABLES[owner], _TAGS[owner]
    if name.startswith(_TAG):
        key = name.removeprefix(_TAG)
        given = [(id_, key, value) for id_, value in wanted.items() if value is not None]
        bulk.upsert(session, tags, given)
        for some in bulk.chunks([id_ for id_, value in wanted.items() if value is None]):
            session.execute(delete(tags).where(_owner_column(owner).in_(some), tags.key == key))
        return
    alike: dict[Any, list[int]] = defaultdict(list)
    for id_, value in wanted.items():
        alike[value].append(id_)
    for value, ids in alike.items():
        for some in bulk.chunks(ids):
            session.execute(update(table).where(table.id.in_(some)).values({name: value}))


def tags_of(session: Session, owner: OwnerKind, ids: Sequence[int]) -> dict[int, dict[str, str]]:
    """Return the tags of runs or experiments, by key."""
    tags, key = _TAGS[owner], _owner_column(owner)
    found: dict[int, dict[str, str]] = defaultdict(dict)
    for some in bulk.chunks(ids):
        query = select(key, tags.key, tags.value).where(key.in_(some)).order_by(tags.key)
        for id_, name, value in session.execute(query):
            found[id_][name] = value
    return found


def first_over_tag_limit(
    session: Session, owner: OwnerKind, ids: Sequence[int], most: int
) -> tuple[int, int] | None:
    """Return one that has more than `most` tags and how many it has, None if there is none."""
    key = _owner_column(owner)
    for some in bulk.chunks(ids):
        query = select(key, func.count()).where(key.in_(some)).group_by(key)
        found = session.execute(query.having(func.count() > most).limit(1)).first()
        if found is not None:
            return found[0], found[1]
    return None


def expired(
    session: Session, owner: OwnerKind, ids: Iterable[int], *, after_days: float
) -> set[int]:
    """Return those of `ids` that were deleted so long ago that they are being removed."""
    table = _TABLES[owner]
    before = now_ms() - int(after_days * 86_400_000)
    return {
        id_
        for some in bulk.chunks(list(ids))
        for id_ in session.scalars(
            select(table.id).where(table.id.in_(some), table.deleted_at <= before)
        )
    }


def experiments_of(session: Session, run_ids: Sequence[int]) -> dict[int, int]:
    """Return the experiment of each run, ``{run: experiment}``."""
    return {
        run_id: experiment_id
        for some in bulk.chunks(run_ids)
        for run_id, experiment_id in session.execute(
            select(Run.id, Run.experiment_id).where(Run.id.in_(some))
        )
    }


def _owner_column(owner: OwnerKind) -> Any:
    return RunTag.run_id if owner == "run" else ExperimentTag.experiment_id
