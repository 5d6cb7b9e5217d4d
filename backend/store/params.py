"""Params as they are searched for: one row a run and param, beside the run's own JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from backend.store import bulk
from backend.store.engine import insert_for
from backend.store.tables import Param, ParamKey


def add(session: Session, params: Mapping[int, Mapping[str, Any]]) -> None:
    """Make runs' params searchable, ``{run: {name: value}}``."""
    keys = key_ids(session, {name for flat in params.values() for name in flat})
    rows = [
        (keys[name], run_id, _text(value), _number(value))
        for run_id, flat in params.items()
        for name, value in flat.items()
    ]
    bulk.insert(session, Param, sorted(rows))


def remove(session: Session, run_ids: Sequence[int]) -> None:
    """Forget the params of runs."""
    keys = session.scalars(select(ParamKey.id)).all()
    for some in bulk.chunks(run_ids):
        session.execute(delete(Param).where(Param.key_id.in_(keys), Param.run_id.in_(some)))


def key_ids(session: Session, names: set[str]) -> dict[str, int]:
    """Return the ids of params' names, making those that are new."""
    known = select(ParamKey.name, ParamKey.id).where(ParamKey.name.in_(names))
    found = {name: id_ for name, id_ in session.execute(known)}  # noqa: C416 - typed
    missing = sorted(names - found.keys())
    if missing:
        insert = insert_for(session.get_bind().dialect.name, ParamKey).on_conflict_do_nothing()
        session.execute(insert, [{"name": name} for name in missing])
        found = {name: id_ for name, id_ in session.execute(known)}  # noqa: C416 - typed
    return found


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
