"""Translate filters and orders of runs to SQL. Values are always bound parameters.

Each metric, hyperparameter and tag that a filter names is one LEFT JOIN by its primary key. A
comparison with a value that a run lacks is false, so `not` of it is true, as `backend.search`
documents.
"""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, false, func, not_, or_, select, true
from sqlalchemy.orm import Session, aliased

from backend.runs.fields import (
    METRIC_PARTS,
    RUN_FIELDS,
    DiagnosisEntry,
    ExperimentColumn,
    ExternalColumn,
    RunColumn,
    SummaryDifference,
    SummaryEntry,
    ValueSource,
)
from backend.search.fields import Names
from backend.search.syntax import Condition, Not, Predicate, Scalar, SearchField, Value, parse_time
from backend.specification.hyperparameters import paths_of
from backend.store.engine import moment
from backend.store.tables import (
    CurveSummary,
    Experiment,
    ExternalRun,
    MetricKey,
    MetricSummary,
    Param,
    ParamKey,
    Run,
    RunTag,
)
from backend.store.text_patterns import matches

Expression = ColumnElement[Any]
"""A SQL expression. Its type depends on the field, which only the filter knows."""

ALWAYS_KNOWN_METRICS = frozenset(
    f"{part}_{metric}" for part in ("train", "val", "test") for metric in ("loss", "accuracy")
)
"""Metrics that a filter may name before any run has recorded them."""


def names(session: Session) -> Names:
    """Return the metrics and hyperparameters that a filter may name."""
    metrics = session.scalars(select(MetricKey.name)).all()
    params = session.scalars(select(ParamKey.name)).all()
    return Names(ALWAYS_KNOWN_METRICS | set(metrics), frozenset(params))


class Search:
    """One SELECT of runs: builds its conditions and columns, and collects the joins they need."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._dialect = session.get_bind().dialect.name
        self._now = moment(session)
        self._metrics: dict[str, type[MetricSummary]] = {}
        self._curves: dict[str, type[CurveSummary]] = {}
        self._params: dict[str, type[Param]] = {}
        self._tags: dict[str, type[RunTag]] = {}
        self._owner: type[Experiment] | None = None
        self._external: type[ExternalRun] | None = None
        self._joins: list[tuple[type[object], ColumnElement[bool]]] = []

    def select(self, *columns: Any) -> Select[Any]:
        """Return the SELECT with all joins that were needed so far."""
        query = select(*columns).select_from(Run)
        for table, condition in self._joins:
            query = query.outerjoin(table, condition)
        return query

    def condition(self, condition: Condition | None) -> ColumnElement[bool]:
        """Return the SQL of a condition."""
        return true() if condition is None else self._condition(condition, certain=False)

    def _condition(self, condition: Condition, *, certain: bool) -> ColumnElement[bool]:
        """Return the SQL of a condition; a `certain` one is never NULL, so NOT may negate it."""
        if isinstance(condition, Predicate):
            comparison = self._predicate(condition)
            return func.coalesce(comparison, false()) if certain else comparison
        if isinstance(condition, Not):
            return not_(self._condition(condition.part, certain=True))
        parts = [self._condition(part, certain=certain) for part in condition.parts]
        return and_(*parts) if condition.word == "and" else or_(*parts)

    def _predicate(self, predicate: Predicate) -> ColumnElement[bool]:
        column, value = self._column(predicate), self._bound(predicate.field, predicate.value)
        match predicate.operator:
            case "is null":
                return column.is_(None)
            case "is not null":
                return column.is_not(None)
            case "in" | "not in":
                return self._among(predicate)
            case "like" | "ilike":
                exact = predicate.operator == "like"
                return matches(self._dialect, column, str(value), exact=exact)
        return _COMPARISONS[predicate.operator](column, value)

    def _among(self, predicate: Predicate) -> ColumnElement[bool]:
        """Compare with a list; the list of a hyperparameter may mix numbers and texts."""
        values = predicate.value if isinstance(predicate.value, tuple) else ()
        numbers = [value for value in values if isinstance(value, float)]
        texts = [value for value in values if not isinstance(value, float)]
        parts = [self._one_of(predicate.field, group) for group in (numbers, texts) if group]
        if predicate.operator == "in":
            return or_(*parts)
        known = self._predicate(Predicate(predicate.field, "is not null"))
        return and_(known, *(not_(func.coalesce(part, false())) for part in parts))

    def _one_of(self, field: SearchField, values: Sequence[Scalar]) -> ColumnElement[bool]:
        column = self._column(Predicate(field, "=", values[0]))
        return column.in_([self._bound(field, value) for value in values])

    def _bound(self, field: SearchField, value: Value) -> Value:
        """Return a value as the database stores it: a time in milliseconds."""
        if field.kind == "time" and isinstance(value, str):
            return parse_time(value, now=self._now)
        return value

    def _column(self, predicate: Predicate) -> Expression:
        if predicate.field.source != "param":
            return self.expressions(predicate.field)[0]
        number, text = self.expressions(predicate.field)
        return number if isinstance(predicate.value, float) else text

    def expressions(self, field: SearchField) -> list[Expression]:
        """Return the SQL of a field: number and text for a hyperparameter, else one expression."""
        match field.source:
            case "metric":
                return [self._value(SummaryEntry(field.name, METRIC_PARTS[field.part].entry))]
            case "param":
                tables = [self._param(path) for path in paths_of(field.name)]
                return [
                    _first([as_expression(table.number) for table in tables]),
                    _first([as_expression(table.text) for table in tables]),
                ]
            case "tag":
                return [as_expression(self._tag(field.name).value)]
        return [self._value(RUN_FIELDS[field.name].source)]

    def _value(self, source: ValueSource) -> Expression:
        """Return the SQL of where a value is stored."""
        match source:
            case RunColumn(name, zero_is_missing):
                column = as_expression(getattr(Run, name))
                return func.nullif(column, 0) if zero_is_missing else column
            case ExternalColumn(name, otherwise):
                return self._external_value(name, otherwise)
            case ExperimentColumn(name):
                return as_expression(getattr(self._experiment(), name))
            case DiagnosisEntry(name):
                return as_expression(Run.diagnosis[name].as_string())
            case SummaryEntry(metric, entry):
                own = as_expression(getattr(self._metric(metric), entry))
                if metric not in ALWAYS_KNOWN_METRICS:
                    return own
                return func.coalesce(getattr(self._curve(metric), entry), own)
            case SummaryDifference(minuend, subtrahend):
                difference: Expression = self._value(minuend) - self._value(subtrahend)
                return difference

    def _external_value(self, name: str, otherwise: SummaryEntry | None) -> Expression:
        """Return the SQL of a column that only external runs have, or another value."""
        if self._external is None:
            self._external = aliased(ExternalRun)
            self._joins.append((self._external, self._external.run_id == Run.id))
        column = as_expression(getattr(self._external, name))
        if otherwise is None:
            return column
        return case((self._external.run_id.is_not(None), column), else_=self._value(otherwise))

    def _experiment(self) -> type[Experiment]:
        if self._owner is None:
            self._owner = aliased(Experiment)
            self._joins.append((self._owner, self._owner.id == Run.experiment_id))
        return self._owner

    def _metric(self, name: str) -> type[MetricSummary]:
        if name not in self._metrics:
            table = self._metrics[name] = aliased(MetricSummary)
            key_id = self._key_id(MetricKey, name)
            self._joins.append((table, and_(table.run_id == Run.id, table.key_id == key_id)))
        return self._metrics[name]

    def _curve(self, name: str) -> type[CurveSummary]:
        """Return the summaries of a diagnosed loss of external runs."""
        if name not in self._curves:
            table = self._curves[name] = aliased(CurveSummary)
            key_id = self._key_id(MetricKey, name)
            self._joins.append((table, and_(table.run_id == Run.id, table.key_id == key_id)))
        return self._curves[name]

    def _param(self, name: str) -> type[Param]:
        if name not in self._params:
            table = self._params[name] = aliased(Param)
            key_id = self._key_id(ParamKey, name)
            self._joins.append((table, and_(table.run_id == Run.id, table.key_id == key_id)))
        return self._params[name]

    def _tag(self, key: str) -> type[RunTag]:
        if key not in self._tags:
            table = self._tags[key] = aliased(RunTag)
            self._joins.append((table, and_(table.run_id == Run.id, table.key == key)))
        return self._tags[key]

    def _key_id(self, table: type[MetricKey | ParamKey], name: str) -> int:
        """Return the id of a name, or 0, which matches nothing, if no run has it."""
        return self._session.scalar(select(table.id).where(table.name == name)) or 0


def as_expression(attribute: Any) -> Expression:
    """Return a mapped attribute as the SQL expression that it is."""
    expression: Expression = attribute
    return expression


_COMPARISONS: dict[str, Callable[[Expression, Value], ColumnElement[bool]]] = {
    "=": lambda column, value: column == value,
    "!=": lambda column, value: column != value,
    "<": lambda column, value: column < value,
    "<=": lambda column, value: column <= value,
    ">": lambda column, value: column > value,
    ">=": lambda column, value: column >= value,
}


def _first(expressions: Sequence[Expression]) -> Expression:
    """Return the SQL of the first expression that is not NULL."""
    return expressions[0] if len(expressions) == 1 else func.coalesce(*expressions)
