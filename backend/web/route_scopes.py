"""Scope that each request needs, decided before the request is routed.

Reading needs `read`, a change needs what `RULES` lists. `tests/integration/test_every_route.py`
fails for a route that no rule names. A change that no rule names needs `admin`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from starlette.routing import compile_path
from starlette.types import Scope as Connection

from backend.access.scopes import Scope
from backend.mlflow.prefixes import PREFIXES
from backend.web.security import SAFE_METHODS

CHANGES = ("POST", "PUT", "PATCH", "DELETE")
ALL = (*SAFE_METHODS, *CHANGES)
DRY_RUN = b"dry_run=true"  # exactly: any other query may be read in another way by the endpoint


@dataclass(frozen=True)
class Rule:
    """The scope for some methods of a path, None for no token at all.

    `path` is a route's path as in FastAPI; `/*` at the end stands for the path and all below it.
    With `dry_run` the rule holds only for requests with this query.
    """

    path: str
    methods: tuple[str, ...]
    needed: Scope | None
    dry_run: bool = False

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """The paths of the rule. As in the router, `$` also matches before a last newline."""
        if self.path.endswith("/*"):
            return re.compile(re.escape(self.path.removesuffix("/*")) + r"(/.*)?$", re.DOTALL)
        return compile_path(self.path)[0]

    def matches(self, method: str, path: str, query: bytes = b"") -> bool:
        """Return whether the rule holds for a request."""
        return (
            method in self.methods
            and (not self.dry_run or query == DRY_RUN)
            and self._pattern.match(path) is not None
        )


def _rules(needed: Scope | None, methods: tuple[str, ...], *paths: str) -> Iterable[Rule]:
    return (Rule(path, methods, needed) for path in paths)


_TRACKED = (
    *("experiments/delete", "experiments/restore", "experiments/update"),
    *("runs/delete", "runs/restore"),
)

RULES: tuple[Rule, ...] = (
    # No token: checks by machines, the page that asks for the token, and the files it loads.
    *_rules(None, SAFE_METHODS, "/health", "/healthz", "/readyz", "/static/*"),
    *_rules(None, (*SAFE_METHODS, "POST"), "/sign-in"),
    # Requests that only look, although they have a body.
    *_rules(Scope.READ, ("POST",), "/charts/specification"),
    Rule("/api/experiments", ("POST",), Scope.READ, dry_run=True),
    Rule("/api/experiments/{experiment_id}/remedies", ("POST",), Scope.READ, dry_run=True),
    # What changes the runs that others logged, in the protocols by which programs log.
    *_rules(Scope.SUBMIT, ("POST",), *(f"{p}/mlflow/{end}" for p in PREFIXES for end in _TRACKED)),
    *_rules(Scope.SUBMIT, ("DELETE",), *(f"{p}/*" for p in PREFIXES)),
    # Protocols by which other programs log their runs, with all that they read.
    *_rules(Scope.LOG, ALL, "/api/2.0/*", "/api/3.0/*", "/ajax-api/*", "/mlflow/*", "/version"),
    *_rules(Scope.LOG, ALL, "/api/bulk_log", "/api/bulk_log_system", "/api/bulk_alert"),
    *_rules(Scope.LOG, ALL, "/api/get_runs_for_project", "/api/get_run_summary", "/api/imports/*"),
    # Sweeps: their runs, like those of the protocols above, are commands of the client.
    *_rules(Scope.LOG, ("POST",), "/api/sweeps", "/api/agents/*", "/trackio/*"),
    *_rules(Scope.LOG, SAFE_METHODS, "/trackio/*"),
    # Everybody may end their own browser session.
    *_rules(Scope.READ, ("POST",), "/sign-out"),
    # Tokens, other people's browser sessions, and the audit log.
    *_rules(Scope.ADMIN, ALL, "/api/tokens/*", "/api/sessions/*", "/api/audit"),
    *_rules(Scope.ADMIN, SAFE_METHODS, "/tokens", "/sessions", "/audit"),
    # Changes.
    *_rules(
        Scope.SUBMIT,
        CHANGES,
        "/api/datasets/*",
        "/api/experiments/*",
        "/api/runs/*",
        "/api/operations/{operation_id}/undo",
        "/api/views/*",
    ),
    # Reading. An area is the first part of a path.
    *_rules(
        Scope.READ,
        SAFE_METHODS,
        "/",
        "/charts/*",
        "/compare",
        "/datasets/*",
        "/docs/*",
        "/experiments/*",
        "/glossary",
        "/import",
        "/metrics",
        "/runs/*",
        "/status",
        "/api/datasets/*",
        "/api/experiments/*",
        "/api/health",
        "/api/openapi.json",
        "/api/runs/*",
        "/api/stream",
        "/api/views/*",
    ),
)
"""Every rule. The first that matches a request holds."""


def declared(method: str, path: str, query: bytes = b"") -> Rule | None:
    """Return the rule for a request, None if no rule matches."""
    return next((rule for rule in RULES if rule.matches(method, path, query)), None)


def needed_scope(connection: Connection) -> Scope | None:
    """Return the scope that a request needs, None if it needs no token."""
    method = connection["method"]
    rule = declared(method, route_path(connection), connection["query_string"])
    if rule:
        return rule.needed
    return Scope.READ if method in SAFE_METHODS else Scope.ADMIN


def route_path(connection: Connection) -> str:
    """Return the path that the router compares: without the prefix of a proxy (`root_path`)."""
    path: str = connection["path"]
    root: str = connection.get("root_path", "")
    below = path.removeprefix(root) if root else path
    return below if below.startswith("/") or not below else path
