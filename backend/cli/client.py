"""HTTP client of the command line."""

import time
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from backend.cli.upload_file import UploadFile
from backend.errors import FieldError, InvalidInput, InvalidSpec, NotFound, Unavailable
from backend.operations import credentials
from backend.settings import load_settings
from backend.specification.params import JsonObject
from backend.supervisor import urls

TIMEOUT_SECONDS = 30
READING_SECONDS = 600  # the server may read large logs for minutes
REPEAT_SECONDS = 60  # a server that restarts answers well before
PAUSE_SECONDS = 1.0  # between two attempts
LOST_ANSWER = (
    httpx.ReadError,
    httpx.WriteError,
    httpx.CloseError,
    httpx.ReadTimeout,
    httpx.RemoteProtocolError,
)


class Client:
    """A client of one server. Raises a LabError for every unsuccessful response."""

    def __init__(self, url: str, token: str = "") -> None:
        self.url, self.token = url.rstrip("/"), token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        # ignore the environment's proxies: the server is usually this machine
        self._client = httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False, headers=headers)

    @classmethod
    def from_options(cls, options: Namespace) -> "Client":
        """Return a client of --server, by default of the server in this machine's settings."""
        settings = load_settings(options)
        if settings.token:
            token = settings.token.get_secret_value()
        else:  # the token that `lab up` stored is valid on this machine only
            token = "" if options.server else credentials.stored_token(settings.data_dir)
        return cls(options.server or urls.public_url(settings), token)

    def get(self, path: str, **query: str | int | bool) -> JsonObject:
        """Send a GET request and return the parsed JSON."""
        return self._call("GET", path, params=query)

    def post(
        self, path: str, body: bytes, media_type: str, **query: str | int | bool
    ) -> JsonObject:
        """Send a POST request and return the parsed JSON."""
        return self._call(
            "POST", path, content=body, headers={"Content-Type": media_type}, params=query
        )

    def delete(self, path: str, **query: str | int | bool) -> None:
        """Send a DELETE request."""
        with self._connection_errors():
            response = self._client.delete(self.url + path, params=query)
        if not response.is_success:
            raise _error_from(response)

    def patch(self, path: str, body: JsonObject) -> JsonObject:
        """Send a PATCH request with a JSON body, and return the parsed JSON."""
        return self._call("PATCH", path, json=body)

    def create(self, path: str, body: bytes, media_type: str) -> JsonObject:
        """Send a POST request that creates something, and return the parsed JSON.

        A request whose answer was lost is repeated for a while. Its key keeps the server from
        creating the same thing twice.
        """
        headers = {"Content-Type": media_type, "Idempotency-Key": str(uuid4())}
        with self._connection_errors():
            return _parsed(self._post_until_answered(path, content=body, headers=headers))

    def _post_until_answered(self, path: str, **request: Any) -> httpx.Response:
        """Repeat a request whose answer was lost or whose first attempt is under way."""
        deadline = time.monotonic() + REPEAT_SECONDS
        was_sent = False
        while True:
            try:
                response = self._client.post(self.url + path, **request)
                if not _is_under_way(response) or time.monotonic() > deadline:
                    return response
            except httpx.TransportError as error:
                was_sent |= isinstance(error, LOST_ANSWER)
                if not was_sent or time.monotonic() > deadline:
                    raise
            time.sleep(PAUSE_SECONDS)

    def upload(
        self,
        path: str,
        files: Sequence[tuple[str, Path]],
        fields: Mapping[str, str],
        **query: str | int | bool,
    ) -> JsonObject:
        """Send files by their names, streamed from disk, and return the parsed JSON.

        A request whose answer was lost is repeated, so it must change nothing the second time.
        Raises InvalidInput for a file that cannot be read.
        """
        deadline = time.monotonic() + REPEAT_SECONDS
        while True:
            try:
                with self._connection_errors():
                    return _parsed(self._send_files(path, files, fields, query))
            except Unavailable as error:
                lost = isinstance(error.__cause__, LOST_ANSWER)
                if not lost or time.monotonic() > deadline:
                    raise
            time.sleep(PAUSE_SECONDS)

    def _send_files(
        self,
        path: str,
        files: Sequence[tuple[str, Path]],
        fields: Mapping[str, str],
        query: Mapping[str, str | int | bool],
    ) -> httpx.Response:
        try:
            with ExitStack() as stack:
                opened = [(name, stack.enter_context(UploadFile(file))) for name, file in files]
                return self._client.post(
                    self.url + path,
                    files=[("file", named) for named in opened],  # type: ignore[misc]
                    data=dict(fields),
                    params=dict(query),
                    timeout=httpx.Timeout(TIMEOUT_SECONDS, read=READING_SECONDS),
                )
        except OSError as error:
            raise InvalidInput(f"{error.filename} cannot be read: {error.strerror}.") from error

    def download(self, path: str, to: Path, **query: str | int | bool) -> None:
        """Stream the response to a GET request into a file."""
        with (
            self._connection_errors(),
            self._client.stream("GET", self.url + path, params=query) as response,
            to.open("wb") as file,
        ):
            if not response.is_success:
                response.read()
                raise _error_from(response)
            for piece in response.iter_bytes():
                file.write(piece)

    def _call(self, method: str, path: str, **request: Any) -> JsonObject:
        with self._connection_errors():
            response = self._client.request(method, self.url + path, **request)
        return _parsed(response)

    @contextmanager
    def _connection_errors(self) -> Iterator[None]:
        """Turn connection errors into a LabError with one sentence."""
        try:
            yield
        except httpx.InvalidURL as error:
            raise InvalidInput(f"{self.url!r} is not a URL: {error}.") from error
        except httpx.UnsupportedProtocol as error:
            raise InvalidInput(
                f"{self.url!r} is not a URL; accepted: such as http://127.0.0.1:8000."
            ) from error
        except httpx.TransportError as error:
            raise Unavailable(
                f"no server answers at {self.url}; start one with ./lab up or "
                "name one with --server."
            ) from error


def _parsed(response: httpx.Response) -> JsonObject:
    """Return the JSON of a successful response. Raises the error of any other."""
    if not response.is_success:
        raise _error_from(response)
    body: JsonObject = response.json()
    return body


def _is_under_way(response: httpx.Response) -> bool:
    """Return whether the server still works on an earlier request with the same key."""
    return response.status_code == httpx.codes.CONFLICT and "Idempotency-Key" in response.text


def _error_from(response: httpx.Response) -> InvalidInput | NotFound | Unavailable:
    try:
        body = response.json()
        detail = body["detail"]
    except (ValueError, KeyError, TypeError):
        return Unavailable(
            f"{response.url} returned {response.status_code}; is it an Overfit Lab server?"
        )
    if errors := body.get("errors"):
        return InvalidSpec([FieldError(error["field"], error["detail"]) for error in errors])
    kind = NotFound if response.status_code == httpx.codes.NOT_FOUND else InvalidInput
    return kind(detail)
