"""The sender of the request that is being answered."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from backend.access.scopes import Scope

MAX_TOKEN_NAME = 80  # characters
OPERATOR_NAME = "operator"  # the name of LAB_TOKEN in lists; no other token may have it


@dataclass(frozen=True)
class Identity:
    """The token of a request: its name and scope, and the digest that identifies it.

    The name is None if the service requires no token. `session_id` is the browser session through
    which the token is used.
    """

    name: str | None
    scope: Scope
    digest: str = ""
    session_id: int | None = None


ANYONE = Identity(None, Scope.ADMIN)
"""The sender of every request to a service that requires no token."""

NOBODY = Identity(None, Scope.READ)
"""The sender of a request to an open route of a service that requires a token."""

_CURRENT: ContextVar[Identity] = ContextVar("identity", default=NOBODY)


def current_identity() -> Identity:
    """Return the sender of the request that this thread or task answers."""
    return _CURRENT.get()


@contextmanager
def acting_as(identity: Identity) -> Iterator[None]:
    """Set the sender for the code inside, and for the threads that it starts."""
    reset = _CURRENT.set(identity)
    try:
        yield
    finally:
        _CURRENT.reset(reset)
