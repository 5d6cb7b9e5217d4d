"""Scheduler: requeues runs whose lease expired, dispatches queued runs, erases old deletions."""

import logging
import threading
import time
from collections.abc import Callable

from sqlalchemy.orm import Session

from backend.runs import lifecycle
from backend.scheduling.dispatcher import Dispatcher
from backend.store import UNREACHABLE, Database, reason, transitions, vacuum
from backend.store.transitions import Lease, Moved
from backend.tracking import runs as tracked_runs

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 1.0
ERASE_INTERVAL_SECONDS = 60.0
# Leases are restarted at most once per this many lease durations. A database that is always slow
# must not keep the runs of a dead worker forever.
RESTART_INTERVAL_LEASES = 3


class LeaseClock:
    """Decides whether expired leases can be trusted, from the database's and the monotonic clock.

    Leases expire by the database's clock. During a database outage no worker can renew its lease,
    and a jump of the clock makes all leases expire at once or last for hours. A process that has
    just started does not know what happened before. In these cases every lease is restarted.
    """

    def __init__(self, lease_seconds: float) -> None:
        self._lease = lease_seconds
        self._tolerance = lease_seconds / 2
        self._read_started_at = 0.0
        self._last_reading: tuple[float, float] | None = None
        self._database_failed = False
        self.is_first_reading = True
        self._restarted_at = -float("inf")
        self.can_be_trusted = True

    def record_failure(self) -> None:
        """Record that the database was unreachable or read-only."""
        self._database_failed = True

    def start_reading(self) -> None:
        """Record that the database's time is about to be read."""
        self._read_started_at = time.monotonic()

    def finish_reading(self, *, now: int) -> None:
        """Record the database's time in milliseconds and update `can_be_trusted`."""
        ours, theirs = time.monotonic(), now / 1000
        before, self._last_reading = self._last_reading, (ours, theirs)
        hung = ours - self._read_started_at > self._tolerance
        jump = theirs - before[1] - (ours - before[0]) if before else 0.0
        jumped = abs(jump) > self._tolerance
        may_restart = ours > self._restarted_at + RESTART_INTERVAL_LEASES * self._lease
        self.is_first_reading = before is None
        doubtful = may_restart and (jumped or hung or self._database_failed)
        self.can_be_trusted = not (self.is_first_reading or doubtful)

    def confirm(self) -> None:
        """Record that the consequence of `can_be_trusted` is committed."""
        self._database_failed = False
        if not self.can_be_trusted and not self.is_first_reading:
            self._restarted_at = time.monotonic()


class Scheduler(threading.Thread):
    """A thread of the web process.

    Several may run at the same time: every step is a compare-and-set in the database.
    """

    def __init__(
        self,
        database: Database,
        dispatcher: Dispatcher,
        *,
        deleted_days: float,
        lease_seconds: float,
        agent_lease_seconds: float | None = None,
        remove_expired: Callable[[], bool] = lambda: False,
    ) -> None:
        super().__init__(name="scheduler", daemon=True)
        self._database = database
        self._deleted_days, self._lease_seconds = deleted_days, lease_seconds
        self._agent_lease_seconds = agent_lease_seconds
        self._lease_clock = LeaseClock(lease_seconds)
        self._listening_since: int | None = None
        self._remove_expired = remove_expired
        self._erase_at = 0.0
        self._finished_at = time.monotonic()
        self._dispatcher = dispatcher
        self._stopping = threading.Event()

    def run(self) -> None:
        """Work until stopped. No error ends the thread, because no other thread takes over."""
        while not self._stopping.wait(INTERVAL_SECONDS):
            try:
                self.run_once()
                if time.monotonic() >= self._erase_at and not self._erase():
                    self._erase_at = time.monotonic() + ERASE_INTERVAL_SECONDS
            except UNREACHABLE as error:
                self._lease_clock.record_failure()
                logger.error("scheduling failed; retrying: %s", reason(error))
            except Exception:
                logger.exception("scheduling failed; retrying")

    def run_once(self) -> None:
        """Requeue the runs of dead workers, end silent external runs, then dispatch queued runs."""
        self._lease_clock.start_reading()
        with self._database.write() as session:
            self._lease_clock.finish_reading(now=transitions.now(session))
            requeued = self._requeue_lost_runs(session)
            self._lose_silent_runs(session)
        self._lease_clock.confirm()
        for run in requeued:
            ids = Lease(run.run_id, run.experiment_id, run.attempt).ids
            logger.warning(
                "run requeued: its worker stopped responding", extra=ids | {"state": run.state}
            )
        self._dispatcher.dispatch()
        self._finished_at = time.monotonic()

    @property
    def seconds_since_last_pass(self) -> float:
        """Seconds since the last complete pass, or since the scheduler was created."""
        return time.monotonic() - self._finished_at

    def _requeue_lost_runs(self, session: Session) -> list[Moved]:
        """Requeue runs whose lease expired. Restart all leases if their expiry is doubtful."""
        if self._lease_clock.can_be_trusted:
            return lifecycle.reap(session)
        if first := self._lease_clock.is_first_reading:
            logger.info("first pass: workers get one lease duration to renew their leases")
        else:
            logger.warning("database outage or clock jump: all leases are restarted")
        transitions.restart_leases(
            session,
            lease_seconds=self._lease_seconds,
            agent_lease_seconds=self._agent_lease_seconds,
            shorten=not first,
        )
        return []

    def _lose_silent_runs(self, session: Session) -> None:
        """End silent external runs. Only time in which the service listened counts."""
        now = transitions.now(session)
        if self._listening_since is None or not self._lease_clock.can_be_trusted:
            self._listening_since = now
        for run in tracked_runs.lose_silent(session, listening_since=self._listening_since):
            ids = {"run": run.run_id, "experiment": run.experiment_id}
            if run.ends_by_silence:
                logger.info("external run finished: nothing was logged for a while", extra=ids)
            else:
                logger.warning("external run lost: nothing was logged for a long time", extra=ids)

    def _erase(self) -> bool:
        """Erase some expired rows. Return whether there may be more."""
        return self.erase_deleted() or self._remove_expired()

    def erase_deleted(self) -> bool:
        """Erase some long-deleted runs and experiments. Return whether there may be more.

        When nothing is left to erase, release some of the freed disk space instead.
        """
        with self._database.read() as session:
            has_expired = vacuum.waits(session, after_days=self._deleted_days)
        if not has_expired:
            return vacuum.release_pages(self._database) > 0
        with self._database.write() as session:
            return vacuum.remove(session, after_days=self._deleted_days) > 0

    def stop(self) -> None:
        """Stop the thread and wait for it to end."""
        self._stopping.set()
        self.join()
