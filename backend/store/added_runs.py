"""Runs that are added to an experiment that exists, at their places in its grid."""

from collections.abc import Hashable, Sequence

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session

from backend.specification import ExperimentSpec
from backend.specification.estimates import estimated_seconds
from backend.specification.params import Params
from backend.store import run_params as searchable
from backend.store.engine import effects_of
from backend.store.experiments import run_columns
from backend.store.tables import Experiment, Run

_ASIDE = 1_000_000  # added to positions while they are changed; no grid has as many runs


def extend(session: Session, experiment: Experiment, spec: ExperimentSpec) -> int:
    """Give an experiment a larger specification, and queue the runs that it lacks.

    Runs that exist, deleted ones too, keep everything but their position in the grid. Returns the
    number of new runs.
    """
    keys = [_key(label, run.params()) for run, label in zip(spec.runs, spec.labels, strict=True)]
    rows = session.execute(
        select(Run.id, Run.variant, Run.params)
        .where(Run.experiment_id == experiment.id)
        .order_by(Run.position)
    ).all()
    existing = {_key(row.variant, row.params): row.id for row in rows}
    places = {key: place for place, key in enumerate(keys)}
    beyond = len(keys)  # for runs that the specification does not have any more
    moved = [
        (id_, places.get(key, beyond + number))
        for number, (key, id_) in enumerate(existing.items())
    ]
    _move(session, experiment.id, moved)
    new = [place for place, key in enumerate(keys) if key not in existing]
    _insert(session, experiment.id, spec, new)
    experiment.spec = dict(spec.document)
    experiment.estimated_seconds = estimated_seconds(spec.runs)
    effects = effects_of(session)
    effects.runs_queued = True
    effects.changed_experiments.add(experiment.id)
    return len(new)


def _key(variant: str | None, params: Params) -> Hashable:
    return variant, tuple(sorted(params.items()))


def _move(session: Session, experiment_id: int, places: Sequence[tuple[int, int]]) -> None:
    """Set the positions of runs. They are unique, so all are moved aside first."""
    session.execute(
        update(Run).where(Run.experiment_id == experiment_id).values(position=Run.position + _ASIDE)
    )
    session.connection().execute(
        update(Run).where(Run.id == bindparam("moved")).values(position=bindparam("place")),
        [{"moved": id_, "place": place} for id_, place in places],
    )
    session.expire_all()  # rows that were read before have old positions


def _insert(
    session: Session, experiment_id: int, spec: ExperimentSpec, places: Sequence[int]
) -> None:
    rows = [run_columns(experiment_id, at, spec.runs[at], spec.labels[at]) for at in places]
    if not rows:
        return
    ids = session.scalars(insert(Run).returning(Run.id, sort_by_parameter_order=True), rows).all()
    params: list[Params] = [spec.runs[at].params() for at in places]
    searchable.add(session, dict(zip(ids, params, strict=True)))
