"""HTTP protocol of the web process: uvicorn's, with limits on heads, deadlines and connections.

The limits are checked while bytes arrive, before anything is passed to the app. Uvicorn's own
protocol for httptools stores a request head of any size and waits for it forever.
"""

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from backend.limits import Limits
from backend.web.connections import NO_DEADLINE, Connections, client_of
from backend.web.requests import CLIENT_WATCH
from backend.work_budget import ClientWatch

SLICE_BYTES = 16_384  # fed to the parser at once: an unfinished line is noticed after as much
MAX_PIPELINED = 16  # requests sent before the first is answered; browsers and clients send none


@dataclass(frozen=True)
class Refusal:
    """The answer to a connection whose request is not read to its end."""

    status: HTTPStatus
    detail: str

    def encoded(self) -> bytes:
        """Return the whole response, which closes the connection."""
        kind = self.status.name.lower()
        body = json.dumps({"error": kind, "detail": self.detail, "field": None}).encode()
        headers = f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
        head = STATUS_LINE[self.status] + f"{headers}connection: close\r\n\r\n".encode()
        return head + body


class BoundedProtocol(HttpToolsProtocol):
    """One connection. `limits` and `open_connections` are shared by all of them."""

    def __init__(
        self, *args: Any, limits: Limits, open_connections: Connections, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self._limits, self._open = limits, open_connections
        self._client = ""
        self._watch = ClientWatch()
        self._refusal: Refusal | None = None
        self._head_bytes = 0
        self._unfinished_bytes = 0  # fed to the parser since it last reported something
        self._body_began = 0.0
        self._body_bytes = 0
        self._reads_head = self._reads_body = False
        self.deadline = NO_DEADLINE

    # Connection

    def connection_made(self, transport: Any) -> None:
        """Accept the connection, or refuse it if there are too many."""
        super().connection_made(transport)
        self._client = client_of(self.client[0]) if self.client else "local"
        detail = self._open.add(self, self._client)
        if detail:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, detail)
        self.deadline = self.loop.time() + self._limits.head_seconds

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._open.remove(self, self._client)
        self._watch.gone = True
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser in slices, so that a line without an end is noticed early."""
        for at in range(0, len(data), SLICE_BYTES):
            if self._refusal or self.transport.is_closing():
                return
            piece = data[at : at + SLICE_BYTES]
            self._unfinished_bytes += len(piece)
            super().data_received(piece)
            if self._unfinished_bytes > self._limits.max_head_bytes + SLICE_BYTES:
                self._refuse_head()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the text is uvicorn's
        """Answer what the parser refused: a limit, or a request that is not HTTP."""
        self._refuse(HTTPStatus.BAD_REQUEST, "The request is not valid HTTP/1.1.")

    def check_deadline(self, now: float) -> None:
        """Close the connection if the client was too slow; the app's time does not count."""
        if self._reads_body and not self._is_answered:
            if self.flow.read_paused:  # the app reads slowly, not the client
                self._start_body(now)
                return
            in_time = self._limits.body_seconds + self._body_bytes / self._limits.min_body_rate
            self.deadline = self._body_began + in_time
            if self.deadline >= now:
                return
        if self._is_answered and not self._reads_head and not self._reads_body:
            self.transport.close()  # idle
        elif self._is_answered or self._reads_body:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "The request did not arrive in time.")

    @property
    def _is_answered(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    # Parser callbacks

    def on_message_begin(self) -> None:
        """Begin a head."""
        if len(self.pipeline) >= MAX_PIPELINED:
            self._reject(HTTPStatus.BAD_REQUEST, "Too many requests wait for an answer.")
        super().on_message_begin()
        self._head_bytes = self._unfinished_bytes = 0
        self._reads_head, self._reads_body = True, False
        self.deadline = self.loop.time() + self._limits.head_seconds

    def on_url(self, url: bytes) -> None:
        """Count the bytes of the request line."""
        super().on_url(url)
        self._count_head(len(url))
        if len(self.url) > self._limits.max_url_bytes:
            most = f"accepted: at most {self._limits.max_url_bytes:,} bytes"
            self._reject(HTTPStatus.REQUEST_URI_TOO_LONG, f"The URL is too long; {most}.")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header. Trailers, which follow a body, are counted and ignored."""
        self._count_head(len(name) + len(value))
        if not self._reads_head:
            return
        super().on_header(name, value)
        if len(self.headers) > self._limits.max_headers:
            most = f"accepted: at most {self._limits.max_headers}"
            detail = f"There are too many headers; {most}."
            self._reject(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, detail)

    def on_headers_complete(self) -> None:
        """Start the request."""
        self._reads_head = False
        self._unfinished_bytes = self._body_bytes = 0
        self.scope["state"][CLIENT_WATCH] = self._watch
        super().on_headers_complete()
        self._start_body(self.loop.time())

    def on_body(self, body: bytes) -> None:
        """Count the bytes of the body."""
        self._unfinished_bytes = 0
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the body: from here on the app has as much time as it needs."""
        super().on_message_complete()
        self._reads_body = False
        self.deadline = NO_DEADLINE

    def on_response_complete(self) -> None:
        """Wait for the next request, or for the rest of a body that was answered early."""
        super().on_response_complete()
        if not self.pipeline:
            wait = self._limits.head_seconds if self._reads_body else self._limits.idle_seconds
            self.deadline = self.loop.time() + wait

    def _start_body(self, now: float) -> None:
        self._reads_body = True
        self._body_began = now - self._body_bytes / self._limits.min_body_rate
        self.deadline = now + self._limits.body_seconds

    def _count_head(self, size: int) -> None:
        self._unfinished_bytes = 0
        self._head_bytes += size
        if self._head_bytes > self._limits.max_head_bytes:
            self._refuse_head()
            raise httptools.HttpParserError

    def _refuse_head(self) -> None:
        most = f"accepted: at most {self._limits.max_head_bytes:,} bytes"
        detail = f"The request line and the headers are too large; {most}."
        self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, detail)

    def _reject(self, status: HTTPStatus, detail: str) -> None:
        """Refuse the request from within a callback of the parser. Raises HttpParserError."""
        self._refuse(status, detail)
        raise httptools.HttpParserError

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        """Send the answer once and close the connection."""
        if self._refusal is None:
            self._refusal = Refusal(status, detail)
            if self._awaits_answer:
                self.transport.write(self._refusal.encoded())
            self.transport.close()

    @property
    def _awaits_answer(self) -> bool:
        """True if the next bytes that the client receives answer the request that it sends."""
        if self._reads_body:
            return not self.cycle.response_started
        return self._is_answered
