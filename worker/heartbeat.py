"""The heartbeat of a worker: keeps leases alive while an epoch takes longer than a lease."""

import logging
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from sqlalchemy.exc import SQLAlchemyError

from backend.store import Database, reason, transitions
from backend.store.transitions import Lease

logger = logging.getLogger(__name__)


class Heartbeat(threading.Thread):
    """Renews the leases three times per lease duration, in parallel to training.

    `useless` becomes true once no run is left to train, because all were cancelled or lost to other
    workers.
    """

    def __init__(
        self, database: Database, leases: Callable[[], Sequence[Lease]], *, lease_seconds: float
    ) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._database, self._leases = database, leases
        self._lease_seconds = lease_seconds
        self._ended = threading.Event()
        self.useless = False

    def run(self) -> None:
        """Renew until the end; failures, such as an unreachable database, are retried."""
        while not self._ended.wait(self._lease_seconds / 3):
            try:
                self.beat()
            except SQLAlchemyError as error:
                logger.warning("could not renew leases; retrying: %s", reason(error))
            except Exception:  # without this thread all leases would expire
                logger.exception("could not renew leases; retrying")

    def beat(self) -> None:
        """Renew all leases once."""
        leases = self._leases()
        with self._database.write() as session:
            held = transitions.renew(session, leases, lease_seconds=self._lease_seconds)
        self.useless = bool(leases) and all(held.values())

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self.join()
