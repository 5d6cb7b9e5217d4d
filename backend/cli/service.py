"""The running service, as the command line talks to it."""

from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from backend.cli.configuration import configured
from backend.errors import FieldError, InvalidInput, InvalidSpec, NotFound, Unavailable
from backend.operations import credentials
from backend.supervisor import address

TIMEOUT_SECONDS = 30


class Service:
    """One server. Every answer that is not a success is raised as a LabError."""

    def __init__(self, url: str, token: str = "") -> None:
        self.url = url.rstrip("/")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        # without the environment's proxies: the server is most often this machine
        self._client = httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False, headers=headers)

    @classmethod
    def named(cls, options: Namespace) -> "Service":
        """Return the server that --server names, else the one of this machine's settings."""
        settings = configured(options)
        if settings.token:
            token = settings.token.get_secret_value()
        else:  # what `lab up` keeps is for this machine's own service
            token = "" if options.server else credentials.kept_token(settings.data_dir)
        return cls(options.server or address.url(settings), token)

    def get(self, path: str, **query: Any) -> Any:
        """GET and return the answer."""
        return self._call("GET", path, params=query)

    def post(self, path: str, body: bytes, media_type: str, **query: Any) -> Any:
        """POST a body and return the answer."""
        return self._call(
            "POST", path, content=body, headers={"Content-Type": media_type}, params=query
        )

    def download(self, path: str, to: Path, **query: Any) -> None:
        """GET an answer of any length into a file."""
        with (
            self._reaching(),
            self._client.stream("GET", self.url + path, params=query) as answer,
            to.open("wb") as file,
        ):
            if not answer.is_success:
                answer.read()
                raise _refusal(answer)
            for piece in answer.iter_bytes():
                file.write(piece)

    def _call(self, method: str, path: str, **request: Any) -> Any:
        with self._reaching():
            answer = self._client.request(method, self.url + path, **request)
        if not answer.is_success:
            raise _refusal(answer)
        return answer.json()

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """Say in one sentence that a server cannot be reached."""
        try:
            yield
        except httpx.InvalidURL as error:
            raise InvalidInput(f"{self.url!r} is not an address: {error}.") from error
        except httpx.UnsupportedProtocol as error:
            raise InvalidInput(f"{self.url!r} is not an address: write http://...") from error
        except httpx.TransportError as error:
            raise Unavailable(
                f"no server answers at {self.url}; start one with ./lab up or name one by --server."
            ) from error


def _refusal(answer: httpx.Response) -> InvalidInput | NotFound | Unavailable:
    try:
        body = answer.json()
        detail = body["detail"]
    except (ValueError, KeyError, TypeError):
        return Unavailable(f"{answer.url} answered {answer.status_code}; is that Overfit Lab?")
    if errors := body.get("errors"):
        return InvalidSpec([FieldError(each["field"], each["detail"]) for each in errors])
    kind = NotFound if answer.status_code == httpx.codes.NOT_FOUND else InvalidInput
    return kind(detail)
