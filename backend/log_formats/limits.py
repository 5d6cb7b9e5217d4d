"""Limits of the logs that are read, so that a damaged or hostile file cannot take the machine.

They are settings of `backend.limits`, read here without pydantic: importing it would double the
start-up time of `lab diagnose`.
"""

import os
from dataclasses import dataclass, fields
from typing import Any

from backend.errors import InvalidInput

MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class LogLimits:
    """The limits by the names of their settings, with the defaults."""

    max_log_file_bytes: int = 1024 * MEBIBYTE  # of event files, which are streamed
    max_log_text_bytes: int = 64 * MEBIBYTE
    max_log_series: int = 2000
    diagnose_seconds: float = 1.5  # and more for each MB; the start of Python takes another half


def log_limits() -> LogLimits:
    """Return the limits of the environment. Raises InvalidInput naming the variable."""
    given: dict[str, Any] = {}
    for limit in fields(LogLimits):
        variable = f"LAB_{limit.name.upper()}"
        if text := os.environ.get(variable):
            given[limit.name] = _number(variable, text, type(limit.default))
    return LogLimits(**given)


def _number(variable: str, text: str, kind: type) -> float:
    try:
        number: float = kind(text)
    except ValueError:
        number = 0
    if not 0 < number < float("inf"):
        raise InvalidInput(f"{variable} is {text[:80]}; accepted: a number above 0.")
    return number
