"""Open connections of the web process: how many each client may have, and until when.

Each connection has one deadline. It moves with the state of the connection: waiting for a request,
reading a head, reading a body, answering. One timer looks at all connections once a second, which
costs less than a timer for each state of each request.
"""

import asyncio
import resource
from collections import Counter
from ipaddress import IPv6Address, ip_address
from typing import Protocol

SWEEP_SECONDS = 1.0
NO_DEADLINE = float("inf")
USUAL_MOST = 4096  # connections; an idle one takes about 10 KB
MAX_SHARE = 0.75  # of the descriptors; the others are for the database, logs and the broker
CLIENT_SHARE = 0.25  # of all connections that one client may have


class Connection(Protocol):
    """A connection with a deadline."""

    deadline: float

    def check_deadline(self, now: float) -> None:
        """Close the connection if its deadline has passed."""


class Connections:
    """Counts the connections of each client, and closes those past their deadline."""

    def __init__(self, *, most: int, most_per_client: int) -> None:
        self._most, self._most_per_client = most, most_per_client
        self._by_client: Counter[str] = Counter()
        self._open: set[Connection] = set()
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._open)

    def add(self, connection: Connection, client: str) -> str | None:
        """Add a connection. Return one sentence instead if there are too many."""
        if len(self._open) >= self._most:
            return f"There are {self._most:,} connections; LAB_MAX_CONNECTIONS allows no more."
        if self._by_client[client] >= self._most_per_client:
            return (
                f"{client} has {self._most_per_client:,} connections; "
                "LAB_MAX_CONNECTIONS_PER_CLIENT allows no more."
            )
        self._by_client[client] += 1
        self._open.add(connection)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep)
        return None

    def remove(self, connection: Connection, client: str) -> None:
        """Remove a connection that was added."""
        if connection in self._open:
            self._open.remove(connection)
            self._by_client[client] -= 1
            if not self._by_client[client]:
                del self._by_client[client]

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection in list(self._open):
            if connection.deadline < now:
                connection.check_deadline(now)
        self._timer = loop.call_later(SWEEP_SECONDS, self._sweep) if self._open else None


def client_of(peer: str) -> str:
    """Return the client of an IP address: a network of 64 bits is one client of IPv6."""
    try:
        parsed = ip_address(peer)
    except ValueError:
        return peer  # a Unix socket has no address
    if isinstance(parsed, IPv6Address) and not parsed.ipv4_mapped:
        return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"
    return str(parsed)


def raise_file_limit() -> int:
    """Raise the limit of open files to the maximum, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (ValueError, OSError):  # macOS does not accept "unlimited"
        return soft
    return hard


def most_connections(descriptors: int, wanted: int | None) -> int:
    """Return how many connections to accept, given the limit of open files.

    `wanted` is LAB_MAX_CONNECTIONS; it is lowered if the descriptors do not suffice.
    """
    possible = USUAL_MOST if wanted is None else wanted
    if descriptors != resource.RLIM_INFINITY:
        possible = min(possible, int(MAX_SHARE * descriptors))
    return max(1, possible)


def most_per_client(most: int, wanted: int | None) -> int:
    """Return how many of `most` connections one client may have."""
    return max(1, int(CLIENT_SHARE * most)) if wanted is None else min(wanted, most)
