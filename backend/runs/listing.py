"""Lists of runs as an address asks for them: read, found, and told as the outside sees them."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from sqlalchemy.orm import Session

from backend.errors import InvalidInput
from backend.runs.schemas import RunItem, iso, run_items
from backend.search import Condition, Order, parse, parse_order
from backend.store import experiments, run_pages, run_search
from backend.store.experiments import Visibility
from backend.store.tables import Experiment, Run


class ListedRun(RunItem):
    """A run in a list over experiments, with the name of its own and when that was made."""

    name: str
    created_at: str


class RunList(BaseModel):
    """Some runs in the order asked for; `next_cursor` leads to those after them."""

    items: list[ListedRun]
    next_cursor: str | None


@dataclass(frozen=True)
class RunQuery:
    """A filter and an order, read."""

    condition: Condition | None
    order: tuple[Order, ...]
    shown: Visibility


def read_query(session: Session, *, filter: str, order_by: str, shown: Visibility) -> RunQuery:  # noqa: A002
    """Read a filter and an order. Raises FilterError."""
    names = run_search.names(session)
    return RunQuery(parse(filter, names), parse_order(order_by, names), shown)


def list_runs(session: Session, asked: RunQuery, *, cursor: str | None, limit: int) -> RunList:
    """Return a page of a list. Raises InvalidInput when the cursor is not one of this order."""
    kind = _kind(asked.order)
    after = None if cursor is None else _place(cursor, kind)
    try:
        page = run_pages.sorted_page(
            session, asked.condition, asked.order, shown=asked.shown, after=after, limit=limit
        )
    except ValueError as error:
        raise _refused(cursor) from error
    following = None if page.next_place is None else _cursor(kind, page.next_place)
    return RunList(items=_items(session, page.runs), next_cursor=following)


def _items(session: Session, rows: Sequence[Run]) -> list[ListedRun]:
    owners: dict[int, Experiment] = {
        one.id: one for one in experiments.by_ids(session, {row.experiment_id for row in rows})
    }
    return [
        ListedRun(
            **dict(item),
            name=owners[item.experiment_id].name,
            created_at=str(iso(owners[item.experiment_id].created_at)),
        )
        for item in run_items(session, rows)
    ]


def _kind(order: Sequence[Order]) -> str:
    return ", ".join(map(str, order))


def _cursor(kind: str, place: run_pages.SortPosition) -> str:
    return base64.urlsafe_b64encode(json.dumps([kind, place]).encode()).decode().rstrip("=")


def _place(cursor: str, kind: str) -> Any:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        of, place = json.loads(base64.urlsafe_b64decode(padded.encode()))
    except (ValueError, TypeError, RecursionError) as error:
        raise _refused(cursor) from error
    if of != kind or not isinstance(place, list):
        raise _refused(cursor)
    return place


def _refused(cursor: str | None) -> InvalidInput:
    found = (cursor or "")[:40]
    return InvalidInput(
        f"cursor is {found!r}; accepted: the next_cursor of a list in the same order.", "cursor"
    )
