"""Heavy work: requests that may read or expand thousands of runs, a few of them at a time.

The limit bounds the memory that all of them take together, and leaves threads for the requests
that only read or write a row. A request waits in the event loop, without a thread, a database
connection or memory of its own.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Depends, Request

from backend import work_budget
from backend.errors import Unavailable
from backend.limits import Limits

MAX_WAIT_SECONDS = 30.0  # browsers and the clients of the API wait longer


class HeavyWork:
    """The places for heavy requests of one web process."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._places = asyncio.Semaphore(limits.max_heavy_requests)

    async def acquire(self) -> None:
        """Wait for a place. Raises Unavailable, and ClientLeft if the client did not wait."""
        try:
            await asyncio.wait_for(self._places.acquire(), MAX_WAIT_SECONDS)
        except TimeoutError:
            raise Unavailable(
                f"{self._limits.max_heavy_requests} requests that read many runs have been at work "
                f"for {MAX_WAIT_SECONDS:g} s (LAB_MAX_HEAVY_REQUESTS); try again later."
            ) from None

    def release(self) -> None:
        """Give the place to the next request."""
        self._places.release()


async def _hold_place(request: Request) -> AsyncIterator[None]:
    """Hold a place while the endpoint runs, and limit the memory that it takes."""
    heavy_work: HeavyWork = request.app.state.heavy_work
    budget = work_budget.current()
    await heavy_work.acquire()
    try:
        if budget is not None:
            budget.check_client()
            budget.max_bytes = request.app.state.settings.work_bytes
        yield
    finally:
        heavy_work.release()
        if budget is not None:
            budget.lift()


HEAVY: Any = Depends(_hold_place, scope="function")
"""For the `dependencies` of routes whose endpoints do heavy work."""

HeavyDep = Annotated[None, HEAVY]
"""For dependencies that must not take anything before the request has its place."""
