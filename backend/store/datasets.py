"""Data sets that people have added, by id, by name, and by the version that runs refer to."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.errors import Conflict, NotFound
from backend.specification.hyperparameters.dataset import SOURCE
from backend.store.engine import moment, take_turn
from backend.store.tables import MAX_ID, Dataset, Param, ParamKey, Run


def add(session: Session, dataset: Dataset) -> int:
    """Store a data set and return its id. Raises Conflict if its name is taken."""
    take_turn(session, "adding a data set")
    refuse_taken(session, dataset.name)
    session.add(dataset)
    session.flush()
    return dataset.id


def refuse_taken(session: Session, name: str, but: int | None = None) -> None:
    """Raise Conflict if another data set than `but` has the name."""
    other = named(session, name)
    if other is not None and other.id != but:
        raise Conflict(f"There is a data set named {name} (id {other.id}); choose another.", "name")


def get(session: Session, dataset_id: int) -> Dataset:
    """Return a data set that is not deleted. Raises NotFound."""
    dataset = session.get(Dataset, dataset_id) if dataset_id <= MAX_ID else None
    if dataset is None or dataset.deleted_at is not None:
        raise NotFound(f"There is no data set {dataset_id}.")
    return dataset


def named(session: Session, name: str) -> Dataset | None:
    """Return the data set that has a name, deleted ones left out."""
    return session.scalar(select(Dataset).where(Dataset.name == name, Dataset.deleted_at.is_(None)))


def of_source(session: Session, source: str) -> Dataset | None:
    """Return the version that runs refer to, whether it is deleted or not."""
    query = select(Dataset).where(Dataset.source == source)
    return session.scalar(query.order_by(Dataset.deleted_at.is_not(None), Dataset.id).limit(1))


def listed(session: Session) -> Sequence[Dataset]:
    """Return all data sets that are not deleted, the newest first."""
    query = select(Dataset).where(Dataset.deleted_at.is_(None)).order_by(Dataset.id.desc())
    return session.scalars(query).all()


def experiments_with(session: Session, source: str | None) -> dict[int, int]:
    """Return the ids of the experiments with runs on a version, each with the number of runs."""
    query = (
        select(Run.experiment_id, func.count())
        .join(Param, Param.run_id == Run.id)
        .join(ParamKey, ParamKey.id == Param.key_id)
        .where(ParamKey.name == SOURCE.path, Param.text == source)
        .group_by(Run.experiment_id)
        .order_by(Run.experiment_id)
    )
    found = session.execute(query) if source else ()
    return {experiment: runs for experiment, runs in found}  # noqa: C416 - typed


def keep_version(session: Session, dataset: Dataset) -> None:
    """Store the current version of a data set as a deleted one, for the runs that refer to it."""
    values = {
        column.key: getattr(dataset, column.key)
        for column in Dataset.__table__.columns
        if column.key not in ("id", "deleted_at")
    }
    session.add(Dataset(**values, deleted_at=moment(session)))


def delete(session: Session, dataset: Dataset) -> None:
    """Delete a data set. Its row stays if runs refer to it."""
    if experiments_with(session, dataset.source):
        dataset.deleted_at = moment(session)
    else:
        session.delete(dataset)
    session.flush()


def uses_columns(session: Session, columns_sha256: str) -> bool:
    """Return whether a data set that is not deleted has this column file."""
    query = select(Dataset.id).where(
        Dataset.columns_sha256 == columns_sha256, Dataset.deleted_at.is_(None)
    )
    return session.scalar(query.limit(1)) is not None
