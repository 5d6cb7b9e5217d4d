"""The log of changes: written in the transaction that makes them, read forward by the streams."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import BigInteger, Integer, bindparam, func, insert, select, update
from sqlalchemy.orm import Session

from backend.store.engine import effects_of
from backend.store.prepared import Prepared
from backend.store.tables import Change, Experiment

ChangeKind = Literal["metric", "status", "diagnosis"]
UNKNOWN_REVISIONS = 1_000_000_000  # more than an experiment can have had since a backup


@dataclass(frozen=True)
class NewChange:
    """A change about to be logged; only a change of kind metric has steps."""

    run_id: int
    kind: ChangeKind
    first_step: int | None = None
    last_step: int | None = None


def log(session: Session, experiment_id: int, changes: Sequence[NewChange]) -> None:
    """Append changes of one experiment, in order, under new revisions."""
    if not changes:
        return
    taken = {"experiment": experiment_id, "count": len(changes)}
    last = _TAKE_REVISIONS.execute(session, taken).scalar_one()
    first = last - len(changes) + 1
    _APPEND.execute_many(
        session,
        [
            {
                "experiment_id": experiment_id,
                "revision": first + offset,
                "run_id": change.run_id,
                "kind": change.kind,
                "first_step": change.first_step,
                "last_step": change.last_step,
            }
            for offset, change in enumerate(changes)
        ],
    )
    announce(session, [experiment_id])


def log_each(session: Session, entries: Iterable[tuple[int, NewChange]]) -> set[int]:
    """Append changes given with the ids of their experiments; return these ids.

    Experiments are processed in the order of their ids, so two writers never deadlock.
    """
    by_experiment: dict[int, list[NewChange]] = defaultdict(list)
    for experiment_id, change in entries:
        by_experiment[experiment_id].append(change)
    for experiment_id in sorted(by_experiment):
        log(session, experiment_id, by_experiment[experiment_id])
    return set(by_experiment)


def announce(session: Session, experiment_ids: Iterable[int]) -> None:
    """Notify the followers of experiments after the commit, without logging a change."""
    effects_of(session).changed_experiments.update(experiment_ids)


# Built once, because a worker sends these statements five times per second.
_TAKE_REVISIONS = Prepared(
    update(Experiment)
    .where(Experiment.id == bindparam("experiment"))
    .values(revision=Experiment.revision + bindparam("count", type_=BigInteger))
    .returning(Experiment.revision)
)
_APPEND = Prepared(insert(Change))


def changes_since(
    session: Session,
    revision: int,
    *,
    experiment_id: int,
    run_id: int | None = None,
    limit: int = 1000,
) -> Sequence[Change]:
    """Return the changes of an experiment, or of one of its runs, after `revision`, in order."""
    query = _SINCE if run_id is None else _SINCE_OF_RUN
    values = {"experiment": experiment_id, "after": revision, "run": run_id, "limit": limit}
    return session.scalars(query, values).all()


def newest_of_kinds(
    session: Session, revision: int, *, experiment_id: int
) -> dict[ChangeKind, int]:
    """Return the newest revision of each kind of change of an experiment after `revision`."""
    values = {"experiment": experiment_id, "after": revision}
    rows = session.execute(_NEWEST_OF_KINDS, values)
    return {row.kind: row.newest for row in rows}


# Built once, because streams send these queries hundreds of times per second.
_SINCE = (
    select(Change)
    .where(Change.experiment_id == bindparam("experiment"), Change.revision > bindparam("after"))
    .order_by(Change.revision)
    .limit(bindparam("limit", type_=Integer))
)
_NEWEST_OF_KINDS = (
    select(Change.kind, func.max(Change.revision).label("newest"))
    .where(Change.experiment_id == bindparam("experiment"), Change.revision > bindparam("after"))
    .group_by(Change.kind)
)
_SINCE_OF_RUN = _SINCE.where(Change.run_id == bindparam("run"))


def skip_revisions(session: Session) -> None:
    """Skip the revisions that readers may have seen but this database does not have.

    For a restored database, whose readers may have followed it beyond its backup.
    """
    session.execute(update(Experiment).values(revision=Experiment.revision + UNKNOWN_REVISIONS))


def is_known(session: Session, experiment_id: int, revision: int) -> bool:
    """Return whether a reader may continue after a revision: the newest, or one with a change."""
    if revision == revision_of(session, experiment_id):
        return True
    return session.get(Change, (experiment_id, revision)) is not None


def revision_of(session: Session, experiment_id: int) -> int:
    """Return the newest revision of an experiment, 0 if it does not exist."""
    revision = session.scalar(select(Experiment.revision).where(Experiment.id == experiment_id))
    return revision or 0
