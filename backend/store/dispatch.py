"""Queued runs: their division into groups, and the groups to send to the workers next.

A group is the runs that one worker trains together; the column `portion` holds its number. Groups
of an experiment are sent in order, and the groups of several experiments in turn, so that a large
experiment does not delay a small one. More urgent experiments go first on their device.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import ColumnElement, and_, bindparam, case, func, or_, select, tuple_, update
from sqlalchemy.orm import Session

from backend.specification.params import JsonObject
from backend.specification.placement import PRIORITIES, Placement
from backend.store.bulk import chunks
from backend.store.engine import now_ms
from backend.store.runs import trained_here
from backend.store.tables import Experiment, Run

MAX_RUNS_BY_WORKERS_LOST = (None, 16, 1)
"""The number of runs sent together, by the number of workers that they lost: 0, 1, more."""


@dataclass(frozen=True)
class Ungrouped:
    """The queued runs of an experiment without a group, with their flat hyperparameters."""

    experiment_id: int
    device: str
    runs: list[tuple[int, JsonObject]]


def ungrouped(session: Session) -> list[Ungrouped]:
    """Return the queued runs without a group, by experiment."""
    rows = session.execute(
        select(Experiment.id, Experiment.device, Run.id, Run.params)
        .join(Experiment, Experiment.id == Run.experiment_id)
        .where(Run.status == "queued", Run.portion.is_(None), trained_here())
        .order_by(Run.id)
    )
    by_experiment: dict[int, Ungrouped] = {}
    for experiment_id, device, run_id, params in rows:
        experiment = by_experiment.setdefault(experiment_id, Ungrouped(experiment_id, device, []))
        experiment.runs.append((run_id, params))
    return list(by_experiment.values())


def set_groups(session: Session, groups: Sequence[Sequence[int]]) -> None:
    """Store the groups of an experiment, given as run ids in the order of sending."""
    rows = [
        {"grouped_id": run_id, "number": number}
        for number, run_ids in enumerate(groups)
        for run_id in run_ids
    ]
    session.connection().execute(_SET_GROUP, rows)


_SET_GROUP = (
    update(Run)
    .where(Run.id == bindparam("grouped_id"), Run.portion.is_(None))
    .values(portion=bindparam("number"))
)


def placements(session: Session) -> list[Placement]:
    """Return the devices and priorities of queued runs, the most urgent first."""
    rows = session.execute(
        select(Experiment.device, Experiment.priority)
        .join(Run, Run.experiment_id == Experiment.id)
        .where(Run.status == "queued", trained_here())
        .distinct()
        .order_by(Experiment.priority.desc(), Experiment.device)
    )
    return [Placement(device, PRIORITIES[rank]) for device, rank in rows]


def by_device(session: Session) -> dict[str, int]:
    """Return how many runs are queued per device, ``{device: count}``, without zeros."""
    rows = session.execute(
        select(Experiment.device, func.count())
        .join(Run, Run.experiment_id == Experiment.id)
        .where(Run.status == "queued", trained_here())
        .group_by(Experiment.device)
    )
    return {device: count for device, count in rows}  # noqa: C416 - typed, unlike dict(rows)


def next_groups(
    session: Session, placement: Placement, limit: int, *, sent_before_seconds: float
) -> list[list[int]]:
    """Return the next runs to send for a placement, in at most `limit` groups.

    These are runs that were never sent, or sent more than `sent_before_seconds` ago. Runs that lost
    a worker since their last epoch are sent in smaller groups, because one of them may be the cause
    and would stop the others again. After one lost worker they go before the other runs of their
    group, because they have begun; after several in a row, they go last.
    """
    sendable = _sendable(sent_before_seconds)
    rows = session.execute(
        select(*_GROUP_COLUMNS)
        .join(Experiment, Experiment.id == Run.experiment_id)
        .where(
            sendable, Experiment.device == placement.device, Experiment.priority == placement.rank
        )
        .group_by(*_GROUP_COLUMNS)
        .order_by(_SUSPECT, Run.portion, Run.experiment_id, Run.workers_lost.desc())
        .limit(limit)
    )
    groups = [(row.experiment_id, row.portion, row.workers_lost) for row in rows]
    return list(islice(_groups(session, groups, sendable), limit))


_GroupKey = tuple[int, int | None, int]  # experiment, number of the group, workers lost
_GROUP_COLUMNS = (Run.experiment_id, Run.portion, Run.workers_lost)
_SUSPECT = case((Run.workers_lost > 1, Run.workers_lost), else_=0)


def _groups(
    session: Session, groups: Sequence[_GroupKey], sendable: ColumnElement[bool]
) -> Iterator[list[int]]:
    """Yield the sendable runs of each group, divided further where they lost workers."""
    members: dict[_GroupKey, list[int]] = defaultdict(list)
    for chunk in chunks(groups):
        query = select(Run.id, *_GROUP_COLUMNS).where(sendable, tuple_(*_GROUP_COLUMNS).in_(chunk))
        for run_id, experiment_id, portion, lost in session.execute(query.order_by(Run.id)):
            members[experiment_id, portion, lost].append(run_id)
    for group in groups:
        run_ids, lost = members[group], group[-1]
        size = MAX_RUNS_BY_WORKERS_LOST[min(lost, len(MAX_RUNS_BY_WORKERS_LOST) - 1)] or len(
            run_ids
        )
        yield from (run_ids[start : start + size] for start in range(0, len(run_ids), size))


def _sendable(sent_before_seconds: float) -> ColumnElement[bool]:
    long_ago = Run.sent_at < now_ms() - int(sent_before_seconds * 1000)
    in_the_future = Run.sent_at > now_ms()  # the clock was set back, so the real time is unknown
    grouped = and_(Run.status == "queued", Run.portion.is_not(None))
    return and_(grouped, or_(Run.sent_at.is_(None), long_ago, in_the_future))


def mark_sent(session: Session, run_ids: Sequence[int]) -> None:
    """Store that a message for these runs was sent to the broker.

    Skips runs that a worker has locked to claim them: their message has arrived.
    """
    for chunk in chunks(run_ids):
        free = select(Run.id).where(Run.id.in_(chunk))
        free = free.with_for_update(key_share=True, skip_locked=True)
        session.execute(update(Run).where(Run.id.in_(free)).values(sent_at=now_ms()))
