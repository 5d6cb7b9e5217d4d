"""Refused requests of known tokens in the audit log: a scope too small, a token that has ended.

A program may repeat a refused request every second, and the log keeps a fixed number of entries.
So each token gets a few entries for refused requests at once, and one more per minute.
"""

import logging

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from backend.access.throttle import FailureThrottle
from backend.printable import printable
from backend.store import UNREACHABLE, Database, audit

logger = logging.getLogger(__name__)

ENTRIES_AT_ONCE = 10
SECONDS_PER_ENTRY = 60.0


class Refusals:
    """Records refused requests, within limits."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._throttle = FailureThrottle(ENTRIES_AT_ONCE, SECONDS_PER_ENTRY)

    async def record(
        self, request: Request, *, token: str, client: str, status: int, in_browser: bool = False
    ) -> None:
        """Store an entry for a request that is refused with `status`."""
        if self._throttle.seconds_to_wait(token):
            return
        self._throttle.record_failure(token)
        await run_in_threadpool(self._store, request, token, client, status, in_browser)

    def _store(
        self, request: Request, token: str, client: str, status: int, in_browser: bool
    ) -> None:
        try:
            with self._database.write() as session:
                audit.record(
                    session,
                    token=token,
                    in_browser=in_browser,
                    client=client,
                    method=request.method,
                    route=printable(request.scope["path"]),  # it has not been routed
                    targets={},
                    status=status,
                )
        except UNREACHABLE:
            logger.error("could not record a refusal in the audit log", extra={"token_name": token})
