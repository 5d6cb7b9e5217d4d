"""An endpoint of the protocol: method, path, fields of the request, function that answers."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from backend.specification.params import JsonObject


@dataclass(frozen=True)
class Endpoint:
    """One endpoint. `path` is relative to `/api/2.0/mlflow/` and may have parts in braces.

    `answer` takes the service, the request, and the parts of the path by name. It runs in a thread;
    `answer_async` runs in the event loop and must not block.
    """

    method: str
    path: str
    body: type[msgspec.Struct]
    answer: Callable[..., JsonObject] | None = None
    answer_async: Callable[..., Awaitable[JsonObject]] | None = None

    @property
    def reads_query(self) -> bool:
        """True if the fields come from the query instead of a body."""
        return self.method in ("GET", "DELETE")


def get(path: str, body: type[msgspec.Struct], answer: Callable[..., Any]) -> Endpoint:
    """Return an endpoint that reads."""
    return Endpoint("GET", path, body, answer)


def post(path: str, body: type[msgspec.Struct], answer: Callable[..., Any]) -> Endpoint:
    """Return an endpoint that takes a JSON body."""
    return Endpoint("POST", path, body, answer)
