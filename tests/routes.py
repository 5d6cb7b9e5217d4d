"""Every route of an app: methods and path, with the routers and apps that are mounted in it."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from fastapi import FastAPI
from starlette.routing import BaseRoute, Mount

UNUSED_ID = "999999"
PARAMETER = re.compile(r"\{([^}:]+)(?::(\w+))?\}")


class Route(NamedTuple):
    """A method of a route. `path` has parameters in braces; below a mount it ends in one."""

    method: str
    path: str

    @property
    def example(self) -> str:
        """A path that the route answers, with the id of nothing."""
        return PARAMETER.sub(lambda match: "a/b" if match[2] == "path" else UNUSED_ID, self.path)


def every_route(app: FastAPI) -> list[Route]:
    """Return every route of an app, sorted."""
    return sorted(set(_walk(app.routes, "")))


def _walk(routes: list[BaseRoute], prefix: str) -> Iterator[Route]:
    for route in routes:
        path = prefix + (getattr(route, "path", None) or "")
        included = getattr(route, "original_router", None)  # FastAPI's include_router
        inner = getattr(included or route, "routes", None)
        if isinstance(route, Mount) and not inner:  # an app that does not list its routes
            yield from (Route(method, f"{path}/{{rest:path}}") for method in ("GET", "POST"))
        elif inner is not None:
            yield from _walk(inner, path)
        else:
            yield from (
                Route(method, path) for method in getattr(route, "methods", None) or ["GET"]
            )
