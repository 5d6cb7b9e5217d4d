"""The tags by which clients of other programs find the verdict on a run.

Only the service sets them. Other tags that begin alike belong to the clients that set them.
"""

from collections.abc import Iterable, Mapping

VERDICT_TAGS: Mapping[str, str] = {
    name: f"overfit.{name}" for name in ("verdict", "kind", "best_epoch", "early_stop_epoch")
}
"""The tags by the facts that they hold."""

_RESERVED = frozenset(VERDICT_TAGS.values())


def without_verdict(tags: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return the tags that a client may set."""
    return {key: value for key, value in tags.items() if key not in _RESERVED}


def first_reserved(keys: Iterable[str]) -> str | None:
    """Return the first of some tags that only the service sets, None without any."""
    return next((key for key in keys if key in _RESERVED), None)
