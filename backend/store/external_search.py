"""Searches for external runs and their experiments, as their clients express them.

A comparison names an entity (metric, param, tag, attribute or dataset), a key, an operator and a
value; `backend.mlflow.filters` reads them from text. Each becomes a subquery by primary key, and
its value a bound parameter. A comparison with a value that a run lacks is false.
"""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    and_,
    case,
    exists,
    func,
    literal,
    not_,
    or_,
    select,
)
from sqlalchemy import cast as as_type
from sqlalchemy.orm import Session, aliased

from backend.store.external_experiments import EXTERNAL
from backend.store.tables import (
    Experiment,
    ExperimentTag,
    ExternalRun,
    MetricKey,
    MetricSummary,
    Param,
    ParamKey,
    Run,
    RunDataset,
    RunTag,
)
from backend.store.text_patterns import matches

Expression = ColumnElement[Any]
RUNNING = "RUNNING"  # the state of a run whose client has reported no other
DEFAULT_NAME = "Default"  # the experiment with the id 0, for clients that name none
NAME_TAG = "mlflow.runName"
ARTIFACT_SCHEME = "mlflow-artifacts:/"


class Named(Protocol):
    """A value of a run or experiment: an entity, such as metric, and a key."""

    @property
    def entity(self) -> str:
        """One of metric, param, tag, attribute and dataset."""

    @property
    def key(self) -> str:
        """The name within the entity."""


class Condition(Named, Protocol):
    """A comparison of a filter."""

    @property
    def operator(self) -> str:
        """Such as <= or NOT IN."""

    @property
    def value(self) -> float | int | str | tuple[str, ...] | None:
        """None for IS NULL and IS NOT NULL."""


class SortKey(Named, Protocol):
    """A column of an order."""

    @property
    def descending(self) -> bool:
        """True if the largest value comes first."""


@dataclass(frozen=True)
class Page:
    """A part of a result, and whether deleted and other rows are in it."""

    offset: int
    limit: int
    active: bool = True
    deleted: bool = False


_NUMERIC: dict[str, Callable[[Expression, Any], ColumnElement[bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def find_runs(
    session: Session,
    experiment_ids: Sequence[int],
    conditions: Sequence[Condition],
    order: Sequence[SortKey],
    page: Page,
) -> list[int]:
    """Return the ids of the runs that fulfil all conditions: the newest first, or in an order."""
    search = _RunSearch(session)
    query = (
        select(Run.id)
        .select_from(Run)
        .join(ExternalRun, ExternalRun.run_id == Run.id)
        .join(Experiment, Experiment.id == Run.experiment_id)
        .where(Run.experiment_id.in_(experiment_ids), _view(page, Run, Experiment))
        .where(*(search.condition(condition) for condition in conditions))
    )
    ordered = search.ordered(query, order)
    return list(session.scalars(ordered.offset(page.offset).limit(page.limit)))


def find_experiments(
    session: Session, conditions: Sequence[Condition], order: Sequence[SortKey], page: Page
) -> list[Experiment]:
    """Return the experiments that fulfil all conditions: the newest first, or in an order."""
    dialect = session.get_bind().dialect.name
    columns: dict[str, Expression] = {
        "name": _expression(Experiment.name),
        "experiment_id": _expression(Experiment.id),
        "creation_time": _expression(Experiment.created_at),
        "last_update_time": _expression(Experiment.created_at),
    }
    query = select(Experiment).where(Experiment.origin == EXTERNAL, _view(page, Experiment))
    for condition in conditions:
        if condition.entity == "tag":
            tag = _Pair(ExperimentTag.key, ExperimentTag.value)
            of_experiment = ExperimentTag.experiment_id == Experiment.id
            query = query.where(tag.condition(dialect, of_experiment, condition))
        else:
            query = query.where(_compare(dialect, columns[condition.key], condition))
    for key in order:
        column = columns[key.key]
        query = query.order_by(column.desc() if key.descending else column.asc())
    if not order:
        query = query.order_by(Experiment.created_at.desc(), Experiment.id)
    query = query.order_by(Experiment.id.desc())
    return list(session.scalars(query.offset(page.offset).limit(page.limit)))


def _view(page: Page, *tables: Any) -> ColumnElement[bool]:
    """Return the condition that rows are deleted or not, as the page wants them."""
    deleted = or_(*(table.deleted_at.is_not(None) for table in tables))
    if page.active and page.deleted:
        return literal(True)
    return deleted if page.deleted else not_(deleted)


@dataclass(frozen=True)
class _Pair:
    """The columns of a table that holds keys with values."""

    key: Any
    value: Any

    def condition(
        self,
        dialect: str,
        belongs: ColumnElement[bool],
        condition: Condition,
        key: int | None = None,
    ) -> ColumnElement[bool]:
        """Return the SQL of a comparison with the value under the key of the condition.

        `key` stands for the key where the table holds its id.
        """
        has_key = and_(belongs, self.key == (condition.key if key is None else key))
        if condition.operator == "IS NULL":
            return not_(exists().where(has_key))
        if condition.operator == "IS NOT NULL":
            return exists().where(has_key)
        return exists().where(has_key, _compare(dialect, self.value, condition))


class _RunSearch:
    """Builds the SQL of conditions and orders of runs."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._dialect = session.get_bind().dialect.name
        self._attributes: dict[str, Expression] = {
            "run_id": _expression(ExternalRun.external_id),
            "run_name": _expression(ExternalRun.run_name),
            "status": func.coalesce(ExternalRun.client_status, RUNNING),
            "user_id": _expression(ExternalRun.user_name),
            "start_time": func.coalesce(ExternalRun.start_time, 0),
            "end_time": _expression(ExternalRun.end_time),
            "artifact_uri": _artifact_uri(),
        }

    def condition(self, condition: Condition) -> ColumnElement[bool]:
        """Return the SQL of a comparison."""
        match condition.entity:
            case "metric":
                return self._metric(condition)
            case "param":
                key_id = self._key_id(ParamKey, condition.key)
                param = _Pair(Param.key_id, Param.text)
                return param.condition(self._dialect, Param.run_id == Run.id, condition, key_id)
            case "tag" if condition.key == NAME_TAG:
                return self._name_tag(condition)
            case "tag":
                tag = _Pair(RunTag.key, RunTag.value)
                return tag.condition(self._dialect, RunTag.run_id == Run.id, condition)
            case "dataset":
                column = _expression(getattr(RunDataset, condition.key))
                fits = _compare(self._dialect, column, condition)
                return exists().where(RunDataset.run_id == Run.id, fits)
        return _compare(self._dialect, self._attributes[condition.key], condition)

    def _metric(self, condition: Condition) -> ColumnElement[bool]:
        """Compare the last value of a metric; NaN, which is stored as NULL, only differs."""
        last = _expression(MetricSummary.last)
        fits = _NUMERIC[condition.operator](last, condition.value)
        if condition.operator == "!=":
            fits = or_(fits, last.is_(None))
        key_id = self._key_id(MetricKey, condition.key)
        return exists().where(MetricSummary.run_id == Run.id, MetricSummary.key_id == key_id, fits)

    def _name_tag(self, condition: Condition) -> ColumnElement[bool]:
        """Compare the name of a run, which clients also know as a tag. Every run has one."""
        if condition.value is None:
            return literal(condition.operator == "IS NOT NULL")
        return _compare(self._dialect, self._attributes["run_name"], condition)

    def ordered(self, query: Select[int], order: Sequence[SortKey]) -> Select[int]:
        """Sort runs; those without a value come last, after those with NaN."""
        for key in order:
            query, value, rank = self._sorted_value(query, key)
            query = query.order_by(rank, value.desc() if key.descending else value.asc())
        if not any((key.entity, key.key) == ("attribute", "start_time") for key in order):
            query = query.order_by(self._attributes["start_time"].desc())
        return query.order_by(ExternalRun.external_id)

    def _sorted_value(
        self, query: Select[int], key: SortKey
    ) -> tuple[Select[int], Expression, Expression]:
        """Return the query with what it needs, the value to sort by, and the rank of no value."""
        if key.entity == "attribute" or key.key == NAME_TAG:
            value = self._attributes["run_name" if key.key == NAME_TAG else key.key]
            return query, value, case((value.is_(None), 1), else_=0)
        table: Any
        if key.entity == "metric":
            table = aliased(MetricSummary)
            has_key, value = table.key_id == self._key_id(MetricKey, key.key), table.last
        elif key.entity == "param":
            table = aliased(Param)
            has_key, value = table.key_id == self._key_id(ParamKey, key.key), table.text
        else:
            table = aliased(RunTag)
            has_key, value = table.key == key.key, table.value
        query = query.outerjoin(table, and_(table.run_id == Run.id, has_key))
        rank = case((table.run_id.is_(None), 2), (value.is_(None), 1), else_=0)
        return query, value, rank

    def _key_id(self, table: type[MetricKey | ParamKey], name: str) -> int:
        """Return the id of a name, or 0, which matches nothing, if no run has it."""
        return self._session.scalar(select(table.id).where(table.name == name)) or 0


def _compare(dialect: str, column: Expression, condition: Condition) -> ColumnElement[bool]:
    """Return the SQL of a comparison with a column."""
    match condition.operator:
        case "LIKE" | "ILIKE":
            exact = condition.operator == "LIKE"
            return matches(dialect, column, str(condition.value), exact=exact)
        case "IN" | "NOT IN":
            values = condition.value if isinstance(condition.value, tuple) else ()
            among = column.in_(values)
            return among if condition.operator == "IN" else not_(among)
    return _NUMERIC[condition.operator](column, condition.value)


def _artifact_uri() -> Expression:
    """Return the SQL of where clients store the files of a run."""
    experiment = case((Experiment.name == DEFAULT_NAME, "0"), else_=as_type(Experiment.id, String))
    return literal(ARTIFACT_SCHEME) + experiment + "/" + ExternalRun.external_id + "/artifacts"


def _expression(attribute: Any) -> Expression:
    """Return a mapped attribute as the SQL expression that it is."""
    expression: Expression = attribute
    return expression
