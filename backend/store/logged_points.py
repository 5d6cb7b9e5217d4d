"""Points that other programs log: appended in batches, read as series or with every value.

A step may have several values, for example after a restart. Its value in a series is the newest by
the client's clock, and the largest of equally new ones. `history` returns all of them.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from struct import pack
from typing import Any, NamedTuple, Self

import numpy as np
from sqlalchemy import Row, Select, and_, bindparam, case, delete, null, select, update
from sqlalchemy.orm import Session

from backend import work_budget
from backend.series import Array, FloatArray, IntArray, Series
from backend.store import bulk, changes
from backend.store.bulk import RowValues
from backend.store.changes import NewChange
from backend.store.engine import now_ms
from backend.store.external_runs import LoggedRun
from backend.store.metric_storage import key_ids, known_keys
from backend.store.metric_summaries import fold_logged, summarise
from backend.store.prepared import Prepared
from backend.store.tables import (
    CurveSummary,
    ExternalRun,
    LoggedPoints,
    Metric,
    MetricKey,
    MetricSummary,
    ReceivedEntry,
)

MIXED = 0  # the key_id of a row with points of several metrics
STEP_BYTES = 8
SPLIT_AFTER_BATCHES = 256  # rows of a run that every reading of one of its metrics goes through


@dataclass(frozen=True)
class Batch:
    """Points of one run in parallel columns: metric, step, timestamp in milliseconds, value.

    Steps may be negative and in any order; values may be NaN or infinite.
    """

    keys: Sequence[str] = ()
    steps: Sequence[int] = ()
    timestamps: Sequence[int] = ()
    values: Sequence[float] = ()

    def __len__(self) -> int:
        return len(self.keys)

    def joined(self, later: Self) -> Self:
        """Return the points of two batches."""
        return type(self)(
            [*self.keys, *later.keys],
            [*self.steps, *later.steps],
            [*self.timestamps, *later.timestamps],
            [*self.values, *later.values],
        )


def append(session: Session, batches: Iterable[tuple[LoggedRun, Batch]]) -> None:
    """Append batches of any number of runs, which `external_runs.locate` has locked.

    The number of statements does not depend on the number of batches: collect what several clients
    send, and append it in one transaction.
    """
    by_run: dict[LoggedRun, Batch] = {}
    for run, batch in batches:
        if len(batch):
            by_run[run] = by_run[run].joined(batch) if run in by_run else batch
    if not by_run:
        return
    keys = key_ids(session, {key for batch in by_run.values() for key in batch.keys})
    written = _count_batches(session, [run.run_id for run in by_run])
    rows = [_row(run.run_id, written[run.run_id].batches, b, keys) for run, b in by_run.items()]
    bulk.insert(session, LoggedPoints, rows)
    fold_logged(
        session,
        [row for run, batch in by_run.items() for row in _summaries(run.run_id, batch, keys)],
    )
    for run_id, counts in written.items():
        if counts.batches - counts.split >= SPLIT_AFTER_BATCHES:
            _split(session, run_id, counts.batches)
    changes.log_each(
        session,
        [
            (run.experiment_id, NewChange(run.run_id, "metric", min(b.steps), max(b.steps)))
            for run, b in by_run.items()
        ],
    )


class _BatchCounts(NamedTuple):
    """The number of batches of a run, and how many of them are stored by metric."""

    batches: int
    split: int


def _count_batches(session: Session, run_ids: Sequence[int]) -> dict[int, _BatchCounts]:
    """Give the next batch of each run its number, and note the time and the pause before it."""
    counted: dict[int, _BatchCounts] = {}
    if len(run_ids) == 1:
        row: Any = _COUNT_BATCH_OF_ONE.execute(session, {"of_run": run_ids[0]}).one()
        return {row[0]: _BatchCounts(row[1], row[2])}
    for chunk in bulk.chunks(run_ids):
        rows = session.connection().execute(_COUNT_BATCH, {"run_ids": chunk})
        counted |= {run_id: _BatchCounts(batches, split) for run_id, batches, split in rows}
    return counted


# Built once, because clients log hundreds of times per second.
_PAUSE = now_ms() - ExternalRun.last_seen_at
_COUNTED = (
    update(ExternalRun)
    .values(
        batches=ExternalRun.batches + 1,
        last_seen_at=now_ms(),
        longest_pause=case(
            (ExternalRun.longest_pause < _PAUSE, _PAUSE), else_=ExternalRun.longest_pause
        ),
    )
    .returning(ExternalRun.run_id, ExternalRun.batches, ExternalRun.split_batches)
)
_COUNT_BATCH = _COUNTED.where(ExternalRun.run_id.in_(bindparam("run_ids", expanding=True)))
_COUNT_BATCH_OF_ONE = Prepared(_COUNTED.where(ExternalRun.run_id == bindparam("of_run")))


def _row(run_id: int, number: int, batch: Batch, keys: Mapping[str, int]) -> RowValues:
    """Return a batch as one row of the table."""
    count = len(batch)
    return (
        *(run_id, MIXED, number, min(batch.steps), max(batch.steps)),
        pack(f"<{count}i", *[keys[key] for key in batch.keys]),
        pack(f"<{count}q", *batch.steps),
        pack(f"<{count}q", *batch.timestamps),
        pack(f"<{count}d", *batch.values),
    )


def _summaries(run_id: int, batch: Batch, keys: Mapping[str, int]) -> Iterator[RowValues]:
    """Yield the summary of each metric of a batch as a row of its table."""
    by_key: dict[str, list[tuple[int, int, float]]] = defaultdict(list)
    points_of_batch = zip(batch.steps, batch.timestamps, batch.values, strict=True)
    for key, point in zip(batch.keys, points_of_batch, strict=True):
        by_key[key].append(point)
    for key, points in by_key.items():
        points.sort()
        steps, timestamps, values = zip(*points, strict=True)
        yield run_id, keys[key], *summarise(steps, values), None, timestamps[-1]


class History(NamedTuple):
    """All values of one metric of one run [n]: their steps, timestamps in milliseconds, values."""

    steps: IntArray
    timestamps: IntArray
    values: FloatArray


def history(session: Session, run_id: int, key: str) -> History:
    """Return all values of a metric by time, then step, then value; repeated points once."""
    wanted = set(known_keys(session, [key]).values())
    return _Points.of(session.execute(_select([run_id], wanted)).all(), wanted).history()


class Histories(Mapping[str, History]):
    """The histories of all metrics of one run, each read when it is needed."""

    def __init__(self, session: Session, run_id: int) -> None:
        self._session, self._run_id = session, run_id
        query = select(MetricKey.name, MetricKey.id).join(
            MetricSummary, MetricSummary.key_id == MetricKey.id
        )
        rows = session.execute(query.where(MetricSummary.run_id == run_id).order_by(MetricKey.id))
        self._ids = {name: id_ for name, id_ in rows}  # noqa: C416 - typed, unlike dict(rows)

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, key: str) -> History:
        key_id = self._ids[key]
        query = _select([self._run_id], {key_id}).where(LoggedPoints.key_id == key_id)
        points = _Points.of(self._session.execute(query).all())
        if key_id in self._mixed:
            points = points.joined(self._mixed[key_id])
        return points.history()

    @cached_property
    def _mixed(self) -> dict[int, "_Points"]:
        """The points of the batches that are not stored by metric yet."""
        return _Points.of(self._session.execute(_select([self._run_id], set())).all()).by_key()


def series_of(
    session: Session,
    run_ids: Sequence[int],
    keys: Sequence[str] | None = None,
    *,
    first_step: int | None = None,
    last_step: int | None = None,
) -> dict[int, dict[str, Series]]:
    """Return the logged series of runs, ``{run: {key: Series}}``, optionally between two steps.

    Only runs and metrics with points are in the result.
    """
    known = None if keys is None else known_keys(session, keys)
    wanted = None if known is None else set(known.values())
    rows: dict[int, list[_PackedRow]] = defaultdict(list)
    for chunk in bulk.chunks(run_ids):
        query = _select(chunk, wanted)
        if first_step is not None:
            query = query.where(LoggedPoints.last_step >= first_step)
        if last_step is not None:
            query = query.where(LoggedPoints.first_step <= last_step)
        for row in session.execute(query):
            work_budget.read(len(row.packed_steps) + len(row.packed_values))
            rows[row.run_id].append(row)
    by_run = {run_id: _Points.of(packed, wanted).series() for run_id, packed in rows.items()}
    names = _names(session, by_run) if known is None else {i: key for key, i in known.items()}
    return {
        run_id: {
            names[key_id]: series.take(series.between(first_step, last_step))
            for key_id, series in by_key.items()
        }
        for run_id, by_key in by_run.items()
    }


def values_at(session: Session, run_id: int, step: int) -> dict[int, float]:
    """Return the value of each metric of a run at a step, by the id of the metric's name."""
    at = (LoggedPoints.first_step <= step) & (LoggedPoints.last_step >= step)
    points = _Points.of(session.execute(_select([run_id], None).where(at)).all())
    here = points.take(np.flatnonzero(points.steps == step))
    return {key_id: float(series.values[0]) for key_id, series in here.series().items()}


_PackedRow = Row[int, int, bytes | None, bytes, bytes, bytes]


def _select(
    run_ids: Sequence[int], key_ids: set[int] | None
) -> Select[int, int, bytes | None, bytes, bytes, bytes]:
    """Return the query for the rows that may hold points of some metrics, or of all."""
    query = select(
        LoggedPoints.run_id,
        LoggedPoints.key_id,
        LoggedPoints.packed_keys,
        LoggedPoints.packed_steps,
        LoggedPoints.packed_timestamps,
        LoggedPoints.packed_values,
    ).where(LoggedPoints.run_id.in_(run_ids))
    return query if key_ids is None else query.where(LoggedPoints.key_id.in_({MIXED, *key_ids}))


def _names(session: Session, by_run: Mapping[int, Mapping[int, Series]]) -> dict[int, str]:
    """Return the names of the metrics of runs by id."""
    ids = sorted({key_id for by_key in by_run.values() for key_id in by_key})
    names: dict[int, str] = {}
    for chunk in bulk.chunks(ids):
        query = select(MetricKey.id, MetricKey.name).where(MetricKey.id.in_(chunk))
        names |= {id_: name for id_, name in session.execute(query)}  # noqa: C416 - typed
    return names


@dataclass(frozen=True)
class _Points:
    """Unpacked points of one run [n]: ids of their metrics, steps, timestamps, values."""

    keys: Array
    steps: IntArray
    timestamps: IntArray
    values: FloatArray

    @classmethod
    def of(cls, rows: Sequence[_PackedRow], key_ids: set[int] | None = None) -> Self:
        """Unpack rows, keeping only the points of `key_ids` if given."""
        steps = np.frombuffer(b"".join(row.packed_steps for row in rows), "<i8")
        timestamps = np.frombuffer(b"".join(row.packed_timestamps for row in rows), "<i8")
        values = np.frombuffer(b"".join(row.packed_values for row in rows), "<f8")
        keys = np.frombuffer(b"".join(map(_packed_keys, rows)), "<i4")
        points = cls(keys, steps, timestamps, values)
        if key_ids is None:
            return points
        return points.take(np.flatnonzero(np.isin(keys, list(key_ids))))

    def take(self, indices: IntArray) -> Self:
        """Return the points at some indices."""
        return type(self)(
            self.keys[indices], self.steps[indices], self.timestamps[indices], self.values[indices]
        )

    def joined(self, other: Self) -> Self:
        """Return these points and others."""
        columns = ("keys", "steps", "timestamps", "values")
        return type(self)(
            *(np.concatenate([getattr(self, name), getattr(other, name)]) for name in columns)
        )

    def history(self) -> History:
        """Return the points of one metric by time, then step, then value; repeated points once."""
        ordered = self.take(np.lexsort((self.values, self.steps, self.timestamps)))
        again = np.zeros(len(ordered.steps), bool)
        columns = (ordered.timestamps, ordered.steps, ordered.values.view(np.int64))
        again[1:] = np.logical_and.reduce([column[1:] == column[:-1] for column in columns])
        points = ordered.take(np.flatnonzero(~again))
        return History(points.steps, points.timestamps, points.values)

    def by_key(self) -> dict[int, Self]:
        """Divide the points by metric, each in the order of its points."""
        if not len(self.keys):
            return {}
        order = self.keys.argsort(kind="stable")
        ids, starts = np.unique(self.keys[order], return_index=True)
        groups = np.split(order, starts[1:])
        return {int(id_): self.take(group) for id_, group in zip(ids, groups, strict=True)}

    def series(self) -> dict[int, Series]:
        """Return the series of each metric: the newest value of each step, the largest of equals.

        As in summaries, NaN counts as 0 among equally new values.
        """
        comparable = np.where(np.isnan(self.values), 0.0, self.values)
        order = np.lexsort((comparable, self.timestamps, self.steps, self.keys))
        ordered = self.take(order)
        counts = np.ones(len(order), bool)  # the last value of each metric and step counts
        counts[:-1] = (np.diff(ordered.keys) != 0) | (np.diff(ordered.steps) != 0)
        return {
            id_: Series(points.steps, points.values)
            for id_, points in ordered.take(np.flatnonzero(counts)).by_key().items()
        }


def _packed_keys(row: _PackedRow) -> bytes:
    """Return the packed ids of the metrics of a row's points."""
    packed: bytes | None = row.packed_keys
    return packed or pack("<i", row.key_id) * (len(row.packed_steps) // STEP_BYTES)


def remove_points(session: Session, run_ids: Sequence[int]) -> None:
    """Remove the points of runs. Their diagnoses stay until the next ones."""
    for chunk in bulk.chunks(run_ids):
        for table in (LoggedPoints, MetricSummary):
            session.execute(delete(table).where(table.run_id.in_(chunk)))
        counts = dict.fromkeys(("batches", "split_batches", "diagnosed_batches"), 0)
        session.execute(update(ExternalRun).where(ExternalRun.run_id.in_(chunk)).values(counts))


def forget(session: Session, run_ids: Sequence[int]) -> None:
    """Remove the points of runs with their diagnoses, and the state that the client reported."""
    remove_points(session, run_ids)
    cleared = dict.fromkeys(("pairing", "best_epoch", "client_status", "end_time"), null())
    for chunk in bulk.chunks(run_ids):
        for table in (Metric, CurveSummary, ReceivedEntry):
            session.execute(delete(table).where(table.run_id.in_(chunk)))
        own = update(ExternalRun).where(ExternalRun.run_id.in_(chunk))
        session.execute(own.values(longest_pause=0, **cleared))


def _split(session: Session, run_id: int, batches: int) -> None:
    """Move the points of the batches of a run to one row per metric."""
    mixed = and_(LoggedPoints.run_id == run_id, LoggedPoints.key_id == MIXED)
    rows = session.execute(_select([run_id], set()).order_by(LoggedPoints.batch)).all()
    bulk.insert(
        session,
        LoggedPoints,
        [
            (
                *(run_id, key_id, batches, int(points.steps.min()), int(points.steps.max()), None),
                *(points.steps.tobytes(), points.timestamps.tobytes(), points.values.tobytes()),
            )
            for key_id, points in _Points.of(rows).by_key().items()
        ],
    )
    session.execute(delete(LoggedPoints).where(mixed))
    counted = update(ExternalRun).where(ExternalRun.run_id == run_id)
    session.execute(counted.values(split_batches=batches))
