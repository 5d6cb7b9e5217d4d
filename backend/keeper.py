"""Keeps the queue true to the database: frees expired leases, sends again what was not sent."""

import logging
import threading
from collections import defaultdict

from sqlalchemy.exc import SQLAlchemyError

from backend.hints import Hints
from backend.queue import Queue
from backend.store import Database, changes, transitions

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 1.0
RESEND_SECONDS = 5.0


class Keeper(threading.Thread):
    """A thread of the web process. Any number may run: every step is a compare-and-set."""

    def __init__(self, database: Database, queue: Queue, hints: Hints) -> None:
        super().__init__(name="keeper", daemon=True)
        self._database = database
        self._queue = queue
        self._hints = hints
        self._stopping = threading.Event()

    def run(self) -> None:
        """Tend the queue until stopped; a database that is away is tried again."""
        while not self._stopping.wait(INTERVAL_SECONDS):
            try:
                self.tend()
            except SQLAlchemyError:
                logger.exception("could not tend the queue; trying again")

    def tend(self) -> None:
        """Free what dead workers held, then send what no message speaks of."""
        with self._database.write() as session:
            freed = transitions.reap(session)
            by_experiment = defaultdict(list)
            for lease in freed:
                by_experiment[lease.experiment_id].append(changes.NewChange(lease.run_id, "status"))
            for experiment_id, moved in by_experiment.items():
                changes.log(session, experiment_id, moved)
        for experiment_id in by_experiment:
            self._hints.moved(experiment_id)
        self._resend()

    def _resend(self) -> None:
        with self._database.read() as session:
            run_ids = transitions.waiting(session, sent_before_seconds=RESEND_SECONDS)
            unsent = transitions.waiting(session, sent_before_seconds=1e9)
        # messages that are still in the broker speak of what was sent
        lost = run_ids if run_ids and self._queue.is_empty() else unsent
        if lost:
            self._queue.send(lost)

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._stopping.set()
        self.join()
