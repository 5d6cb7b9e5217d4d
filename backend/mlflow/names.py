"""Checks of required fields, of the names of metrics, params and tags, and of sizes."""

import re
from functools import lru_cache
from posixpath import normpath
from typing import TypeVar

from backend.mlflow.errors import InvalidParameter
from backend.tracking.limits import (
    MAX_EXPERIMENT_NAME_CHARACTERS,
    MAX_KEY_CHARACTERS,
)

Value = TypeVar("Value")

MAX_BATCH_METRICS = 1000
MAX_BATCH_PARAMS = 100
MAX_BATCH_TAGS = 100
MAX_BATCH_ENTRIES = 1000
MAX_RESULTS = 50_000
MAX_EXPERIMENT_TAG_CHARACTERS = 20_000
SHOWN_CHARACTERS = 60

_KEY = re.compile(r"[/\w.\- :]*")
_RUN_ID = re.compile(r"[a-zA-Z0-9][\w\-]{0,255}")


def require(value: Value | None, field: str) -> Value:
    """Return a value that is present and not empty. Raises InvalidParameter."""
    if value is None or value == "":
        raise InvalidParameter(f"Missing value for required parameter '{field}'.")
    return value


def require_run(run_id: str | None, run_uuid: str | None = None) -> str:
    """Return the id of a run, which clients send under two names. Raises InvalidParameter."""
    return require(run_id or run_uuid, "run_id")


def check_run_id(run_id: str) -> str:
    """Return an id that a run may have. Raises InvalidParameter."""
    if not _RUN_ID.fullmatch(run_id):
        raise InvalidParameter(
            f"run_id is {run_id[:SHOWN_CHARACTERS]!a}; accepted: letters, digits, _ and -."
        )
    return run_id


@lru_cache(4096)  # the same few names come with every batch
def check_key(key: str | None, field: str) -> str:
    """Return the name of a metric, param or tag. Raises InvalidParameter.

    Names may become paths, so a path that leads elsewhere is refused.
    """
    name = require(key, field)
    if not _KEY.fullmatch(name):
        raise InvalidParameter(
            f"{field} is {name[:SHOWN_CHARACTERS]!a}; accepted: letters, digits, spaces and _-.:/"
        )
    if normpath(name) != name or name == "." or name.startswith(("..", "/")):
        raise InvalidParameter(
            f"{field} is {name[:SHOWN_CHARACTERS]!a}; accepted: a name that is the same as a path."
        )
    if len(name) > MAX_KEY_CHARACTERS:
        raise InvalidParameter(
            f"{field} has {len(name):,} characters; accepted: up to {MAX_KEY_CHARACTERS}."
        )
    return name


def check_experiment_name(name: str | None, field: str) -> str:
    """Return the name of an experiment. Raises InvalidParameter."""
    name = require(name, field)
    if len(name) > MAX_EXPERIMENT_NAME_CHARACTERS:
        raise InvalidParameter(
            f"{field} has {len(name):,} characters; accepted: up to "
            f"{MAX_EXPERIMENT_NAME_CHARACTERS}."
        )
    return name


def check_max_results(count: int | None, most: int = MAX_RESULTS) -> int:
    """Return the size of a page. Raises InvalidParameter."""
    if count is None or not 1 <= count <= most:
        raise InvalidParameter(f"max_results is {count}; accepted: 1 to {most:,}.")
    return count


def check_batch_size(metrics: int, params: int, tags: int) -> None:
    """Raise InvalidParameter for a batch with too many entries."""
    for count, most, entries in (
        (metrics, MAX_BATCH_METRICS, "metrics"),
        (params, MAX_BATCH_PARAMS, "params"),
        (tags, MAX_BATCH_TAGS, "tags"),
        (metrics + params + tags, MAX_BATCH_ENTRIES, "metrics, params and tags"),
    ):
        if count > most:
            raise InvalidParameter(f"The batch has {count:,} {entries}; accepted: up to {most:,}.")
