"""The token or cookie of a request, in all the ways in which browsers and programs send one."""

import base64
import binascii
from typing import NamedTuple

from starlette.requests import Request

TRACKIO_HEADER = "x-trackio-write-token"


class Credential(NamedTuple):
    """A secret as it was sent: a token, or the cookie of a browser session."""

    secret: str
    is_cookie: bool = False


def sent_credential(request: Request) -> Credential | None:
    """Return the secret of a request, None if it has none.

    `Authorization: Bearer TOKEN` comes first, then `Basic` with the token as password and any user
    (MLflow's user name and password), then the header of Trackio's client, then the cookie.
    """
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return Credential(value.strip())
    if scheme.lower() == "basic":
        return Credential(_password(value))
    if token := request.headers.get(TRACKIO_HEADER):
        return Credential(token.strip())
    cookie = request.cookies.get(cookie_name(request))
    return Credential(cookie, is_cookie=True) if cookie else None


def cookie_name(request: Request) -> str:
    """Return a cookie name that contains the port, because all ports of a host share cookies."""
    port = request.headers.get("host", "").rpartition(":")[2]
    return f"overfit_lab_{port}" if port.isdecimal() else "overfit_lab"


def _password(encoded: str) -> str:
    """Return the password of a Basic header, empty if the header is malformed."""
    try:
        user_and_password = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
    return user_and_password.partition(":")[2]
