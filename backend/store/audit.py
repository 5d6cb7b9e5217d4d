"""The audit log: its entries, newest first, and how many are kept."""

from collections.abc import Mapping, Sequence

from sqlalchemy import delete, func, inspect, or_, select, update
from sqlalchemy.orm import Session

from backend.store.engine import now_ms
from backend.store.tables import AuditEntry

MAX_TARGET_IDS = 100  # of one kind in one entry; a bulk operation may change thousands
REMOVED_AT_ONCE = 1000
COMMAND = "lab"
"""The method of an entry for a command on the machine of the service; its route is the command."""
Targets = Mapping[str, Sequence[int | str]]


def record(
    session: Session,
    *,
    token: str | None,
    in_browser: bool,
    client: str,
    method: str,
    route: str,
    targets: Targets,
    status: int,
) -> AuditEntry:
    """Add an entry. It keeps the first `MAX_TARGET_IDS` ids of each kind."""
    entry = AuditEntry(
        token=token,
        in_browser=in_browser,
        client=client,
        method=method[:8],
        route=route[:200],
        targets=kept(targets),
        status=status,
    )
    session.add(entry)
    return entry


def complete(
    session: Session, entry: AuditEntry, *, targets: Targets, status: int | None = None
) -> None:
    """Change the targets and the status of an entry that is stored. None keeps the status."""
    entry.targets, entry.status = kept(targets), status or entry.status
    session.execute(
        update(AuditEntry)
        .where(AuditEntry.id == entry.id)
        .values(targets=entry.targets, status=entry.status)
    )


def is_stored(entry: AuditEntry) -> bool:
    """Return whether the transaction that added an entry was committed, or may still be."""
    return bool(inspect(entry).has_identity)


def kept(targets: Targets) -> dict[str, list[int | str]]:
    """Return the targets that an entry keeps."""
    return {kind: list(ids[:MAX_TARGET_IDS]) for kind, ids in targets.items() if ids}


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
