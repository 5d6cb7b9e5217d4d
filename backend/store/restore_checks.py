"""Checks of a backup before it is restored: its tables, and values that no lab has written.

The digests of a backup only show that it is unchanged. A file that somebody made could hold values
that fail a worker or a page later.
"""

import re
import sqlite3
from collections.abc import Collection, Iterator
from functools import partial

from pydantic import ValidationError
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Integer,
    LargeBinary,
    select,
    text,
)
from sqlalchemy.orm import Session

from backend.errors import InvalidInput, InvalidSpec
from backend.runs.states import ENDED, STATES
from backend.specification import RunSpec, validate
from backend.specification.data_sources import SOURCES
from backend.specification.placement import DEVICES, PRIORITIES
from backend.store.dataset_sources import find_source
from backend.store.tables import MAX_ID, Base, Experiment, Run

MAX_ATTEMPT = 1_000_000_000  # a restore adds a million
TABLE_NAME = re.compile(r"[a-z][a-z_]*")


def table_problems(
    connection: sqlite3.Connection, manifest: Collection[str], not_copied: Collection[str]
) -> Iterator[str]:
    """Yield contradictions between the tables of a file and those in its manifest."""
    found = connection.execute("SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite%'")
    kinds: dict[str, str] = {name: kind for kind, name in found if kind != "index"}
    for name, kind in kinds.items():
        if kind != "table" or not TABLE_NAME.fullmatch(name):
            yield f"it has the {kind} {name!r}"
    tables = set(kinds) - set(not_copied)
    if missing := sorted(tables - set(manifest)):
        yield f"its manifest lacks the table {missing[0]}"
    if absent := sorted(set(manifest) - tables):
        yield f"it lacks the table {absent[0]}"


def value_problems(session: Session, verdicts: Collection[str]) -> Iterator[str]:
    """Yield the values in a migrated copy of a backup that no column of its kind can have."""
    conditions = [*_column_conditions(), *_domain_conditions(verdicts)]
    for table, column, condition in conditions:
        query = text(f'SELECT "{column}" FROM "{table}" WHERE {condition} LIMIT 1')  # noqa: S608 - declared
        if row := session.execute(query).first():
            yield f"{table}.{column} is {str(row[0])[:80]!r}"
    yield from _specification_problems(session)


Condition = tuple[str, str, str]
"""A table, a column, and the SQL condition of a wrong value."""


def _column_conditions() -> Iterator[Condition]:
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            name = f'"{column.name}"'
            wrong = _wrong_value(column).format(name)
            yield table.name, column.name, f"{name} IS NOT NULL AND ({wrong})"


def _wrong_value(column: Column[object]) -> str:
    """Return the SQL condition for a value of another type, or out of its range."""
    kind = column.type
    if isinstance(kind, Boolean):
        return "typeof({0}) <> 'integer' OR {0} NOT IN (0, 1)"
    if isinstance(kind, BigInteger):
        return "typeof({0}) <> 'integer'"
    if isinstance(kind, Integer):
        is_id = column.name == "id" or column.name.endswith("_id")
        least = column.info.get("least", 1) if is_id else -MAX_ID
        return f"typeof({{0}}) <> 'integer' OR {{0}} NOT BETWEEN {least} AND {MAX_ID}"
    if isinstance(kind, Float):
        return "typeof({0}) NOT IN ('real', 'integer')"
    if isinstance(kind, JSON):
        return "typeof({0}) = 'blob' OR NOT json_valid({0})"
    if isinstance(kind, LargeBinary):
        return "typeof({0}) <> 'blob'"
    return "typeof({0}) <> 'text' OR instr({0}, char(0)) > 0"


def _domain_conditions(verdicts: Collection[str]) -> Iterator[Condition]:
    """Yield the columns with a closed set of values or a range of their own."""
    yield "runs", "status", _not_in("status", STATES)
    yield "runs", "verdict", _not_in("verdict", verdicts)
    yield "runs", "attempt", f"attempt NOT BETWEEN 0 AND {MAX_ATTEMPT}"
    yield "runs", "epoch", "epoch < 0"
    yield "runs", "params", "json_type(params) <> 'object'"
    yield "runs", "diagnosis", "json_type(diagnosis) NOT IN ('object', 'null')"
    yield "experiments", "spec", "json_type(spec) NOT IN ('object', 'null')"
    yield "experiments", "device", _not_in("device", DEVICES)
    yield "experiments", "priority", f"priority NOT BETWEEN 0 AND {len(PRIORITIES) - 1}"
    yield "experiments", "estimated_seconds", "estimated_seconds NOT BETWEEN 0 AND 1e300"
    yield "experiments", "revision", f"revision NOT BETWEEN 0 AND {2**62}"


def _not_in(column: str, values: Collection[str]) -> str:
    """Return the condition of a value outside a set of our own names."""
    names = ", ".join(f"'{value}'" for value in values)
    return f"{column} NOT IN ({names})"


def _specification_problems(session: Session) -> Iterator[str]:
    """Yield runs that wait for a worker and that the form would refuse."""
    waiting = session.execute(
        select(Run.id, Run.params, Experiment.id, Experiment.spec)
        .join(Experiment, Experiment.id == Run.experiment_id)
        .where(Run.status.not_in(ENDED), Experiment.origin == "specification")
        .order_by(Experiment.id)
    )
    checked = None
    SOURCES.find_table = partial(find_source, session)  # the data sets are in the backup
    for run_id, params, experiment_id, document in waiting:
        try:
            if experiment_id != checked:
                checked = experiment_id
                validate(document, max_runs=MAX_ID)
            RunSpec.from_params(params)
        except InvalidSpec as error:
            yield f"the specification of experiment {experiment_id} is refused: {error.detail}"
        except (ValidationError, InvalidInput, TypeError, ValueError, AttributeError):
            yield f"the settings of run {run_id} are refused"
