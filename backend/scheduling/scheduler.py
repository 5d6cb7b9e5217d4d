"""Keeps the queue true to the database: frees expired leases, sends what waits.

And removes, a little at a time, what was deleted long ago.
"""

import logging
import threading
import time

from sqlalchemy.orm import Session

from backend.live.notifications import Notifier
from backend.runs import lifecycle
from backend.scheduling.dispatcher import Dispatcher
from backend.scheduling.lease_clock import LeaseClock
from backend.store import UNREACHABLE, Database, reason, removal, transitions, vacuum
from backend.store.transitions import Lease, Moved

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 1.0
REMOVAL_SECONDS = 60.0  # between two looks for what is to be removed


class Scheduler(threading.Thread):
    """A thread of the web process. Any number may run: every step is a compare-and-set."""

    def __init__(
        self,
        database: Database,
        queue: Dispatcher,
        hints: Notifier,
        *,
        deleted_days: float,
        lease_seconds: float,
    ) -> None:
        super().__init__(name="keeper", daemon=True)
        self._database = database
        self._deleted_days, self._lease_seconds = deleted_days, lease_seconds
        self._silence = LeaseClock(lease_seconds)
        self._remove_at = 0.0
        self._tended_at = time.monotonic()
        self._queue = queue
        self._hints = hints
        self._stopping = threading.Event()

    def run(self) -> None:
        """Tend the queue until stopped; nothing ends it, as nobody else would do its work."""
        while not self._stopping.wait(INTERVAL_SECONDS):
            try:
                self.tend()
                if time.monotonic() >= self._remove_at and not self.remove():
                    self._remove_at = time.monotonic() + REMOVAL_SECONDS
            except UNREACHABLE as error:
                self._silence.failed()
                logger.error("could not tend the queue; trying again: %s", reason(error))
            except Exception:
                logger.exception("could not tend the queue; trying again")

    def tend(self) -> None:
        """Free what dead workers held, then send what waits."""
        self._silence.asks()
        with self._database.write() as session:
            self._silence.answered(now=transitions.now(session))
            freed = self._judge(session)
        self._silence.settled()
        for run in freed:
            ids = Lease(run.run_id, run.experiment_id, run.attempt).ids
            logger.warning("run taken back, its worker is silent", extra=ids | {"state": run.state})
        for experiment_id in {run.experiment_id for run in freed}:
            self._hints.moved(experiment_id)
        self._queue.fill()
        self._tended_at = time.monotonic()

    @property
    def seconds_since_tended(self) -> float:
        """How long ago it last looked after the queue, to the end; or was made."""
        return time.monotonic() - self._tended_at

    def _judge(self, session: Session) -> list[Moved]:
        """Free what dead workers held, unless nobody can know how long they were silent."""
        if self._silence.is_known:
            return lifecycle.reap(session)
        if first := self._silence.begins:
            logger.info("first look: no worker loses a run before it had time to renew its lease")
        else:
            logger.warning("the database was away, or its clock jumped: all leases begin anew")
        transitions.restart_leases(session, lease_seconds=self._lease_seconds, shorten=not first)
        return []

    def remove(self) -> bool:
        """Remove some of what was deleted long ago; return whether there may be more.

        Where nothing is left to be removed, its space is given back, a little at a time too.
        """
        with self._database.read() as session:
            waits = removal.waits(session, after_days=self._deleted_days)
        if not waits:
            return vacuum.release_pages(self._database) > 0
        with self._database.write() as session:
            return removal.remove(session, after_days=self._deleted_days) > 0

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._stopping.set()
        self.join()
