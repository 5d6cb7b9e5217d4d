"""Brings what was trained to the database: in bulk, under a lease, and again if that fails."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from backend.live.notifications import Notifier
from backend.runs import lifecycle
from backend.runs.states import State
from backend.store import (
    UNREACHABLE,
    Database,
    artifacts,
    changes,
    metrics,
    reason,
    runs,
    transitions,
)
from backend.store.changes import NewChange
from backend.store.metrics import Chunk
from backend.store.runs import RunProgress
from backend.store.transitions import Ending, Lease
from worker.training.group import EpochResult
from worker.training.model_files import SnapshotFiles
from worker.training.prediction_files import PredictionFile

logger = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.2, 5.0
MAX_BACKLOG = 50_000  # epochs held in memory while the database is away
WRITE_SHARE = 20  # training lasts at least so many times as long as writing what came of it,
LONGEST_WAIT = 5  # unless epochs would wait so many times as long as they should


@dataclass
class Unwritten:
    """What is known of a run and not yet in the database."""

    results: list[EpochResult] = field(default_factory=list)
    reference_loss: float | None = None
    early_stop_epoch: int | None = None
    samples: bytes | None = None
    frames: list[tuple[int, bytes]] = field(default_factory=list)
    checkpoint: tuple[int, bytes] | None = None
    snapshots: Sequence[SnapshotFiles] = ()
    predictions: list[PredictionFile] = field(default_factory=list)
    ending: State | None = None
    error: str | None = None


@dataclass(kw_only=True)
class Held:
    """A run this worker has the lease of, with what is still to be written of it."""

    lease: Lease
    unwritten: Unwritten = field(default_factory=Unwritten)


class Recorder:
    """Writes held runs, in one transaction that renews their leases as it begins and ends."""

    def __init__(
        self, database: Database, notifier: Notifier, *, record_seconds: float, lease_seconds: float
    ) -> None:
        self._database, self._notifier = database, notifier
        self._record_seconds, self._lease_seconds = record_seconds, lease_seconds
        self._next = 0.0
        self._pause = 0.0

    @property
    def due(self) -> bool:
        """Whether it is time to write again."""
        return time.monotonic() >= self._next

    @property
    def failing(self) -> bool:
        """Whether the last write failed."""
        return self._pause > 0

    def seconds_until_due(self) -> float:
        """Return how long to wait until it is time to write again."""
        return max(0.0, self._next - time.monotonic())

    def write(self, held: Sequence[Held]) -> dict[int, bool] | None:
        """Write what is unwritten; return the runs still held, each with whether to cancel it.

        None when the database is away: nothing was written, nothing is lost, `due` says when to
        try again. What a run that was lost had unwritten is refused.
        """
        started = time.monotonic()
        try:
            with self._database.write() as session:
                kept, moved = self._record(session, held)
        except UNREACHABLE as error:
            self._pause = min(max(2 * self._pause, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
            self._next = time.monotonic() + self._pause
            logger.warning("the database cannot be written, trying again: %s", reason(error))
            return None
        now = time.monotonic()
        wait = min(WRITE_SHARE * (now - started), LONGEST_WAIT * self._record_seconds)
        self._pause, self._next = 0.0, now + max(self._record_seconds, wait)
        for run in held:
            run.unwritten = Unwritten()
        for experiment_id in moved:
            self._notifier.notify(experiment_id)
        return kept

    def _record(self, session: Session, held: Sequence[Held]) -> tuple[dict[int, bool], set[int]]:
        """Write under the leases still held; return the runs kept, and the experiments moved."""
        kept = self._renew(session, held)  # first: it tells which are held, and locks their rows
        for run in held:
            if run.unwritten.ending == "queued" and kept.get(run.lease.run_id):
                run.unwritten.ending = "cancelled"
        still = [run for run in held if run.lease.run_id in kept]
        if self.failing:
            _forget_written(session, still)
        moved = _write(session, still)
        self._renew(session, still)  # and last: what was written may have taken longer than a lease
        return kept, moved

    def _renew(self, session: Session, held: Sequence[Held]) -> dict[int, bool]:
        leases = [run.lease for run in held]
        return transitions.renew(session, leases, lease_seconds=self._lease_seconds)


def _write(session: Session, held: Sequence[Held]) -> set[int]:
    """Write all that is unwritten; return the experiments in which something moved."""
    metrics.append(session, [one for run in held for one in _stretches(run)])
    runs.store_progress(session, [_progress(run) for run in held])
    _write_files(session, held)
    _write_predictions(session, held)
    _end(session, held)
    return changes.log_each(
        session, [(run.lease.experiment_id, change) for run in held for change in _changes(run)]
    )


def _forget_written(session: Session, held: Sequence[Held]) -> None:
    """Leave out epochs that are in the database: a commit may succeed and its answer be lost."""
    written = runs.epochs(session, [run.lease.run_id for run in held])
    for run in held:
        last = written[run.lease.run_id]
        run.unwritten.results = [one for one in run.unwritten.results if one.epoch > last]


def _stretches(run: Held) -> list[Chunk]:
    """Turn epochs into columns, one for each metric."""
    results = run.unwritten.results
    now = time.time_ns() // 1_000_000
    epochs = [result.epoch for result in results]
    return [
        Chunk(run.lease.run_id, key, epochs, [result.metrics[key] for result in results], now)
        for key in (results[0].metrics if results else ())
    ]


def _progress(run: Held) -> RunProgress:
    unwritten = run.unwritten
    return RunProgress(
        run.lease.run_id,
        epoch=unwritten.results[-1].epoch if unwritten.results else None,
        reference_loss=unwritten.reference_loss,
        early_stop_epoch=unwritten.early_stop_epoch,
    )


def _write_files(session: Session, held: Sequence[Held]) -> None:
    written = [(run.lease.run_id, run.unwritten) for run in held]
    artifacts.put_samples(
        session, [(run_id, one.samples) for run_id, one in written if one.samples is not None]
    )
    artifacts.put_frames(
        session, [(run_id, *frame) for run_id, one in written for frame in one.frames]
    )
    artifacts.put_checkpoints(
        session,
        [(run_id, *one.checkpoint) for run_id, one in written if one.checkpoint is not None],
    )
    artifacts.put_snapshots(
        session,
        [
            (run_id, one.kind, one.epoch, one.weights, one.fit)
            for run_id, unwritten in written
            for one in unwritten.snapshots
        ],
    )


def _write_predictions(session: Session, held: Sequence[Held]) -> None:
    rows = {
        (run.lease.run_id, one.epoch): one.outputs
        for run in held
        for one in run.unwritten.predictions
    }
    artifacts.put_predictions(session, [(*place, outputs) for place, outputs in rows.items()])


def _end(session: Session, held: Sequence[Held]) -> None:
    """End runs with their diagnosis, or hand them back to the queue."""
    ended = [
        Ending(run.lease, run.unwritten.ending, run.unwritten.error)
        for run in held
        if run.unwritten.ending is not None
    ]
    transitions.end(session, ended)
    lifecycle.close(session, [each.lease.run_id for each in ended if each.target != "queued"])


def _changes(run: Held) -> list[NewChange]:
    run_id, unwritten = run.lease.run_id, run.unwritten
    found = []
    if unwritten.results:
        first, last = unwritten.results[0].epoch, unwritten.results[-1].epoch
        found.append(NewChange(run_id, "metric", first, last))
    if unwritten.ending is not None:
        found.append(NewChange(run_id, "status"))
    if unwritten.early_stop_epoch is not None or unwritten.ending not in (None, "queued"):
        found.append(NewChange(run_id, "diagnosis"))
    return found
