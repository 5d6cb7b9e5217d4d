"""Audit log: an entry for every request of a token that changed something, or failed to.

The entry of a change is stored in the transaction that makes the change, so neither exists without
the other. The entry of a failed attempt is stored before the attempt is answered.

Requests that only read and those that log runs are left out: there are too many, and the owner of
the experiment shows which token logged them. `backend.web.refusals` records what access control
refused.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable
from contextvars import ContextVar

from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.access import scopes
from backend.access.identity import current_identity
from backend.printable import printable
from backend.store import UNREACHABLE, Database, audit
from backend.store.engine import effects_of
from backend.store.tables import AuditEntry
from backend.web.authentication import client_address
from backend.web.route_scopes import needed_scope
from backend.web.security import SAFE_METHODS

logger = logging.getLogger(__name__)

AUDITED = (scopes.Scope.SUBMIT, scopes.Scope.ADMIN)
MAX_TARGET_CHARACTERS = 80  # of a part of a path that is not a number
Targets = dict[str, list[int | str]]


class AuditedRequest:
    """A request whose changes are recorded, and its entry once a transaction has stored it."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._changed: dict[str, set[int]] = defaultdict(set)
        self._entry: AuditEntry | None = None
        self.is_answered = False

    def add_targets(self, kind: str, ids: Iterable[int]) -> None:
        """Note objects that the request changed."""
        self._changed[kind].update(ids)

    def record(self, session: Session, status: int | None = None) -> None:
        """Store the entry, or complete it if an earlier transaction has stored it.

        Without `status`, the entry has the status that the route answers with after a change.
        """
        if self._entry is not None and audit.is_stored(self._entry):
            audit.complete(session, self._entry, targets=self._targets(), status=status)
            return
        identity, request = current_identity(), Request(self._scope)
        route = self._scope.get("route")
        self._entry = audit.record(
            session,
            token=identity.name,
            in_browser=identity.session_id is not None,
            client=client_address(request),
            method=request.method,
            route=route.path_format if route else printable(self._scope["path"]),
            targets=self._targets(),
            status=status or getattr(route, "status_code", None) or 200,
        )

    def is_recorded(self, status: int) -> bool:
        """Return whether the stored entry has everything that is known by now."""
        return (
            self._entry is not None
            and audit.is_stored(self._entry)
            and self._entry.status == status
            and self._entry.targets == audit.kept(self._targets())
        )

    def _targets(self) -> Targets:
        """Return the ids in the path, such as {"run": [12]}, and those of the changed objects."""
        targets: Targets = {
            name.removesuffix("_id"): [_target(value)]
            for name, value in self._scope.get("path_params", {}).items()
        }
        return targets | {kind: sorted(ids) for kind, ids in self._changed.items() if ids}


_CURRENT: ContextVar[AuditedRequest | None] = ContextVar("audited_request", default=None)


def note_changed(kind: str, ids: Iterable[int]) -> None:
    """Add objects to the entry of the current request. Call it inside the transaction."""
    request = _CURRENT.get()
    if request is not None:
        request.add_targets(kind, ids)


def record_change(session: Session) -> None:
    """Store the entry of the current request in the transaction that is about to be committed."""
    request = _CURRENT.get()
    if request is not None and not request.is_answered:
        request.add_targets("experiment", effects_of(session).changed_experiments)
        request.record(session)


class Audit:
    """ASGI middleware inside `Access`, so that it knows the sender of a request."""

    def __init__(self, app: ASGIApp, database: Database) -> None:
        self._app, self._database = app, database

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; record what no transaction has recorded before it is answered."""
        if not _is_audited(scope):
            await self._app(scope, receive, send)
            return
        request = AuditedRequest(scope)

        async def record_and_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                await self._complete(request, message["status"])
            await send(message)

        reset = _CURRENT.set(request)
        try:
            await self._app(scope, receive, record_and_send)
        finally:
            _CURRENT.reset(reset)
            if not request.is_answered:
                await self._complete(request, 500)

    async def _complete(self, request: AuditedRequest, status: int) -> None:
        request.is_answered = True
        if not request.is_recorded(status):
            await run_in_threadpool(self._record, request, status)

    def _record(self, request: AuditedRequest, status: int) -> None:
        try:
            with self._database.write() as session:
                request.record(session, status)
        except UNREACHABLE:
            logger.error("could not record a request in the audit log", extra={"status": status})


def _is_audited(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] in SAFE_METHODS:
        return False
    return needed_scope(scope) in AUDITED


def _target(value: object) -> int | str:
    """Return a parameter of a path: a number, or text without characters that no table takes."""
    text = str(value)
    is_id = text.isdecimal() and len(text) <= MAX_TARGET_CHARACTERS
    return int(text) if is_id else printable(text)[:MAX_TARGET_CHARACTERS]
