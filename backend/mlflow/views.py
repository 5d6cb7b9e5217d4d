"""The part of a search result that a client asks for: active runs, deleted ones, or both."""

from backend.store.external_search import Page

_VIEWS: dict[str | int, tuple[bool, bool]] = {
    "ACTIVE_ONLY": (True, False),
    "DELETED_ONLY": (False, True),
    "ALL": (True, True),
    1: (True, False),
    2: (False, True),
    3: (True, True),
}


def view_of(written: str | int | None, offset: int, limit: int) -> Page:
    """Return the page of a search. A view that is not known counts as the usual one."""
    active, deleted = _VIEWS.get(written or "ACTIVE_ONLY", (True, False))
    return Page(offset, limit, active=active, deleted=deleted)
