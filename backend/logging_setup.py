"""Logging setup: one line per event, as text or JSON.

Modules log through the standard library and pass ids as `extra={"run": 7}`. Fields of all lines of
a request are bound with `bound(request_id="4f1c")`. Passwords in URLs and the secrets passed to
`configure` are replaced by three stars.
"""

import logging
import re
import sys
from collections.abc import Iterable
from typing import Literal, TextIO

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

from backend.printable import printable, printable_lines

LogFormat = Literal["text", "json"]

bound = structlog.contextvars.bound_contextvars
"""Context manager that adds fields to every line logged by this thread or task."""

_PASSWORD = re.compile(r"(://[^:/@\s]*):[^@/\s]+@")
_QUIET = ("alembic", "kombu", "httpx", "celery.redirected")


def configure(
    log_format: LogFormat,
    *,
    process: str,
    secrets: Iterable[str] = (),
    to: TextIO | None = None,
    **ids: str,
) -> None:
    """Send this process's log lines to stdout or `to`, each with the process name and `ids`."""
    mask_secrets = _MaskSecrets([secret for secret in secrets if secret])
    handler = logging.StreamHandler(to or sys.stdout)
    handler.setFormatter(_formatter(log_format, {"process": process, **ids}, mask_secrets))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    logging.captureWarnings(True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _formatter(
    log_format: LogFormat, fields: dict[str, str], mask_secrets: Processor
) -> logging.Formatter:
    """Return a formatter that adds `fields` to each line."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _AddProcess(fields),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            mask_secrets,
            *_renderers(log_format),
        ],
    )


def _renderers(log_format: LogFormat) -> list[Processor]:
    if log_format == "json":
        return [structlog.processors.JSONRenderer(default=str)]
    renderer = structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0, pad_level=False)
    return [_make_printable, renderer]


def _make_printable(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Escape what could change the terminal or forge a line. Only a traceback has several lines."""
    return {
        printable(name): printable_lines(value) if name == "exception" else _printable(value)
        for name, value in event.items()
    }


def _printable(value: object) -> object:
    return printable(value) if isinstance(value, str) else value


class _AddProcess:
    """Adds the name and ids of the process to a line."""

    def __init__(self, fields: dict[str, str]) -> None:
        self._fields = fields

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event.pop("color_message", None)  # uvicorn's copy of the message, with terminal escapes
        return {**event, **self._fields}


class _MaskSecrets:
    """Masks secrets in every text of a line, including the traceback."""

    def __init__(self, secrets: list[str]) -> None:
        self._secrets = secrets

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {name: self._masked(value) for name, value in event.items()}

    def _masked(self, value: object) -> object:
        if isinstance(value, list):
            return [self._masked(item) for item in value]
        if not isinstance(value, str | int | float | bool | None):
            value = str(value)
        if isinstance(value, str):
            value = _PASSWORD.sub(r"\1:***@", value)
            for secret in self._secrets:
                value = value.replace(secret, "***")
        return value
