"""Slows wrong and ended tokens down, for each client address and ended token by itself.

An address has `BURST` attempts, and gets one back every `SECONDS_PER_ATTEMPT`. Without attempts
left, its unverified tokens are refused unread. Requests with a token or cookie that was verified
within the last seconds still pass, and so does every other address. The tokens are too long to be
guessed at any speed; this protects the database and the log.

The attempts with a token that has ended are counted by its digest instead.
"""

import math
import threading
import time
from collections import OrderedDict
from ipaddress import IPv6Address, ip_address, ip_network

BURST = 10
SECONDS_PER_ATTEMPT = 6.0
MAX_ADDRESSES = 10_000  # remembered; beyond them the oldest failure is forgotten
IPV6_PREFIX = 64  # bits; one customer has at least as many addresses


class FailureThrottle:
    """Counts the failed attempts of each address, in a bounded amount of memory.

    Each address has `burst` attempts, and gets one back after `seconds`.
    """

    def __init__(self, burst: int = BURST, seconds: float = SECONDS_PER_ATTEMPT) -> None:
        self._burst, self._seconds = burst, seconds
        self._spent: OrderedDict[str, tuple[float, float]] = OrderedDict()  # attempts, at
        self._lock = threading.Lock()

    def seconds_to_wait(self, client: str) -> int:
        """Return after how many seconds the client may try again; 0 if it may now."""
        with self._lock:
            spent = self._now_spent(_group(client))
        return math.ceil(max(0.0, spent - self._burst + 1) * self._seconds)

    def record_failure(self, client: str) -> None:
        """Count a failed attempt."""
        group = _group(client)
        with self._lock:
            self._spent[group] = self._now_spent(group) + 1, time.monotonic()
            self._spent.move_to_end(group)
            while len(self._spent) > MAX_ADDRESSES:
                self._spent.popitem(last=False)

    def _now_spent(self, group: str) -> float:
        spent, at = self._spent.get(group, (0.0, 0.0))
        return max(0.0, spent - (time.monotonic() - at) / self._seconds)


def _group(client: str) -> str:
    """Return the addresses that count as one: an IPv4 address, or a network of IPv6 addresses."""
    try:
        address = ip_address(client.partition("%")[0])
    except ValueError:
        return client[:64]
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ip_network((address, IPV6_PREFIX), strict=False))
    return str(address)
