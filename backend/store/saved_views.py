"""Saved views: named states of the list of runs."""

from collections.abc import Mapping, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.errors import Conflict, NotFound
from backend.store.engine import insert_for
from backend.store.tables import MAX_ID, SavedView

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
