"""Runs as they are searched for: a filter and an order turned into SQL, values always bound.

Each metric, param and tag that is named is one LEFT JOIN by its primary key. A comparison with a
value that a run lacks is false, so that `not` of it is true, as `backend.search` promises.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, func, not_, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from backend.search import syntax
from backend.search.fields import Names
from backend.search.syntax import Condition, Not, Predicate, SearchField
from backend.store.engine import moment
from backend.store.tables import (
    Experiment,
    MetricKey,
    MetricSummary,
    Param,
    ParamKey,
    Run,
    RunTag,
)

Expression = Any  # a column of whatever type: SQLAlchemy's own types differ by source

PARTS = {"last": "last", "min": "min", "max": "max", "best": "at_best"}
BUILT_IN = frozenset(
    f"{part}_{what}" for part in ("train", "val", "test") for what in ("loss", "accuracy")
)
_OWN: dict[str, InstrumentedAttribute[Any]] = {
    "id": Run.id,
    "experiment": Run.experiment_id,
    "variant": Run.variant,
    "status": Run.status,
    "verdict": Run.verdict,
    "parameters": Run.parameters,
    "epoch": Run.epoch,
    "early_stop_epoch": Run.early_stop_epoch,
    "started": Run.started_at,
    "ended": Run.ended_at,
    "note": Run.note,
    "pinned": Run.pinned,
    "archived": Run.archived,
}


def names(session: Session) -> Names:
    """Return the names that a filter may use."""
    metrics = session.scalars(select(MetricKey.name)).all()
    params = session.scalars(select(ParamKey.name)).all()
    return Names(BUILT_IN | set(metrics), frozenset(params))


class Search:
    """Conditions and columns over one SELECT of runs, which gathers the joins they need."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._dialect = session.get_bind().dialect.name
        self._now = moment(session)
        self._joined: dict[tuple[str, str], Any] = {}
        self._joins: list[tuple[Any, ColumnElement[bool]]] = []

    def select(self, *columns: Any) -> Select[Any]:
        """Return the SELECT with the joins that what was asked for so far needs."""
        query = select(*columns).select_from(Run)
        for table, condition in self._joins:
            query = query.outerjoin(table, condition)
        return query

    def condition(self, found: Condition | None) -> ColumnElement[bool]:
        """Return the SQL of a condition."""
        return true() if found is None else self._condition(found, certain=False)

    def _condition(self, found: Condition, *, certain: bool) -> ColumnElement[bool]:
        """Return the SQL; `certain`: it must be true or false, as NOT makes nothing of NULL."""
        if isinstance(found, Predicate):
            made = self._comparison(found)
            return func.coalesce(made, false()) if certain else made
        if isinstance(found, Not):
            return not_(self._condition(found.part, certain=True))
        parts = [self._condition(part, certain=certain) for part in found.parts]
        return and_(*parts) if found.word == "and" else or_(*parts)

    def _comparison(self, found: Predicate) -> ColumnElement[bool]:
        column, value = self._column(found), self._bound(found.field, found.value)
        match found.operator:
            case "is null":
                return column.is_(None)  # type: ignore[no-any-return]
            case "is not null":
                return column.is_not(None)  # type: ignore[no-any-return]
            case "in" | "not in":
                return self._among(found)
            case "like" | "ilike":
                return self._like(column, str(value), exact=found.operator == "like")
        return _COMPARED[found.operator](column, value)  # type: ignore[no-any-return]

    def _among(self, found: Predicate) -> ColumnElement[bool]:
        """Compare with a list; a param's may mix numbers and texts."""
        values = found.value if isinstance(found.value, tuple) else ()
        numbers = [value for value in values if isinstance(value, float)]
        others = [value for value in values if not isinstance(value, float)]
        parts = [self._one_of(found.field, some) for some in (numbers, others) if some]
        if found.operator == "in":
            return or_(*parts)
        known = self._comparison(Predicate(found.field, "is not null"))
        return and_(known, *(not_(func.coalesce(part, false())) for part in parts))

    def _one_of(self, field: SearchField, values: Sequence[Any]) -> ColumnElement[bool]:
        column = self._column(Predicate(field, "=", values[0]))
        return column.in_([self._bound(field, value) for value in values])  # type: ignore[no-any-return]

    def _bound(self, field: SearchField, value: Any) -> Any:
        """Return a value as the database holds it: a moment in milliseconds."""
        if field.kind == "time" and isinstance(value, str):
            return syntax.parse_time(value, now=self._now)
        return value

    def _column(self, found: Predicate) -> Expression:
        if found.field.source != "param":
            return self.expressions(found.field)[0]
        number, text = self.expressions(found.field)
        return number if isinstance(found.value, float) else text

    def _like(self, column: Expression, pattern: str, *, exact: bool) -> ColumnElement[bool]:
        """Match % and _; without any escape. SQLite's LIKE is blind to case, its GLOB is not."""
        made: ColumnElement[bool]
        if self._dialect != "sqlite":
            made = (column.like if exact else column.ilike)(pattern, escape="")
        elif exact:
            made = column.bool_op("GLOB")("".join(_GLOB.get(letter, letter) for letter in pattern))
        else:
            made = column.like(pattern)
        return made

    def expressions(self, field: SearchField) -> list[Expression]:
        """Return what a field is in SQL: of a param its number and its text, else one column."""
        match field.source:
            case "metric":
                return [getattr(self._metric(field.name), PARTS[field.part])]
            case "param":
                table = self._join("param", field.name, Param, self._key(ParamKey, field.name))
                return [table.number, table.text]
            case "tag":
                return [self._join("tag", field.name, RunTag, field.name).value]
        return [self._own(field.name)]

    def _own(self, name: str) -> Expression:
        if name == "best_epoch":
            return self._metric("val_loss").min_step
        if name == "gap":
            return self._metric("val_loss").last - self._metric("train_loss").last
        if name in ("name", "created"):
            table = self._experiment()
            return table.name if name == "name" else table.created_at
        return _OWN[name]

    def _metric(self, name: str) -> Any:
        return self._join("metric", name, MetricSummary, self._key(MetricKey, name))

    def _experiment(self) -> Any:
        if ("run", "experiment") not in self._joined:
            table = aliased(Experiment)
            self._joined["run", "experiment"] = table
            self._joins.append((table, table.id == Run.experiment_id))
        return self._joined["run", "experiment"]

    def _join(self, source: str, name: str, table: Any, key: Any) -> Any:
        if (source, name) not in self._joined:
            made = aliased(table)
            column = made.key if table is RunTag else made.key_id
            self._joined[source, name] = made
            self._joins.append((made, and_(made.run_id == Run.id, column == key)))
        return self._joined[source, name]

    def _key(self, table: Any, name: str) -> int:
        """Return a name's id; of one that no run has, one that matches nothing."""
        return self._session.scalar(select(table.id).where(table.name == name)) or 0


_GLOB = {"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}
_COMPARED = {
    "=": lambda column, value: column == value,
    "!=": lambda column, value: column != value,
    "<": lambda column, value: column < value,
    "<=": lambda column, value: column <= value,
    ">": lambda column, value: column > value,
    ">=": lambda column, value: column >= value,
}
