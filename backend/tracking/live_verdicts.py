"""A thread of the web process that diagnoses external runs while they are logged."""

import logging
import threading
import time

from backend.errors import NotFound
from backend.store import UNREACHABLE, Database, external_runs, reason
from backend.tracking import diagnoses

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 1.0  # at least, between two diagnoses of a run
SHARE = 0.05  # of a core: after work of 50 ms the thread waits a second
RUNS_PER_PASS = 50


class LiveVerdicts(threading.Thread):
    """Diagnoses runs with new points, outside of the requests that log them.

    Several processes may do so at the same time: each stores what it has read.
    """

    def __init__(self, database: Database) -> None:
        super().__init__(name="live-verdicts", daemon=True)
        self._database = database
        self._stopping = threading.Event()

    def run(self) -> None:
        """Work until stopped. No error ends the thread, because no other thread takes over."""
        pause = INTERVAL_SECONDS
        while not self._stopping.wait(pause):
            begun = time.thread_time()
            try:
                self.run_once()
            except UNREACHABLE as error:
                logger.error("diagnosing failed; retrying: %s", reason(error))
            except Exception:
                logger.exception("diagnosing failed; retrying")
            pause = max(INTERVAL_SECONDS, (time.thread_time() - begun) / SHARE)

    def run_once(self) -> int:
        """Diagnose some runs with new points; return how many."""
        with self._database.read() as session:
            waiting = external_runs.undiagnosed(session, RUNS_PER_PASS)
        for external_id in waiting:
            self._diagnose(external_id)
        return len(waiting)

    def _diagnose(self, external_id: str) -> None:
        with self._database.read() as session:
            try:
                found = diagnoses.compute(session, external_runs.get(session, external_id))
            except NotFound:  # removed since
                return
        with self._database.write() as session:
            run = external_runs.locate(session, [external_id]).get(external_id)
            if run is not None:
                diagnoses.store(session, run, found)

    def stop(self) -> None:
        """Stop the thread and wait for it to end."""
        self._stopping.set()
        self.join()
