"""Logged models: created, described and found again, and their links to runs."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from backend.errors import NotFound
from backend.store import bulk
from backend.store.engine import now_ms
from backend.store.external_runs import LoggedRun
from backend.store.tables import LoggedModel, LoggedModelMetric, RunModel

Role = Literal["input", "output"]


def create(session: Session, model: LoggedModel) -> LoggedModel:
    """Store a model and return it with its times."""
    session.add(model)
    session.flush()
    session.refresh(model)
    return model


def get(session: Session, model_id: str, *, deleted: bool = False) -> LoggedModel:
    """Return a model; with `deleted`, also a deleted one. Raises NotFound."""
    model = session.get(LoggedModel, model_id)
    if model is None or (model.deleted_at is not None and not deleted):
        raise NotFound(f"There is no logged model {model_id}.")
    return model


def change(session: Session, model_id: str, **columns: object) -> LoggedModel:
    """Change columns of a model and note the time. Raises NotFound."""
    get(session, model_id)
    changed = update(LoggedModel).where(LoggedModel.model_id == model_id)
    session.execute(changed.values(**columns, updated_at=now_ms()))
    session.expire_all()  # rows that were read before have old values
    return session.get_one(LoggedModel, model_id)


def delete(session: Session, model_id: str) -> None:
    """Hide a model. Raises NotFound."""
    change(session, model_id, deleted_at=now_ms())


def of_experiments(session: Session, experiment_ids: Sequence[int]) -> list[LoggedModel]:
    """Return the models of experiments that are not deleted, newest first."""
    query = select(LoggedModel).where(
        LoggedModel.experiment_id.in_(experiment_ids), LoggedModel.deleted_at.is_(None)
    )
    order = query.order_by(LoggedModel.created_at.desc(), LoggedModel.model_id.desc())
    return list(session.scalars(order))


class ModelPoint(NamedTuple):
    """A value of a metric of a model, by a run (the client's id), maybe on a data set."""

    model_id: str
    key: str
    step: int
    timestamp: int
    run_id: str
    value: float | None
    dataset_name: str | None
    dataset_digest: str | None


def add_points(session: Session, points: Sequence[ModelPoint]) -> None:
    """Store metrics of models; points of models that do not exist are left out."""
    wanted = {point.model_id for point in points}
    known = set(
        session.scalars(select(LoggedModel.model_id).where(LoggedModel.model_id.in_(wanted)))
    )
    unique = {point[:5]: tuple(point) for point in points if point.model_id in known}
    bulk.upsert(session, LoggedModelMetric, list(unique.values()))


def points_of(session: Session, model_ids: Sequence[str]) -> Mapping[str, list[ModelPoint]]:
    """Return the metrics of models by model, in the order of keys and steps."""
    by_model: dict[str, list[ModelPoint]] = {model_id: [] for model_id in model_ids}
    table = LoggedModelMetric
    for chunk in bulk.chunks(list(model_ids)):
        rows = session.execute(
            select(*(getattr(table, name) for name in ModelPoint._fields))
            .where(table.model_id.in_(chunk))
            .order_by(table.model_id, table.key, table.step, table.timestamp)
        )
        for row in rows:
            by_model[row.model_id].append(ModelPoint(*row))
    return by_model


class RunLink(NamedTuple):
    """A model that a run uses or makes, and the step at which it made it."""

    role: str
    model_id: str
    step: int


def add_links(session: Session, run: LoggedRun, role: Role, models: Mapping[str, int]) -> None:
    """Note the models that a run uses or makes, ``{model: step}``."""
    rows = [(run.run_id, role, model_id, step) for model_id, step in models.items()]
    bulk.upsert(session, RunModel, rows)


def links_of(session: Session, run_ids: Sequence[int]) -> dict[int, list[RunLink]]:
    """Return the models of runs, by run; runs without models are missing."""
    by_run: dict[int, list[RunLink]] = {}
    for chunk in bulk.chunks(run_ids):
        for row in session.scalars(select(RunModel).where(RunModel.run_id.in_(chunk))):
            link = RunLink(row.role, row.model_id, row.step)
            by_run.setdefault(row.run_id, []).append(link)
    return by_run
