"""Requests that may be repeated: an `Idempotency-Key` makes a second one return the first answer.

The answer is stored in the transaction that creates something. So a web process that is killed
after the commit has stored both, and one that is killed before it neither. Refused requests store
nothing and are checked again.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Annotated, TypeVar

from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel
from sqlalchemy.orm import Session

from backend.access.identity import current_identity
from backend.errors import Conflict, InvalidInput
from backend.store import Database, stored_answers

REPEATABLE = {
    "/api/datasets/{dataset_id}/diagnosis",
    "/api/experiments",
    "/api/experiments/{experiment_id}/continue",
    "/api/experiments/{experiment_id}/remedies",
    "/api/experiments/{experiment_id}/retry",
    "/api/experiments/{experiment_id}/seeds",
    "/api/runs/{run_id}/continue",
    "/api/runs/{run_id}/retry",
    "/api/sweeps",
    "/api/views",
}
"""The POST routes that take a key: those that create something, or train again."""

NAME = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
MAX_LENGTH = 200  # characters
KEY_HEADER = Header(
    alias=NAME,
    min_length=1,
    max_length=MAX_LENGTH,
    pattern=r"^[!-~]*$",
    description="A key of your choice, such as a UUID. A repeated request with the same key and "
    f"body changes nothing and gets the first answer, with `{REPLAYED}: true`.",
)

Answer = TypeVar("Answer", bound=BaseModel)

_under_way: set[tuple[str, str]] = set()
_lock = threading.Lock()


class Once:
    """Creates something once per key. Without a key, each request creates it."""

    def __init__(self, request: Request, body: bytes, response: Response, key: str | None) -> None:
        self._key, self._response = key, response
        self._hours = request.app.state.settings.idempotency_hours
        # The token, however it was sent; empty, so one owner, where no token is required.
        self._owner = _digest(current_identity().digest.encode())
        self._request = _digest(request.url.path.encode(), request.url.query.encode(), body)

    def create(
        self, database: Database, answer: type[Answer], create: Callable[[Session], Answer]
    ) -> Answer:
        """Call `create` in a transaction and return its answer, or the one stored before.

        Raises InvalidInput if the key was used for another request, Conflict while the first
        request with the key is under way.
        """
        if self._key is None:
            with database.write() as session:
                return create(session)
        with self._alone(self._key), database.write() as session:
            if not stored_answers.lock_key(session, self._owner, self._key):
                raise _under_way_error()
            stored = self._stored(session, self._key)
            if stored is not None:
                self._response.headers[REPLAYED] = "true"
                return answer.model_validate_json(stored)
            created = create(session)
            stored_answers.remember(
                session, self._owner, self._key,
                request=self._request, body=created.model_dump_json(), hours=self._hours,
            )  # fmt: skip
            return created

    def _stored(self, session: Session, key: str) -> str | None:
        """Return the stored answer to this request. Raises InvalidInput for another request."""
        stored = stored_answers.find(session, self._owner, key, hours=self._hours)
        if stored is None:
            return None
        if stored.request != self._request:
            raise InvalidInput(
                f"{NAME} was used for another request within the last {self._hours:g} hours; "
                "accepted: a new key, or the same URL and body.",
                NAME,
            )
        return stored.body

    @contextmanager
    def _alone(self, key: str) -> Iterator[None]:
        """Refuse a second request of this process with the key. Raises Conflict."""
        mine = (self._owner, key)
        with _lock:
            if mine in _under_way:
                raise _under_way_error()
            _under_way.add(mine)
        try:
            yield
        finally:
            with _lock:
                _under_way.discard(mine)


def _under_way_error() -> Conflict:
    return Conflict(f"The first request with this {NAME} is still under way; try again.", NAME)


def _digest(*parts: bytes) -> str:
    """Return a digest in which the parts cannot run into each other."""
    digest = sha256()
    for part in parts:
        digest.update(b"%d:%b" % (len(part), part))
    return digest.hexdigest()


async def _once(
    request: Request, response: Response, key: Annotated[str | None, KEY_HEADER] = None
) -> Once:
    return Once(request, await request.body(), response, key)


OnceDep = Annotated[Once, Depends(_once)]
