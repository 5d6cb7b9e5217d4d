"""Methods that a path answers.

The router looks at one route at a time. That is not enough where several routes share a path, and
where a path is also a value of another path's parameter.
"""

from collections.abc import Iterable, Iterator, Sequence

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Mount, compile_path


class Methods:
    """The methods of all routes of an app, except of apps that are mounted in it."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._methods: dict[str, set[str]] = {}
        for path, methods in _walk(routes):
            self._methods.setdefault(path, set()).update(methods)
        patterns = {path: compile_path(path) for path in self._methods}
        self._patterns = [
            (pattern, path) for path, (pattern, _, parameters) in patterns.items() if parameters
        ]

    def of(self, path: str) -> list[str]:
        """Return the methods of a path, sorted; those of a path without parameters come first."""
        if path in self._methods:
            return sorted(self._methods[path])
        matching = [route for pattern, route in self._patterns if pattern.match(path)]
        return sorted(set[str]().union(*(self._methods[route] for route in matching)))

    def has_own_route(self, path: str) -> bool:
        """Return whether a route has exactly this path, without parameters."""
        return path in self._methods


async def known_method(request: Request) -> None:
    """Reject a method that only a path with a parameter has. Raises HTTPException.

    Otherwise `PATCH /api/runs/delete` would be answered as a change of the run "delete".
    """
    path, methods = request.url.path, request.app.state.methods
    if request.scope["route"].path_format != path and methods.has_own_route(path):
        raise HTTPException(405)


def _walk(routes: Iterable[BaseRoute]) -> Iterator[tuple[str, set[str]]]:
    """Yield the path and the methods of each route, also of included routers."""
    for route in routes:
        included = getattr(route, "original_router", None)  # FastAPI's include_router
        if included is not None:
            yield from _walk(included.routes)
        elif not isinstance(route, Mount):
            yield getattr(route, "path", ""), set(getattr(route, "methods", None) or ())
