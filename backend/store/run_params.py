"""Hyperparameters for filters: one row per run and hyperparameter, a copy of the run's JSON."""

from collections.abc import Mapping, Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from backend.specification.params import Params, ParamValue, number_in
from backend.store import bulk
from backend.store.engine import insert_for
from backend.store.runs import in_experiment
from backend.store.tables import Param, ParamKey, Run


def add(session: Session, params: Mapping[int, Params]) -> None:
    """Add the hyperparameters of runs, ``{run: {path: value}}``, for filters to read."""
    keys = key_ids(session, {name for flat in params.values() for name in flat})
    rows = [
        (keys[name], run_id, _text(value), _number(value))
        for run_id, flat in params.items()
        for name, value in flat.items()
    ]
    bulk.insert(session, Param, sorted(rows))


def remove(session: Session, run_ids: Sequence[int]) -> None:
    """Delete the hyperparameters of runs."""
    keys = session.scalars(select(ParamKey.id)).all()
    for chunk in bulk.chunks(run_ids):
        session.execute(delete(Param).where(Param.key_id.in_(keys), Param.run_id.in_(chunk)))


def names_in(session: Session, experiment_id: int) -> list[str]:
    """Return the names of the hyperparameters of an experiment's runs, the oldest first."""
    query = (
        select(ParamKey.name)
        .join(Param, Param.key_id == ParamKey.id)
        .join(Run, Run.id == Param.run_id)
        .where(in_experiment(experiment_id))
        .group_by(ParamKey.id, ParamKey.name)
        .order_by(ParamKey.id)
    )
    return list(session.scalars(query))


def key_ids(session: Session, names: set[str]) -> dict[str, int]:
    """Return the ids of hyperparameters by dotted path, and create those that are new."""
    query = select(ParamKey.name, ParamKey.id).where(ParamKey.name.in_(names))
    known = {name: id_ for name, id_ in session.execute(query)}  # noqa: C416 - typed
    missing = sorted(names - known.keys())
    if missing:
        insert = insert_for(session.get_bind().dialect.name, ParamKey).on_conflict_do_nothing()
        session.execute(insert, [{"name": name} for name in missing])
        known = {name: id_ for name, id_ in session.execute(query)}  # noqa: C416 - typed
    return known


def _text(value: ParamValue) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _number(value: ParamValue) -> float | None:
    """Return a value as a number. External runs have text for all values: "0.1" is a number."""
    return None if isinstance(value, bool) or value is None else number_in(value)
