"""The largest body of each class of routes, declared in one place and checked before the token."""

from dataclasses import dataclass

from backend.errors import TooLarge
from backend.limits import Limits

MAX_LENGTH_DIGITS = 20  # of a Content-Length; Python refuses to parse very long numbers


@dataclass(frozen=True)
class RouteClass:
    """Routes whose bodies have the same limit: those whose path begins with `prefix`.

    `setting` is the limit's name in `Limits`.
    """

    prefix: str
    setting: str


# The first class that fits a path counts. All other paths have `max_body_bytes`.
ROUTE_CLASSES = (
    RouteClass("/sign-in", "max_form_bytes"),
    RouteClass("/api/2.0/mlflow-artifacts/", "max_upload_bytes"),
    RouteClass("/mlflow/api/2.0/mlflow-artifacts/", "max_upload_bytes"),
    RouteClass("/api/2.0/mlflow/", "max_log_bytes"),
    RouteClass("/api/bulk_log", "max_log_bytes"),  # of Trackio
    RouteClass("/mlflow/api/2.0/mlflow/", "max_log_bytes"),
    RouteClass("/api/imports", "max_import_bytes"),
)


class BodyLimits:
    """Returns the limit of a path, and refuses bodies that exceed it."""

    def __init__(self, limits: Limits) -> None:
        self._limits = [(route.prefix, getattr(limits, route.setting)) for route in ROUTE_CLASSES]
        self._usual = limits.max_body_bytes

    def of(self, path: str) -> int:
        """Return the largest body of a request to `path`, in bytes."""
        return next((size for prefix, size in self._limits if path.startswith(prefix)), self._usual)

    def check_length(self, path: str, length: str) -> None:
        """Check a Content-Length header. Raises TooLarge."""
        most = self.of(path)
        if length.isdecimal() and (len(length) > MAX_LENGTH_DIGITS or int(length) > most):
            raise too_large(most)


def too_large(most: int) -> TooLarge:
    """Return the error of a body of more than `most` bytes."""
    return TooLarge(f"The body is too large; accepted: at most {most:,} bytes.")
