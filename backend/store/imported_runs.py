"""Runs that were imported from logs: found by the digest of their content, and their points."""

from collections.abc import Mapping, Sequence

import numpy as np
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from backend import work_budget
from backend.series import Series
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


def add_series(
    session: Session, run: LoggedRun, series: Mapping[str, Series], timestamp: int
) -> None:
    """Append series to a run, which the caller has locked or created.

    `timestamp` is that of all points, in milliseconds.
    """
    filled = {name: values for name, values in series.items() if len(values)}
    if not filled:
        return
    if sum(map(len, filled.values())) <= SMALL_POINTS:
        logged_points.append(session, [(run, _batch(filled, timestamp))])
        return
    keys = key_ids(session, filled)
    batch = _next_batch(session, run)
    for name, values in filled.items():
        work_budget.check()
        _add_rows(session, run, keys[name], values, batch=batch, timestamp=timestamp)
    first = min(int(values.steps[0]) for values in filled.values())
    last = max(int(values.steps[-1]) for values in filled.values())
    changes.log(session, run.experiment_id, [NewChange(run.run_id, "metric", first, last)])


def new_points(session: Session, run: LoggedRun, series: Mapping[str, Series]) -> dict[str, Series]:
    """Return the points of series that a run does not have yet, or has with another value."""
    stored = logged_points.series_of(session, [run.run_id]).get(run.run_id, {})
    new: dict[str, Series] = {}
    for name, values in series.items():
        before = stored.get(name, Series.of([], []))
        known = np.isin(values.steps, before.steps)
        same = before.values_at(values.steps)
        equal = (same == values.values) | (np.isnan(same) & np.isnan(values.values))
        new[name] = values.take(np.flatnonzero(~(known & equal)))
    return {name: values for name, values in new.items() if len(values)}


def _batch(series: Mapping[str, Series], timestamp: int) -> Batch:
    keys: list[str] = []
    steps: list[int] = []
    numbers: list[float] = []
    for name, values in series.items():
        keys += [name] * len(values)
        steps += values.steps.tolist()
        numbers += values.values.tolist()
    return Batch(keys, steps, [timestamp] * len(keys), numbers)


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
    session: Session, run: LoggedRun, key_id: int, series: Series, *, batch: int, timestamp: int
) -> None:
    """Write one metric as one row, with its summary."""
    steps, values = series.steps.astype("<i8"), series.values.astype("<f8")
    times = np.full(len(series), timestamp, "<i8")
    packed = (steps.tobytes(), times.tobytes(), values.tobytes())
    first, last = int(steps[0]), int(steps[-1])
    row = (run.run_id, key_id, batch, first, last, None, *packed)
    bulk.insert(session, LoggedPoints, [row])
    summary = summarise(steps.tolist(), values.tolist())
    fold_logged(session, [(run.run_id, key_id, *summary, None, timestamp)])
