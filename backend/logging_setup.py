"""What the processes say of themselves: one line an event, as text or as JSON.

Modules log through the standard library, with the ids a line is about as `extra={"run": 7}`. What
holds for all lines of a request or a process is bound: `bound(request_id="4f1c")`. Passwords in
addresses and the secrets given to `configure` become three stars.
"""

import logging
import re
import sys
from collections.abc import Iterable
from typing import Literal, TextIO

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

Form = Literal["text", "json"]

bound = structlog.contextvars.bound_contextvars
"""A context in which every line carries these fields, for this thread or task alone."""

_PASSWORD = re.compile(r"(://[^:/@\s]*):[^@/\s]+@")
_QUIET = ("alembic", "kombu", "httpx", "celery.redirected")


def configure(
    form: Form, *, process: str, secrets: Iterable[str] = (), to: TextIO | None = None, **ids: str
) -> None:
    """Have this process's log lines written to stdout, or `to`, each with its name and `ids`."""
    hide = _Hide([secret for secret in secrets if secret])
    handler = logging.StreamHandler(to or sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.contextvars.merge_contextvars,
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.stdlib.ExtraAdder(),
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                _Named({"process": process, **ids}),
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                hide,
                *_rendered(form),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    logging.captureWarnings(True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _rendered(form: Form) -> list[Processor]:
    if form == "json":
        return [structlog.processors.JSONRenderer(default=str)]
    return [structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0, pad_level=False)]


class _Named:
    """Says of which process a line is."""

    def __init__(self, fields: dict[str, str]) -> None:
        self._fields = fields

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event.pop("color_message", None)  # uvicorn's, with escapes
        return {**event, **self._fields}


class _Hide:
    """Takes secrets out of every text of a line, its traceback included."""

    def __init__(self, secrets: list[str]) -> None:
        self._secrets = secrets

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {name: self._without(value) for name, value in event.items()}

    def _without(self, value: object) -> object:
        if isinstance(value, list):
            return [self._without(each) for each in value]
        if not isinstance(value, str | int | float | bool | None):
            value = str(value)
        if isinstance(value, str):
            value = _PASSWORD.sub(r"\1:***@", value)
            for secret in self._secrets:
                value = value.replace(secret, "***")
        return value
