"""The largest body of each class of routes, declared in one place and checked before the token."""

from dataclasses import dataclass
from typing import NamedTuple

from backend.errors import TooLarge
from backend.limits import Limits
from backend.mlflow.prefixes import PREFIXES

MAX_LENGTH_DIGITS = 20  # of a Content-Length; Python refuses to parse very long numbers


@dataclass(frozen=True)
class RouteClass:
    """Routes whose bodies have the same limit: those whose path begins with `prefix`.

    `setting` is the limit's name in `Limits`.
    """

    prefix: str
    setting: str


class BodyLimit(NamedTuple):
    """A limit: the name of its setting, and its value in bytes."""

    setting: str
    size: int


USUAL = "max_body_bytes"
# The first class that fits a path counts. All other paths have the usual limit.
ROUTE_CLASSES = (
    RouteClass("/sign-in", "max_form_bytes"),
    *(RouteClass(f"{prefix}/mlflow-artifacts/", "max_upload_bytes") for prefix in PREFIXES),
    *(RouteClass(f"{prefix}/mlflow/", "max_log_bytes") for prefix in PREFIXES),
    RouteClass("/api/bulk_", "max_log_bytes"),  # of Trackio
    RouteClass("/api/datasets/", "max_body_bytes"),
    RouteClass("/api/datasets", "max_import_bytes"),
    RouteClass("/api/imports", "max_import_bytes"),
    RouteClass("/trackio/", "max_log_bytes"),
    RouteClass("/api/agents/", "max_log_bytes"),
)


class BodyLimits:
    """Returns the limit of a path, and refuses bodies that exceed it."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def of(self, path: str) -> BodyLimit:
        """Return the limit for the body of a request to `path`."""
        fitting = (route.setting for route in ROUTE_CLASSES if path.startswith(route.prefix))
        setting = next(fitting, USUAL)
        return BodyLimit(setting, getattr(self._limits, setting))

    def check_length(self, path: str, length: str) -> None:
        """Check a Content-Length header. Raises TooLarge."""
        most = self.of(path)
        if length.isdecimal() and (len(length) > MAX_LENGTH_DIGITS or int(length) > most.size):
            raise too_large(most)


def too_large(limit: BodyLimit) -> TooLarge:
    """Return the error of a body that exceeds its limit."""
    return TooLarge(
        f"The body is too large; accepted: at most {limit.size:,} bytes "
        f"(LAB_{limit.setting.upper()})."
    )
