"""The audit log: its entries, newest first, and how many are kept."""

from collections.abc import Mapping, Sequence

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from backend.store.engine import now_ms
from backend.store.tables import AuditEntry

MAX_TARGET_IDS = 100  # of one kind in one entry; a bulk operation may change thousands
REMOVED_AT_ONCE = 1000


def record(
    session: Session,
    *,
    token: str | None,
    in_browser: bool,
    client: str,
    method: str,
    route: str,
    targets: Mapping[str, Sequence[int | str]],
    status: int,
) -> None:
    """Add an entry. It keeps the first `MAX_TARGET_IDS` ids of each kind."""
    kept = {kind: list(ids[:MAX_TARGET_IDS]) for kind, ids in targets.items() if ids}
    session.add(
        AuditEntry(
            token=token,
            in_browser=in_browser,
            client=client,
            method=method[:8],
            route=route[:200],
            targets=kept,
            status=status,
        )
    )


def page(
    session: Session, *, before: int | None, limit: int, token: str | None = None
) -> tuple[Sequence[AuditEntry], int | None]:
    """Return entries with an id below `before`, newest first, and the cursor of the next page.

    `token` selects the entries of one token.
    """
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit + 1)
    if before is not None:
        query = query.where(AuditEntry.id < before)
    if token is not None:
        query = query.where(AuditEntry.token == token)
    rows = session.scalars(query).all()
    more = len(rows) > limit
    return rows[:limit], rows[limit - 1].id if more else None


def remove_old(session: Session, *, days: float, entries: int) -> int:
    """Remove entries older than `days` and all but the newest `entries`, some at a time.

    Returns how many were removed.
    """
    newest = session.scalar(select(func.max(AuditEntry.id))) or 0
    is_old = AuditEntry.at < now_ms() - round(days * 86_400_000)
    ids = session.scalars(
        select(AuditEntry.id)
        .where(or_(is_old, AuditEntry.id <= newest - entries))
        .limit(REMOVED_AT_ONCE)
    ).all()
    if ids:
        session.execute(delete(AuditEntry).where(AuditEntry.id.in_(ids)))
    return len(ids)
