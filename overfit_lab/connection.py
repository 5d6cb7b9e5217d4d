"""Requests with JSON to a server of Overfit Lab, with the standard library only."""

import http.client
import json
import os
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 20
RETRIED = {408, 429, 500, 502, 503, 504}  # statuses after which the same request may succeed

Json = dict[str, Any]


class Unreachable(Exception):
    """No answer, or an answer with a status of RETRIED."""


class Refused(Exception):
    """An answer that will not change: its sentence, error code and status."""

    def __init__(self, sentence: str, code: str = "", status: int = 0) -> None:
        super().__init__(sentence)
        self.code, self.status = code, status


def server_url(url: str | None) -> str:
    """Return the URL of the server: given, of LAB_SERVER or LAB_URL, or of this machine."""
    env = os.environ
    named = url or env.get("LAB_SERVER") or env.get("LAB_URL")
    found = named or f"http://127.0.0.1:{env.get('LAB_PORT') or 8000}"
    parts = urlsplit(found)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"server is {found!r}; accepted: a URL such as http://127.0.0.1:8000.")
    return found.rstrip("/")


class Connection:
    """A connection to one server. It is used by one thread only."""

    def __init__(self, url: str, token: str = "", *, timeout: float = TIMEOUT_SECONDS) -> None:
        self.url = url
        parts = urlsplit(url)
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        # without the proxies of the environment: the server is usually this machine
        self._connection = kind(parts.hostname or "", parts.port, timeout=timeout)
        self._base = parts.path
        self._headers = {"Content-Type": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def close(self) -> None:
        """Close the connection; another request would open it again."""
        self._connection.close()

    def call(self, method: str, path: str, body: Json | None = None, **headers: str) -> Json:
        """Send a request and return the JSON of its answer. Raises Unreachable and Refused."""
        content = None if body is None else json.dumps(body).encode()
        sent = self._headers | {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            self._connection.request(method, self._base + path, content, sent)
            response = self._connection.getresponse()
            status, answer = response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise Unreachable(f"no server answers at {self.url}") from error
        return self._parsed(status, answer)

    def _parsed(self, status: int, content: bytes) -> Json:
        try:
            answer = json.loads(content)
        except ValueError:
            answer = None
        if status in RETRIED:
            raise Unreachable(f"{self.url} returned {status}")
        if not isinstance(answer, dict):
            raise Refused(f"{self.url} returned {status}; is it an Overfit Lab server?")
        if not 200 <= status < 300:
            sentence = str(answer.get("message") or answer.get("detail") or status)
            raise Refused(sentence, str(answer.get("error_code", "")), status)
        return answer
