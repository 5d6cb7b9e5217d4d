"""Runs that wait: cut into portions, and which portions are to be handed to the workers next.

A portion is what one worker is to train together. Portions of an experiment are sent in their
order, and those of several experiments in turn, so that a large one does not hold up a small one.
More urgent experiments go before others for the same device.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, case, func, or_, select, tuple_, update
from sqlalchemy.orm import Session

from backend.specification.placement import PRIORITIES, Placement
from backend.store.bulk import chunks
from backend.store.engine import now_ms
from backend.store.tables import Experiment, Run

CAREFUL = (None, 16, 1)  # runs sent together once so many workers were lost: none, one, more


@dataclass(frozen=True)
class Uncut:
    """The waiting runs of one experiment that have no portion yet, with their flat params."""

    experiment_id: int
    device: str
    runs: list[tuple[int, dict[str, Any]]]


def uncut(session: Session) -> list[Uncut]:
    """Return the experiments with waiting runs that have no portion, and those runs."""
    rows = session.execute(
        select(Experiment.id, Experiment.device, Run.id, Run.params)
        .join(Experiment, Experiment.id == Run.experiment_id)
        .where(Run.status == "queued", Run.portion.is_(None))
        .order_by(Run.id)
    )
    found: dict[int, Uncut] = {}
    for experiment_id, device, run_id, params in rows:
        found.setdefault(experiment_id, Uncut(experiment_id, device, [])).runs.append(
            (run_id, params)
        )
    return list(found.values())


def set_portions(session: Session, portions: Sequence[Sequence[int]]) -> None:
    """Note the portions of an experiment, given as run ids in the order they are to be sent."""
    rows = [
        {"cut_id": run_id, "number": number}
        for number, run_ids in enumerate(portions)
        for run_id in run_ids
    ]
    session.connection().execute(_SET_PLACE, rows)


_SET_PLACE = (
    update(Run)
    .where(Run.id == bindparam("cut_id"), Run.portion.is_(None))
    .values(portion=bindparam("number"))
)


def placements(session: Session) -> list[Placement]:
    """Return the devices and priorities for which runs wait, the most urgent first."""
    rows = session.execute(
        select(Experiment.device, Experiment.priority)
        .join(Run, Run.experiment_id == Experiment.id)
        .where(Run.status == "queued")
        .distinct()
        .order_by(Experiment.priority.desc(), Experiment.device)
    )
    return [Placement(device, PRIORITIES[rank]) for device, rank in rows]


def by_device(session: Session) -> dict[str, int]:
    """Return how many runs wait for each device, ``{device: count}``, of those above 0."""
    rows = session.execute(
        select(Experiment.device, func.count())
        .join(Run, Run.experiment_id == Experiment.id)
        .where(Run.status == "queued")
        .group_by(Experiment.device)
    )
    return {device: count for device, count in rows}  # noqa: C416 - typed, unlike dict(rows)


def next_groups(
    session: Session, placement: Placement, limit: int, *, sent_before_seconds: float
) -> list[list[int]]:
    """Return the runs of a placement that are to be sent next, at most `limit` groups of them.

    Those that were never sent, or longer ago than `sent_before_seconds`. Runs that lost a worker
    since their last epoch go in ever smaller groups, as one of them may be the cause and would
    take the others with it again: after the first, before others of their portion, as they have
    begun; after several in a row, behind all others.
    """
    waits = _waits(sent_before_seconds)
    rows = session.execute(
        select(*_PLACE)
        .join(Experiment, Experiment.id == Run.experiment_id)
        .where(waits, Experiment.device == placement.device, Experiment.priority == placement.rank)
        .group_by(*_PLACE)
        .order_by(_SUSPECT, Run.portion, Run.experiment_id, Run.workers_lost.desc())
        .limit(limit)
    )
    portions = [(row.experiment_id, row.portion, row.workers_lost) for row in rows]
    return list(islice(_groups(session, portions, waits), limit))


_Place = tuple[int, int | None, int]  # experiment, portion, workers lost
_PLACE = (Run.experiment_id, Run.portion, Run.workers_lost)
_SUSPECT = case((Run.workers_lost > 1, Run.workers_lost), else_=0)


def _groups(
    session: Session, portions: Sequence[_Place], waits: ColumnElement[bool]
) -> Iterator[list[int]]:
    """Yield the runs that wait of each portion, cut where they lost workers."""
    members: dict[_Place, list[int]] = defaultdict(list)
    for some in chunks(portions):
        query = select(Run.id, *_PLACE).where(waits, tuple_(*_PLACE).in_(some))
        for run_id, experiment_id, portion, lost in session.execute(query.order_by(Run.id)):
            members[experiment_id, portion, lost].append(run_id)
    for place in portions:
        run_ids, lost = members[place], place[-1]
        size = CAREFUL[min(lost, len(CAREFUL) - 1)] or len(run_ids)
        yield from (run_ids[start : start + size] for start in range(0, len(run_ids), size))


def _waits(sent_before_seconds: float) -> ColumnElement[bool]:
    long_ago = Run.sent_at < now_ms() - int(sent_before_seconds * 1000)
    in_the_future = Run.sent_at > now_ms()  # the clock was set back: nobody knows when
    cut_and_queued = and_(Run.status == "queued", Run.portion.is_not(None))
    return and_(cut_and_queued, or_(Run.sent_at.is_(None), long_ago, in_the_future))


def mark_sent(session: Session, run_ids: Sequence[int]) -> None:
    """Note that a message for these runs was handed to the broker.

    Those that a worker is claiming at this moment have arrived; nobody waits for it to do so.
    """
    for some in chunks(run_ids):
        free = select(Run.id).where(Run.id.in_(some))
        free = free.with_for_update(key_share=True, skip_locked=True)
        session.execute(update(Run).where(Run.id.in_(free)).values(sent_at=now_ms()))
