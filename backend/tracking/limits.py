"""Limits of what clients may log, and their checks."""

from collections.abc import Iterable, Mapping, Sequence

from backend.errors import InvalidInput
from backend.store.logged_points import Batch

MAX_KEY_CHARACTERS = 250  # of a metric, param or tag
MAX_PARAM_CHARACTERS = 6000
MAX_TAG_CHARACTERS = 8000
MAX_EXPERIMENT_NAME_CHARACTERS = 500
MAX_EXTERNAL_ID_CHARACTERS = 256
MAX_NAME_CHARACTERS = 8000  # of a run or a user
MAX_INTEGER = 2**63 - 1  # of steps and timestamps, in both databases
LAST_TIME = 253_402_300_799_999  # the last millisecond of the year 9999
SHOWN_CHARACTERS = 60  # of a refused value


def check_text(value: str, field: str, limit: int, *, empty: bool = True) -> None:
    """Raise InvalidInput for a text that is too long, or that a database cannot store."""
    if len(value) > limit:
        raise InvalidInput(
            f"{field} has {len(value):,} characters; accepted: up to {limit:,}.", field
        )
    if not empty and not value.strip():
        raise InvalidInput(f"{field} is empty; accepted: 1 to {limit:,} characters.", field)
    if "\0" in value or (not value.isascii() and _has_surrogate(value)):
        shown = ascii(value[:SHOWN_CHARACTERS])
        raise InvalidInput(f"{field} is {shown}; accepted: text without NUL characters.", field)


def _has_surrogate(value: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in value)


def check_texts(texts: Mapping[str, str | None], field: str, limit: int) -> None:
    """Check the keys and values of params or tags; a value of None is removed."""
    check_keys(texts, field)
    for key, value in texts.items():
        if value is not None:
            check_text(value, f"{field}.{key[:SHOWN_CHARACTERS]}", limit)


def check_keys(keys: Iterable[str], field: str) -> None:
    """Check the names of metrics, params or tags."""
    for key in keys:
        check_text(key, f"{field} key", MAX_KEY_CHARACTERS, empty=False)


def check_batch(batch: Batch) -> None:
    """Check the metrics, steps and timestamps of points."""
    check_keys(set(batch.keys), "metric")
    _check_integers(batch.steps, "step")
    _check_integers(batch.timestamps, "timestamp")


def _check_integers(values: Sequence[int], field: str) -> None:
    for value in (min(values, default=0), max(values, default=0)):
        if abs(value) > MAX_INTEGER:
            raise InvalidInput(
                f"{field} is {value}; accepted: {-MAX_INTEGER} to {MAX_INTEGER}.", field
            )


def stored_time(milliseconds: int | None) -> int | None:
    """Return a client's time if it is between 1970 and the year 9999, None otherwise."""
    if milliseconds is None or not 0 <= milliseconds <= LAST_TIME:
        return None
    return milliseconds
