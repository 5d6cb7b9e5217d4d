"""Strict parsing of Host headers (RFC 9110, section 7.2): a name or an IP address, and a port."""

import re
from ipaddress import AddressValueError, IPv6Address

_PORT = r"(?::(?P<port>[0-9]{1,5}))?"
_NAME = re.compile(rf"(?P<name>[A-Za-z0-9_.-]+){_PORT}", re.ASCII)
_ADDRESS = re.compile(rf"\[(?P<name>[0-9A-Fa-f:.]+)\]{_PORT}", re.ASCII)
MAX_PORT = 65_535


def host_name(header: str) -> str | None:
    """Return the host name in lower case, without port and brackets; None for anything else.

    Lenient parsing would let `localhost:80@other` pass as localhost.
    """
    match = _NAME.fullmatch(header) or _ADDRESS.fullmatch(header)
    if match is None or int(match["port"] or 0) > MAX_PORT:
        return None
    name = match["name"].lower()
    if header.startswith("["):
        try:
            return str(IPv6Address(name))
        except AddressValueError:
            return None
    return name
