"""Decision whether the service may start: reachable from other machines only with a token.

`refuse_open_service` is called where the app is created, so no entry point can avoid it. The
middleware in `backend.web.access` also checks both IP addresses of every connection, because a
server that other code starts may listen on one that no setting names.
"""

import socket
from collections.abc import Iterator
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

from backend.errors import InvalidInput
from backend.settings import Settings

LOCALHOST = "localhost"
WAYS_OUT = (
    "set LAB_TOKEN to a random token, such as one from `openssl rand -hex 32`, or start with "
    "`lab up`, which creates one"
)


def requires_token(settings: Settings) -> bool:
    """Return whether the service authenticates every request. Named tokens alone do not."""
    return settings.token is not None


def refuse_open_service(settings: Settings) -> None:
    """Raise InvalidInput if other machines could use the service without a token."""
    reason = next(public_names(settings), None)
    if reason and not requires_token(settings):
        raise InvalidInput(
            f"Other machines could use this service without a token, because {reason}; {WAYS_OUT}."
        )


def public_names(settings: Settings) -> Iterator[str]:
    """Yield the reasons why other machines can reach the service, as parts of a sentence."""
    if not _listens_on_loopback(settings.host):
        yield f"LAB_HOST is {settings.host or 'empty'}"
    if settings.url and not is_loopback(_host_of(settings.url)):
        yield f"LAB_URL is {settings.url}"
    for name in settings.allowed_hosts:
        if not is_loopback(name.strip("[]")):
            yield f"LAB_ALLOWED_HOSTS has {name}"


def is_loopback(host: str) -> bool:
    """Return whether a host is localhost or a loopback address. Looks up no name."""
    if host.lower().rstrip(".") == LOCALHOST:
        return True
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address.is_loopback


def _listens_on_loopback(host: str) -> bool:
    """Return whether a server that listens on `host` gets only loopback addresses.

    A name that cannot be resolved is not one of them.
    """
    if not host:
        return False  # every address of the machine
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False
    return all(is_loopback(str(address[0])) for *_, address in found)


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
