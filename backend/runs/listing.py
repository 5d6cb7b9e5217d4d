"""Lists of runs over all experiments: parse a filter and an order, and return a page of results."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from backend.errors import InvalidInput
from backend.runs.items import listed_runs
from backend.runs.schemas import RunList
from backend.search import Condition, Order, parse, parse_order
from backend.search.tokens import MAX_LENGTH
from backend.store import run_pages, run_search
from backend.store.experiments import Visibility
from backend.store.run_pages import SortPosition
from backend.store.tables import SavedView


@dataclass(frozen=True)
class RunQuery:
    """A parsed filter and order, and the list they apply to."""

    condition: Condition | None
    order: tuple[Order, ...]
    shown: Visibility


def read_query(
    session: Session,
    *,
    filter: str,  # noqa: A002 - as the query parameter is named
    order_by: str,
    shown: Visibility,
) -> RunQuery:
    """Parse a filter and an order. Raises FilterError."""
    names = run_search.names(session)
    return RunQuery(parse(filter, names), parse_order(order_by, names), shown)


def list_runs(session: Session, query: RunQuery, *, cursor: str | None, limit: int) -> RunList:
    """Return a page of a list. Raises InvalidInput for a cursor of another order."""
    order = _order_text(query.order)
    after = None if cursor is None else _decode(cursor, order)
    try:
        page = run_pages.sorted_page(
            session, query.condition, query.order, shown=query.shown, after=after, limit=limit
        )
    except ValueError as error:
        raise _invalid_cursor(cursor) from error
    next_cursor = None if page.next_position is None else _encode(order, page.next_position)
    return RunList(items=listed_runs(session, page.runs), next_cursor=next_cursor)


def _order_text(order: Sequence[Order]) -> str:
    return ", ".join(map(str, order))


def _encode(order: str, position: SortPosition) -> str:
    """Return a cursor: the order that it belongs to, and a position in it."""
    return base64.urlsafe_b64encode(json.dumps([order, position]).encode()).decode().rstrip("=")


def _decode(cursor: str, order: str) -> SortPosition:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        cursor_order, position = json.loads(base64.urlsafe_b64decode(padded.encode()))
    except (ValueError, TypeError, RecursionError) as error:
        raise _invalid_cursor(cursor) from error
    if cursor_order != order or not isinstance(position, list):
        raise _invalid_cursor(cursor)
    return position


def _invalid_cursor(cursor: str | None) -> InvalidInput:
    shortened = (cursor or "")[:40]
    return InvalidInput(
        f"cursor is {shortened!r}; accepted: the next_cursor of a list in the same order.",
        "cursor",
    )


Text = Annotated[str, Field(max_length=MAX_LENGTH)]


class Query(BaseModel):
    """The state of a list of runs, as in its URL."""

    model_config = ConfigDict(extra="forbid")

    filter: Text = ""
    order_by: Text = ""
    columns: Text = ""
    shown: Visibility = "active"


class View(BaseModel):
    """A saved view and the URL of its page."""

    id: int
    name: str
    query: Query
    url: str


def view_item(row: SavedView) -> View:
    """Return the response model of a saved view."""
    query = f"?{urlencode(row.query)}" if row.query else ""
    return View(
        id=row.id, name=row.name, query=Query.model_validate(row.query), url=f"/runs{query}"
    )
