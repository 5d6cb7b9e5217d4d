"""Pages of runs: filtered, sorted, and continued after a position.

A position holds the sort values of the last row, so every page costs the same, however far down the
list it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, literal, or_, select
from sqlalchemy.orm import Session

from backend.search import Condition, Order
from backend.store import runs
from backend.store.experiments import Visibility
from backend.store.run_search import Expression, Search, as_expression
from backend.store.tables import Experiment, Run

MAX_NUMBER = 2**63 - 1  # the largest integer of both databases

SortValue = str | int | float | bool | None
SortPosition = list[SortValue]
"""The sort values of a row, in the order of the sort keys."""


@dataclass(frozen=True)
class SortedRuns:
    """Runs in their order, and the position after the last of them if there are more."""

    runs: Sequence[Run]
    next_position: SortPosition | None


@dataclass(frozen=True)
class _SortKey:
    """One expression of the order. NULL comes last in both directions."""

    expression: Expression
    descending: bool
    value_type: type[object] = float

    @property
    def nullable(self) -> bool:
        """Return whether the expression can be NULL, which costs PostgreSQL the use of an index."""
        never_null = (as_expression(Run.id), as_expression(Run.pinned))
        return not any(self.expression is column for column in never_null)

    def accepts(self, value: SortValue) -> bool:
        """Return whether a value has the type of this expression."""
        if isinstance(value, int) and abs(value) > MAX_NUMBER:
            return False
        if isinstance(value, str) and "\0" in value:
            return False
        types = (self.value_type, int) if self.value_type is float else self.value_type
        return value is None or isinstance(value, types)


def sorted_page(
    session: Session,
    condition: Condition | None = None,
    order: Sequence[Order] = (),
    *,
    shown: Visibility = "active",
    after: SortPosition | None = None,
    limit: int = 50,
) -> SortedRuns:
    """Return runs in order: pinned runs first, and the newest first among equals.

    Raises ValueError when `after` is not a position in this order.
    """
    search = Search(session)
    where = and_(_is_shown(shown), search.condition(condition))
    keys = [
        _SortKey(as_expression(Run.pinned), True, bool),
        *(key for column in order for key in _sort_keys(search, column)),
        _SortKey(as_expression(Run.id), True, int),
    ]
    if after is not None:
        where = and_(where, _after(keys, after))
    query = search.select(*(key.expression for key in keys)).where(where)
    if not order and shown == "active":  # the order of ix_runs_listed: PostgreSQL need not sort
        query = query.order_by(Run.deleted_at.desc(), Run.archived.desc())
    rows = session.execute(query.order_by(*_order_by(keys)).limit(limit + 1)).all()
    page = _in_order(session, [row[-1] for row in rows[:limit]])
    return SortedRuns(page, list(rows[limit - 1]) if len(rows) > limit else None)


def count_matching(
    session: Session, condition: Condition | None = None, *, shown: Visibility = "active"
) -> int:
    """Return how many runs match."""
    search = Search(session)
    where = and_(_is_shown(shown), search.condition(condition))
    return session.scalar(search.select(func.count()).where(where)) or 0


def matching_ids(
    session: Session, condition: Condition | None, *, shown: Visibility = "active", limit: int
) -> list[int]:
    """Return the ids of at most `limit` matching runs, ascending."""
    search = Search(session)
    where = and_(_is_shown(shown), search.condition(condition))
    return list(session.scalars(search.select(Run.id).where(where).order_by(Run.id).limit(limit)))


def _is_shown(shown: Visibility) -> ColumnElement[bool]:
    """Return the condition of a list. A run is archived or deleted with its experiment."""
    deleted = select(Experiment.id).where(Experiment.deleted_at.is_not(None))
    archived = select(Experiment.id).where(Experiment.archived)
    if shown == "deleted":  # a run deleted with its experiment is restored with it
        return and_(Run.deleted_at.is_not(None), Run.experiment_id.not_in(deleted))
    present = and_(Run.deleted_at.is_(None), Run.experiment_id.not_in(deleted))
    if shown == "archived":
        return and_(present, or_(Run.archived, Run.experiment_id.in_(archived)))
    return and_(present, Run.archived.is_(False), Run.experiment_id.not_in(archived))


def _sort_keys(search: Search, order: Order) -> list[_SortKey]:
    types: dict[str, tuple[type[object], ...]] = {
        "text": (str,),
        "truth": (bool,),
        "either": (float, str),
    }
    expressions = search.expressions(order.field)
    return [
        _SortKey(expression, order.descending, type_)
        for expression, type_ in zip(
            expressions, types.get(order.field.kind, (float,)), strict=True
        )
    ]


def _order_by(keys: Sequence[_SortKey]) -> list[Expression]:
    columns: list[Expression] = []
    for key in keys:
        if key.nullable:
            columns.append(key.expression.is_(None))
        columns.append(key.expression.desc() if key.descending else key.expression)
    return columns


def _after(keys: Sequence[_SortKey], position: SortPosition) -> ColumnElement[bool]:
    """Return the condition of the rows after a position: equal up to one key, beyond it there."""
    fits = len(position) == len(keys) and all(map(_SortKey.accepts, keys, position))
    if not fits or position[0] is None or position[-1] is None:
        raise ValueError("a position in another order")
    alternatives: list[ColumnElement[bool]] = []
    equal: list[ColumnElement[bool]] = []
    for key, value in zip(keys, position, strict=True):
        if value is None:
            equal.append(key.expression.is_(None))
            continue
        bound = literal(value)
        beyond = key.expression < bound if key.descending else key.expression > bound
        alternatives.append(and_(*equal, or_(beyond, key.expression.is_(None))))
        equal.append(key.expression == bound)
    return or_(*alternatives)


def _in_order(session: Session, run_ids: Sequence[int]) -> list[Run]:
    by_id = {run.id: run for run in runs.by_ids(session, run_ids)}
    return [by_id[run_id] for run_id in run_ids]
