"""Audit log: an entry for every request of a token that changed something, or failed to.

Requests that only read and those that log runs are left out: there are too many, and the owner of
the experiment shows which token logged them. A token whose scope is too small is in the log.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable
from contextvars import ContextVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.access import scopes
from backend.access.identity import current_identity
from backend.store import UNREACHABLE, Database, audit
from backend.web.authentication import client_address
from backend.web.route_scopes import needed_scope
from backend.web.security import SAFE_METHODS

logger = logging.getLogger(__name__)

AUDITED = (scopes.Scope.SUBMIT, scopes.Scope.ADMIN)
Targets = dict[str, list[int | str]]

Changed = defaultdict[str, set[int]]
"""The ids of the objects that a request changed, by kind."""

_CHANGED: ContextVar[Changed | None] = ContextVar("changed", default=None)


def note_changed(kind: str, ids: Iterable[int]) -> None:
    """Add objects to the entry of the current request, such as the experiments it changed."""
    changed = _CHANGED.get()
    if changed is not None:
        changed[kind].update(ids)


class Audit:
    """ASGI middleware inside `Access`, so that it knows the sender of a request."""

    def __init__(self, app: ASGIApp, database: Database) -> None:
        self._app, self._database = app, database

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; record a change after it was answered."""
        if not _is_audited(scope):
            await self._app(scope, receive, send)
            return
        status = 500  # without an answer

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        changed: Changed = defaultdict(set)
        reset = _CHANGED.set(changed)
        try:
            await self._app(scope, receive, send_and_note)
        finally:
            _CHANGED.reset(reset)
            await run_in_threadpool(self._record, Request(scope), status, changed)

    def _record(self, request: Request, status: int, changed: Changed) -> None:
        identity = current_identity()
        found = request.scope.get("route")
        route: str = found.path_format if found else request.scope["path"]
        try:
            with self._database.write() as session:
                audit.record(
                    session,
                    token=identity.name,
                    in_browser=identity.session_id is not None,
                    client=client_address(request),
                    method=request.method,
                    route=route,
                    targets=_targets(request.scope, changed),
                    status=status,
                )
        except UNREACHABLE:
            logger.error("could not record a change in the audit log", extra={"route": route})


def _is_audited(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] in SAFE_METHODS:
        return False
    return needed_scope(scope) in AUDITED


def _targets(scope: Scope, changed: Changed) -> Targets:
    """Return the ids in the path, such as {"run": [12]}, and those of the changed objects."""
    targets: Targets = {}
    for name, value in scope.get("path_params", {}).items():
        targets[name.removesuffix("_id")] = [int(value) if value.isdecimal() else value[:80]]
    return targets | {kind: sorted(ids) for kind, ids in changed.items() if ids}
