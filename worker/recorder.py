"""The recorder: writes epochs to the database in bulk, under a lease, and retries on failure."""

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
from backend.store.metric_storage import Chunk
from backend.store.runs import RunProgress
from backend.store.transitions import Ending, Lease
from worker.training.group import EpochResult
from worker.training.model_files import PredictionFile, SnapshotFiles

logger = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.2, 5.0
MAX_BACKLOG = 50_000  # epochs kept in memory while the database is unreachable
TRAINING_PER_WRITE = 20  # pause after a write as a multiple of its duration: writes take 5 %
LONGEST_WAIT = 5  # limit of that pause, as a multiple of the configured record_seconds


@dataclass
class Unwritten:
    """The results of a run that are not in the database yet."""

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
class HeldRun:
    """A run of which this worker holds the lease, with its unwritten results."""

    lease: Lease
    unwritten: Unwritten = field(default_factory=Unwritten)


class Recorder:
    """Writes held runs in one transaction, which renews their leases first and last."""

    def __init__(
        self, database: Database, notifier: Notifier, *, record_seconds: float, lease_seconds: float
    ) -> None:
        self._database, self._notifier = database, notifier
        self._record_seconds, self._lease_seconds = record_seconds, lease_seconds
        self._next = 0.0
        self._pause = 0.0

    @property
    def due(self) -> bool:
        """True if it is time for the next write."""
        return time.monotonic() >= self._next

    @property
    def failing(self) -> bool:
        """True if the last write failed."""
        return self._pause > 0

    def seconds_until_due(self) -> float:
        """Return the time until the next write in seconds."""
        return max(0.0, self._next - time.monotonic())

    def write(self, held: Sequence[HeldRun]) -> dict[int, bool] | None:
        """Write unwritten results; return whether to cancel each of the runs still held.

        None means that the database is unreachable: nothing was written or lost, and `due` becomes
        true at the time of the next attempt. Results of runs that are lost to another worker are
        refused.
        """
        started = time.monotonic()
        try:
            with self._database.write() as session:
                cancel_by_run, experiment_ids = self._record(session, held)
        except UNREACHABLE as error:
            self._pause = min(max(2 * self._pause, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
            self._next = time.monotonic() + self._pause
            logger.warning("could not write to the database; retrying: %s", reason(error))
            return None
        now = time.monotonic()
        wait = min(TRAINING_PER_WRITE * (now - started), LONGEST_WAIT * self._record_seconds)
        self._pause, self._next = 0.0, now + max(self._record_seconds, wait)
        for run in held:
            run.unwritten = Unwritten()
        for experiment_id in experiment_ids:
            self._notifier.notify(experiment_id)
        return cancel_by_run

    def _record(
        self, session: Session, held: Sequence[HeldRun]
    ) -> tuple[dict[int, bool], set[int]]:
        """Write under the leases still held; return these runs and the changed experiments."""
        cancel_by_run = self._renew(session, held)  # first, as it locks the rows
        for run in held:
            if run.unwritten.ending == "queued" and cancel_by_run.get(run.lease.run_id):
                run.unwritten.ending = "cancelled"
        still_held = [run for run in held if run.lease.run_id in cancel_by_run]
        if self.failing:
            _forget_written(session, still_held)
        experiment_ids = _write(session, still_held)
        self._renew(session, still_held)  # last, as writing may outlast a lease
        return cancel_by_run, experiment_ids

    def _renew(self, session: Session, held: Sequence[HeldRun]) -> dict[int, bool]:
        leases = [run.lease for run in held]
        return transitions.renew(session, leases, lease_seconds=self._lease_seconds)


def _write(session: Session, held: Sequence[HeldRun]) -> set[int]:
    """Write all unwritten results; return the changed experiments."""
    metrics.append(session, [chunk for run in held for chunk in _chunks(run)])
    runs.store_progress(session, [_progress(run) for run in held])
    _write_files(session, held)
    _write_predictions(session, held)
    _end(session, held)
    return changes.log_each(
        session, [(run.lease.experiment_id, change) for run in held for change in _changes(run)]
    )


def _forget_written(session: Session, held: Sequence[HeldRun]) -> None:
    """Remove epochs that are in the database, where a commit succeeded but its reply was lost."""
    written = runs.epochs(session, [run.lease.run_id for run in held])
    for run in held:
        last = written[run.lease.run_id]
        run.unwritten.results = [result for result in run.unwritten.results if result.epoch > last]


def _chunks(run: HeldRun) -> list[Chunk]:
    """Return the unwritten epochs of a run as one chunk of points per metric."""
    results = run.unwritten.results
    now = time.time_ns() // 1_000_000
    epochs = [result.epoch for result in results]
    return [
        Chunk(run.lease.run_id, key, epochs, [result.metrics[key] for result in results], now)
        for key in (results[0].metrics if results else ())
    ]


def _progress(run: HeldRun) -> RunProgress:
    unwritten = run.unwritten
    return RunProgress(
        run.lease.run_id,
        epoch=unwritten.results[-1].epoch if unwritten.results else None,
        reference_loss=unwritten.reference_loss,
        early_stop_epoch=unwritten.early_stop_epoch,
    )


def _write_files(session: Session, held: Sequence[HeldRun]) -> None:
    written = [(run.lease.run_id, run.unwritten) for run in held]
    artifacts.put_samples(
        session,
        [
            (run_id, unwritten.samples)
            for run_id, unwritten in written
            if unwritten.samples is not None
        ],
    )
    artifacts.put_frames(
        session, [(run_id, *frame) for run_id, unwritten in written for frame in unwritten.frames]
    )
    artifacts.put_checkpoints(
        session,
        [
            (run_id, *unwritten.checkpoint)
            for run_id, unwritten in written
            if unwritten.checkpoint is not None
        ],
    )
    artifacts.put_snapshots(
        session,
        [
            (run_id, snapshot.kind, snapshot.epoch, snapshot.weights, snapshot.fit)
            for run_id, unwritten in written
            for snapshot in unwritten.snapshots
        ],
    )


def _write_predictions(session: Session, held: Sequence[HeldRun]) -> None:
    rows = {
        (run.lease.run_id, prediction.epoch): prediction.outputs
        for run in held
        for prediction in run.unwritten.predictions
    }
    artifacts.put_predictions(session, [(*key, outputs) for key, outputs in rows.items()])


def _end(session: Session, held: Sequence[HeldRun]) -> None:
    """End runs with their diagnosis, or return them to the queue."""
    ended = [
        Ending(run.lease, run.unwritten.ending, run.unwritten.error)
        for run in held
        if run.unwritten.ending is not None
    ]
    transitions.end(session, ended)
    lifecycle.close(session, [ending.lease.run_id for ending in ended if ending.target != "queued"])


def _changes(run: HeldRun) -> list[NewChange]:
    run_id, unwritten = run.lease.run_id, run.unwritten
    entries = []
    if unwritten.results:
        first, last = unwritten.results[0].epoch, unwritten.results[-1].epoch
        entries.append(NewChange(run_id, "metric", first, last))
    if unwritten.ending is not None:
        entries.append(NewChange(run_id, "status"))
    if unwritten.early_stop_epoch is not None or unwritten.ending not in (None, "queued"):
        entries.append(NewChange(run_id, "diagnosis"))
    return entries
