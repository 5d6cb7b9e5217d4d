"""States of the list of runs that were given a name."""

from collections.abc import Mapping, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.errors import Conflict, NotFound
from backend.store.engine import insert_for
from backend.store.tables import MAX_ID, SavedView

MOST = 200


def all_views(session: Session) -> Sequence[SavedView]:
    """Return the views by name."""
    return session.scalars(select(SavedView).order_by(SavedView.name)).all()


def save(session: Session, name: str, query: Mapping[str, str]) -> SavedView:
    """Store a view, in place of one of that name. Raises Conflict when there are too many."""
    others = select(func.count()).select_from(SavedView).where(SavedView.name != name)
    if (session.scalar(others) or 0) >= MOST:
        raise Conflict(f"There are {MOST} saved views already; delete one first.")
    new = insert_for(session.get_bind().dialect.name, SavedView)
    new = new.values(name=name, query=dict(query))
    kept = new.on_conflict_do_update(index_elements=["name"], set_={"query": new.excluded.query})
    fresh = {"populate_existing": True}
    found: SavedView = session.scalars(kept.returning(SavedView), execution_options=fresh).one()
    return found


def delete(session: Session, view_id: int) -> None:
    """Forget a view. Raises NotFound."""
    found = session.get(SavedView, view_id) if 1 <= view_id <= MAX_ID else None
    if found is None:
        raise NotFound(f"There is no saved view {view_id}.")
    session.delete(found)
