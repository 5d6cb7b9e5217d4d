"""Keeps the queue true to the database: frees expired leases, sends what waits."""

import logging
import threading

from sqlalchemy.exc import SQLAlchemyError

from backend import endings
from backend.hints import Hints
from backend.queue import Queue
from backend.store import Database

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 1.0


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
        """Free what dead workers held, then send what waits."""
        with self._database.write() as session:
            moved = endings.reap(session)
        for experiment_id in moved:
            self._hints.moved(experiment_id)
        self._queue.fill()

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._stopping.set()
        self.join()
