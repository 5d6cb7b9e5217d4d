"""Experiments whose runs other programs train: created, found by name, renamed and tagged."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from backend.specification.params import JsonObject
from backend.store import bulk, changes
from backend.store.engine import take_turn
from backend.store.tables import Experiment, ExperimentTag

EXTERNAL = "external"
"""The origin of these experiments."""


def create(session: Session, name: str) -> Experiment:
    """Store an experiment without runs. The caller has checked the name, see `lock_names`."""
    experiment = Experiment(name=name, origin=EXTERNAL, spec=None, estimated_seconds=0.0)
    session.add(experiment)
    session.flush()
    return experiment


def lock_names(session: Session) -> None:
    """Keep other transactions from giving a name to an experiment until the end of this one."""
    take_turn(session, "naming external experiments")


def newest_names(session: Session, limit: int) -> list[str]:
    """Return the names of the newest experiments that are not deleted."""
    query = select(Experiment.name).where(
        Experiment.origin == EXTERNAL, Experiment.deleted_at.is_(None)
    )
    return list(session.scalars(query.order_by(Experiment.id.desc()).limit(limit)))


def by_name(session: Session, name: str, *, deleted: bool = False) -> Experiment | None:
    """Return the experiment with a name; with `deleted`, the newest deleted one."""
    is_deleted = Experiment.deleted_at.is_not(None)
    query = select(Experiment).where(
        Experiment.origin == EXTERNAL,
        Experiment.name == name,
        is_deleted if deleted else ~is_deleted,
    )
    return session.scalars(query.order_by(Experiment.id.desc()).limit(1)).first()


def existing(session: Session, ids: Collection[int]) -> set[int]:
    """Return those of `ids` that are experiments of external runs, deleted or not."""
    return {
        id_
        for chunk in bulk.chunks(sorted(ids))
        for id_ in session.scalars(
            select(Experiment.id).where(Experiment.id.in_(chunk), Experiment.origin == EXTERNAL)
        )
    }


def clashes(session: Session, ids: Sequence[int]) -> dict[int, str]:
    """Return the names of those deleted experiments among `ids` that cannot be restored.

    An experiment that is not deleted, or another among `ids`, has their name.
    """
    lock_names(session)
    clashing = {}
    restored: set[str] = set()
    for id_ in ids:
        row = session.get_one(Experiment, id_)
        if row.origin != EXTERNAL or row.deleted_at is None:
            continue
        if row.name in restored or by_name(session, row.name):
            clashing[id_] = row.name
        restored.add(row.name)
    return clashing


def is_taken(session: Session, experiment_id: int, name: str) -> bool:
    """Return whether another experiment of other programs has the name that this one is to get.

    Names of experiments with a specification need not differ.
    """
    if session.get_one(Experiment, experiment_id).origin != EXTERNAL:
        return False
    lock_names(session)
    other = by_name(session, name)
    return other is not None and other.id != experiment_id


def rename(session: Session, experiment_id: int, name: str) -> None:
    """Set the name of an experiment. The caller has checked the name, see `lock_names`."""
    session.execute(update(Experiment).where(Experiment.id == experiment_id).values(name=name))
    session.expire_all()  # rows that were read before have old values
    changes.announce(session, [experiment_id])


def set_pairing(session: Session, experiment_id: int, pairing: JsonObject | None) -> None:
    """Store the metrics that a person chose to diagnose; None leaves the choice to their names."""
    _set(session, experiment_id, pairing=pairing)


def set_roles(session: Session, experiment_id: int, roles: JsonObject) -> None:
    """Store the roles that a person chose for params."""
    _set(session, experiment_id, roles=roles)


def _set(session: Session, experiment_id: int, **columns: JsonObject | None) -> None:
    session.execute(update(Experiment).where(Experiment.id == experiment_id).values(columns))
    session.expire_all()  # rows that were read before have old values
    changes.announce(session, [experiment_id])


def set_tags(session: Session, experiment_id: int, tags: Mapping[str, str | None]) -> None:
    """Set the tags of an experiment; a tag that is None is removed."""
    rows = [(experiment_id, key, value) for key, value in tags.items() if value is not None]
    bulk.upsert(session, ExperimentTag, rows)
    removed = [key for key, value in tags.items() if value is None]
    if removed:
        session.execute(
            delete(ExperimentTag).where(
                ExperimentTag.experiment_id == experiment_id, ExperimentTag.key.in_(removed)
            )
        )
    changes.announce(session, [experiment_id])
