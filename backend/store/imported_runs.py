"""Runs that were imported from logs: found by the digest of their content, and their points."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from backend import work_budget
from backend.series import IntArray, Series
from backend.store import bulk, changes, logged_points
from backend.store.changes import NewChange
from backend.store.engine import now_ms, take_turn
from backend.store.external_runs import LoggedRun
from backend.store.logged_points import Batch
from backend.store.metric_storage import key_ids
from backend.store.metric_summaries import fold_logged, summarise
from backend.store.tables import ExternalRun, ImportedRun, LoggedPoints, Run

SMALL_POINTS = 10_000  # up to this number, all metrics are stored in one row


def lock(session: Session, experiment_id: int) -> None:
    """Keep other transactions from importing into an experiment until the end of this one."""
    take_turn(session, f"imports of {experiment_id}")


def find(session: Session, experiment_id: int, digests: Sequence[bytes]) -> dict[bytes, str]:
    """Return the external ids of imported runs by digest, without deleted runs."""
    known: dict[bytes, str] = {}
    for chunk in bulk.chunks(digests):
        query = (
            select(ImportedRun.digest, ExternalRun.external_id)
            .join(ExternalRun, ExternalRun.run_id == ImportedRun.run_id)
            .join(Run, Run.id == ImportedRun.run_id)
            .where(
                ImportedRun.experiment_id == experiment_id,
                ImportedRun.digest.in_(chunk),
                Run.deleted_at.is_(None),
            )
        )
        known |= {digest: external_id for digest, external_id in session.execute(query)}  # noqa: C416 - typed
    return known


def note(session: Session, run: LoggedRun, digests: Sequence[bytes]) -> None:
    """Note the digests of a run; those of a deleted run are passed on to it."""
    rows = [(run.experiment_id, digest, run.run_id) for digest in digests]
    bulk.upsert(session, ImportedRun, rows)


@dataclass(frozen=True)
class TimedSeries:
    """A series with the times [n] of its points, in milliseconds since 1970."""

    series: Series
    times: IntArray

    def take(self, indices: IntArray) -> Self:
        """Return the points at some indices."""
        return type(self)(self.series.take(indices), self.times[indices])


def add_series(session: Session, run: LoggedRun, series: Mapping[str, TimedSeries]) -> None:
    """Append series to a run, which the caller has locked or created."""
    filled = {name: timed for name, timed in series.items() if len(timed.series)}
    if not filled:
        return
    if sum(len(timed.series) for timed in filled.values()) <= SMALL_POINTS:
        logged_points.append(session, [(run, _batch(filled))])
        return
    keys = key_ids(session, filled)
    batch = _next_batch(session, run)
    for name, timed in filled.items():
        work_budget.check()
        _add_rows(session, run, keys[name], timed, batch)
    first = min(int(timed.series.steps[0]) for timed in filled.values())
    last = max(int(timed.series.steps[-1]) for timed in filled.values())
    changes.log(session, run.experiment_id, [NewChange(run.run_id, "metric", first, last)])


def new_points(
    session: Session, run: LoggedRun, series: Mapping[str, TimedSeries], now: int
) -> dict[str, TimedSeries]:
    """Return the points of series that a run does not have yet, or has with another value.

    A point with another value gets the time `now`, because the newest value of a step counts.
    """
    stored = logged_points.series_of(session, [run.run_id]).get(run.run_id, {})
    new: dict[str, TimedSeries] = {}
    for name, timed in series.items():
        steps, values = timed.series.steps, timed.series.values
        before = stored.get(name, Series.of([], []))
        known = before.values_at(steps)
        same = (known == values) | (np.isnan(known) & np.isnan(values))
        has_step = np.isin(steps, before.steps)
        times = np.where(has_step, now, timed.times)
        added = np.flatnonzero(~(has_step & same))
        if len(added):
            new[name] = TimedSeries(timed.series, times).take(added)
    return new


def has_grown(session: Session, run: LoggedRun, series: Mapping[str, Series]) -> bool:
    """Return whether series hold all steps that a run has, and all its first values."""
    stored = logged_points.series_of(session, [run.run_id]).get(run.run_id, {})
    return all(
        name in series
        and bool(np.isin(before.steps, series[name].steps).all())
        and series[name].at(int(before.steps[0])) == before.at(int(before.steps[0]))
        for name, before in stored.items()
    )


def _batch(series: Mapping[str, TimedSeries]) -> Batch:
    keys: list[str] = []
    steps: list[int] = []
    times: list[int] = []
    values: list[float] = []
    for name, timed in series.items():
        keys += [name] * len(timed.series)
        steps += timed.series.steps.tolist()
        times += timed.times.tolist()
        values += timed.series.values.tolist()
    return Batch(keys, steps, times, values)


def _next_batch(session: Session, run: LoggedRun) -> int:
    """Give the next batch of a run its number; rows by metric need no splitting."""
    statement = (
        update(ExternalRun)
        .where(ExternalRun.run_id == run.run_id)
        .values(batches=ExternalRun.batches + 1, last_seen_at=now_ms())
        .returning(ExternalRun.batches)
    )
    return session.scalars(statement).one()


def _add_rows(
    session: Session, run: LoggedRun, key_id: int, timed: TimedSeries, batch: int
) -> None:
    """Write one metric as one row, with its summary."""
    steps, values = timed.series.steps.astype("<i8"), timed.series.values.astype("<f8")
    times = timed.times.astype("<i8")
    packed = (steps.tobytes(), times.tobytes(), values.tobytes())
    row = (run.run_id, key_id, batch, int(steps[0]), int(steps[-1]), None, *packed)
    bulk.insert(session, LoggedPoints, [row])
    summary = summarise(steps.tolist(), values.tolist())
    fold_logged(session, [(run.run_id, key_id, *summary, None, int(times[-1]))])
