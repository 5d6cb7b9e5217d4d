"""States of the list of runs that were given a name."""

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.errors import Conflict, NotFound
from backend.store.tables import MAX_ID, SavedView

MOST = 200


def all_views(session: Session) -> Sequence[SavedView]:
    """Return the views by name."""
    return session.scalars(select(SavedView).order_by(SavedView.name)).all()


def save(session: Session, name: str, query: Mapping[str, str]) -> SavedView:
    """Store a view, in place of one of that name. Raises Conflict when there are too many."""
    found = session.scalar(select(SavedView).where(SavedView.name == name))
    if found is None:
        if len(all_views(session)) >= MOST:
            raise Conflict(f"There are {MOST} saved views already; delete one first.")
        found = SavedView(name=name)
        session.add(found)
    found.query = dict(query)
    session.flush()
    return found


def delete(session: Session, view_id: int) -> None:
    """Forget a view. Raises NotFound."""
    found = session.get(SavedView, view_id) if 1 <= view_id <= MAX_ID else None
    if found is None:
        raise NotFound(f"There is no saved view {view_id}.")
    session.delete(found)
