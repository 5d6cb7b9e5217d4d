"""Lists of runs, a page at a time: found by a filter, in an order, after a cursor.

A cursor holds the last row's place in the order, so that a page costs the same wherever it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, select
from sqlalchemy.orm import Session

from backend.search import Condition, Order
from backend.store import runs
from backend.store.experiments import Visibility
from backend.store.run_search import Search
from backend.store.tables import Experiment, Run

MAX_NUMBER = 2**63 - 1  # that databases hold

SortPosition = list[Any]


@dataclass(frozen=True)
class SortedRuns:
    """Runs in their order, and the place after the last of them if there are more."""

    runs: Sequence[Run]
    next_place: SortPosition | None


@dataclass(frozen=True)
class _Key:
    """One expression of the order; NULL comes last whatever the direction."""

    expression: Any
    descending: bool
    type: type = float

    def holds(self, value: Any) -> bool:
        """Whether a value can be one of this expression's."""
        if isinstance(value, int) and abs(value) > MAX_NUMBER:
            return False
        if isinstance(value, str) and "\0" in value:
            return False
        kinds = (self.type, int) if self.type is float else self.type
        return value is None or isinstance(value, kinds)


def sorted_page(
    session: Session,
    condition: Condition | None = None,
    order: Sequence[Order] = (),
    *,
    shown: Visibility = "active",
    after: SortPosition | None = None,
    limit: int = 50,
) -> SortedRuns:
    """Return runs in order, those that are pinned first, the newest first among equals.

    Raises ValueError when `after` is not a place in this order.
    """
    search = Search(session)
    where = and_(_shown(shown), search.condition(condition))
    keys = [key for each in order for key in _keys(search, each)]
    keys = [_Key(Run.pinned, True, bool), *keys, _Key(Run.id, True, int)]
    if after is not None:
        where = and_(where, _after(keys, after))
    query = search.select(*(key.expression for key in keys)).where(where)
    if not order and shown == "active":  # the order of ix_runs_listed: PostgreSQL need not sort
        query = query.order_by(Run.deleted_at.desc(), Run.archived.desc())
    found = session.execute(_ordered(query, keys).limit(limit + 1)).all()
    rows = _in_order(session, [row[-1] for row in found[:limit]])
    return SortedRuns(rows, list(found[limit - 1]) if len(found) > limit else None)


def count_matching(
    session: Session, condition: Condition | None = None, *, shown: Visibility = "active"
) -> int:
    """Return how many runs match."""
    search = Search(session)
    where = and_(_shown(shown), search.condition(condition))
    return session.scalar(search.select(func.count()).where(where)) or 0


def matching_ids(
    session: Session, condition: Condition | None, *, shown: Visibility = "active", limit: int
) -> list[int]:
    """Return the ids of the runs that match, ascending, at most `limit` of them."""
    search = Search(session)
    where = and_(_shown(shown), search.condition(condition))
    return list(session.scalars(search.select(Run.id).where(where).order_by(Run.id).limit(limit)))


def _shown(shown: Visibility) -> ColumnElement[bool]:
    """Return the condition of a kind of list; a run goes where its experiment goes."""
    gone = select(Experiment.id).where(Experiment.deleted_at.is_not(None))
    put_away = select(Experiment.id).where(Experiment.archived)
    if shown == "deleted":  # what went with its experiment comes back with it
        return and_(Run.deleted_at.is_not(None), Run.experiment_id.not_in(gone))
    there = and_(Run.deleted_at.is_(None), Run.experiment_id.not_in(gone))
    if shown == "archived":
        return and_(there, or_(Run.archived, Run.experiment_id.in_(put_away)))
    return and_(there, Run.archived.is_(False), Run.experiment_id.not_in(put_away))


def _keys(search: Search, order: Order) -> list[_Key]:
    expressions = search.expressions(order.field)
    types = {"text": (str,), "truth": (bool,), "either": (float, str)}
    held = types.get(order.field.kind, (float,))
    return [_Key(one, order.descending, kind) for one, kind in zip(expressions, held, strict=True)]


def _ordered(query: Select[Any], keys: Sequence[_Key]) -> Select[Any]:
    for key in keys:
        expression = key.expression
        if key.expression is not Run.id and key.expression is not Run.pinned:
            query = query.order_by(expression.is_(None))
        query = query.order_by(expression.desc() if key.descending else expression)
    return query


def _after(keys: Sequence[_Key], place: SortPosition) -> ColumnElement[bool]:
    """Return the condition of the rows after a place: after in one key, equal in those before."""
    fits = len(place) == len(keys) and all(map(_Key.holds, keys, place))
    if not fits or place[0] is None or place[-1] is None:
        raise ValueError("a place of another order")
    ways, equal = [], []
    for key, value in zip(keys, place, strict=True):
        if value is None:
            equal.append(key.expression.is_(None))
            continue
        bound = literal(value)
        beyond = key.expression < bound if key.descending else key.expression > bound
        ways.append(and_(*equal, or_(beyond, key.expression.is_(None))))
        equal.append(key.expression == bound)
    return or_(*ways)


def _in_order(session: Session, run_ids: Sequence[int]) -> list[Run]:
    found = {run.id: run for run in runs.by_ids(session, run_ids)}
    return [found[run_id] for run_id in run_ids]
