"""Tags, notes, pins, the archive and deletion of runs and experiments, and saved views.

Runs and experiments have the same fields; each function takes ids of one kind.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from backend.errors import Conflict, NotFound
from backend.store import bulk
from backend.store.engine import insert_for, now_ms, take_turn
from backend.store.tables import MAX_ID, Experiment, ExperimentTag, Run, RunTag, SavedView

OwnerKind = Literal["run", "experiment"]
CuratedValue = str | int | bool | None
"""A note, a tag's value, the time of a deletion, or whether something is pinned or archived."""

_TABLES: dict[OwnerKind, type[Run | Experiment]] = {"run": Run, "experiment": Experiment}
_TAGS: dict[OwnerKind, type[RunTag | ExperimentTag]] = {"run": RunTag, "experiment": ExperimentTag}
_TAG_PREFIX = "tags."


@dataclass(frozen=True)
class CurationChange:
    """New values of columns and tags; a tag that is None is removed."""

    columns: Mapping[str, CuratedValue] = field(default_factory=dict)
    tags: Mapping[str, str | None] = field(default_factory=dict)

    def fields(self) -> dict[str, CuratedValue]:
        """Return the new values by field: the name of a column, or "tags.<key>"."""
        return {**self.columns, **{_TAG_PREFIX + key: value for key, value in self.tags.items()}}


def lock(session: Session, *, wait: bool = True) -> bool:
    """Keep other transactions from curating or removing until the end of this one.

    Waits for another such transaction to end; without `wait`, returns False instead.
    """
    return take_turn(session, "organising", wait=wait)


def existing(session: Session, owner: OwnerKind, ids: Sequence[int]) -> set[int]:
    """Return those of `ids` that exist, deleted or not."""
    table = _TABLES[owner]
    return {
        id_
        for chunk in bulk.chunks(ids)
        for id_ in session.scalars(select(table.id).where(table.id.in_(chunk)))
    }


def values(
    session: Session, owner: OwnerKind, name: str, ids: Sequence[int]
) -> dict[int, CuratedValue]:
    """Return the values of a field by id; the value of a missing tag is None."""
    table, tags = _TABLES[owner], _TAGS[owner]
    if name.startswith(_TAG_PREFIX):
        key = name.removeprefix(_TAG_PREFIX)
        query = select(table.id, tags.value).outerjoin(
            tags, (_owner_id(owner) == table.id) & (tags.key == key)
        )
    else:
        query = select(table.id, getattr(table, name))
    return {
        id_: value
        for chunk in bulk.chunks(ids)
        for id_, value in session.execute(query.where(table.id.in_(chunk)))
    }


def write(
    session: Session, owner: OwnerKind, name: str, new_values: Mapping[int, CuratedValue]
) -> None:
    """Set a field of existing runs or experiments, by id; a tag that is None is removed."""
    if name.startswith(_TAG_PREFIX):
        _write_tag(session, owner, name.removeprefix(_TAG_PREFIX), new_values)
    else:
        _write_column(session, owner, name, new_values)
    session.expire_all()  # rows that were read before have old values


def _write_tag(
    session: Session, owner: OwnerKind, key: str, new_values: Mapping[int, CuratedValue]
) -> None:
    tags = _TAGS[owner]
    rows = [(id_, key, value) for id_, value in new_values.items() if value is not None]
    bulk.upsert(session, tags, rows)
    removed = [id_ for id_, value in new_values.items() if value is None]
    for chunk in bulk.chunks(removed):
        session.execute(delete(tags).where(_owner_id(owner).in_(chunk), tags.key == key))


def _write_column(
    session: Session, owner: OwnerKind, name: str, new_values: Mapping[int, CuratedValue]
) -> None:
    table = _TABLES[owner]
    ids_by_value: dict[CuratedValue, list[int]] = defaultdict(list)
    for id_, value in new_values.items():
        ids_by_value[value].append(id_)
    for value, ids in ids_by_value.items():
        for chunk in bulk.chunks(ids):
            session.execute(update(table).where(table.id.in_(chunk)).values({name: value}))


def tags_of(session: Session, owner: OwnerKind, ids: Sequence[int]) -> dict[int, dict[str, str]]:
    """Return the tags of runs or experiments: ``{id: {key: value}}``."""
    tags, owner_id = _TAGS[owner], _owner_id(owner)
    by_owner: dict[int, dict[str, str]] = defaultdict(dict)
    for chunk in bulk.chunks(ids):
        query = select(owner_id, tags.key, tags.value).where(owner_id.in_(chunk))
        for id_, key, value in session.execute(query.order_by(tags.key)):
            by_owner[id_][key] = value
    return by_owner


def first_over_tag_limit(
    session: Session, owner: OwnerKind, ids: Sequence[int], limit: int
) -> tuple[int, int] | None:
    """Return the id and tag count of the first with more than `limit` tags, None without any."""
    owner_id = _owner_id(owner)
    for chunk in bulk.chunks(ids):
        query = select(owner_id, func.count()).where(owner_id.in_(chunk)).group_by(owner_id)
        row = session.execute(query.having(func.count() > limit).limit(1)).first()
        if row is not None:
            return row[0], row[1]
    return None


def expired(
    session: Session, owner: OwnerKind, ids: Iterable[int], *, after_days: float
) -> set[int]:
    """Return those of `ids` that were deleted long enough ago to be removed."""
    table = _TABLES[owner]
    limit = now_ms() - int(after_days * 86_400_000)
    return {
        id_
        for chunk in bulk.chunks(list(ids))
        for id_ in session.scalars(
            select(table.id).where(table.id.in_(chunk), table.deleted_at <= limit)
        )
    }


def experiments_of(session: Session, run_ids: Sequence[int]) -> dict[int, int]:
    """Return the experiment of each run: ``{run: experiment}``."""
    return {
        run_id: experiment_id
        for chunk in bulk.chunks(run_ids)
        for run_id, experiment_id in session.execute(
            select(Run.id, Run.experiment_id).where(Run.id.in_(chunk))
        )
    }


def _owner_id(owner: OwnerKind) -> InstrumentedAttribute[int]:
    return RunTag.run_id if owner == "run" else ExperimentTag.experiment_id


MAX_VIEWS = 200


def all_views(session: Session) -> Sequence[SavedView]:
    """Return all views, sorted by name."""
    return session.scalars(select(SavedView).order_by(SavedView.name)).all()


def save_view(session: Session, name: str, query: Mapping[str, str]) -> SavedView:
    """Store a view, replacing a view of the same name. Raises Conflict if there are too many."""
    others = select(func.count()).select_from(SavedView).where(SavedView.name != name)
    if (session.scalar(others) or 0) >= MAX_VIEWS:
        raise Conflict(f"There are {MAX_VIEWS} saved views already; delete one first.")
    new = insert_for(session.get_bind().dialect.name, SavedView)
    new = new.values(name=name, query=dict(query))
    upsert = new.on_conflict_do_update(index_elements=["name"], set_={"query": new.excluded.query})
    return session.scalars(
        upsert.returning(SavedView), execution_options={"populate_existing": True}
    ).one()


def delete_view(session: Session, view_id: int) -> None:
    """Delete a view. Raises NotFound."""
    view = session.get(SavedView, view_id) if 1 <= view_id <= MAX_ID else None
    if view is None:
        raise NotFound(f"There is no saved view {view_id}.")
    session.delete(view)
