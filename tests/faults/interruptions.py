"""Context managers that stop or pause a process of the product for a while."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.processes import Process


class FaultNotPossible(Exception):
    """The fault cannot be injected on this machine; the message names what is missing."""


@contextmanager
def stopped(process: Process) -> Iterator[None]:
    """Kill a process and start it again at the end. Until then, connections to it are refused."""
    process.kill()
    try:
        yield
    finally:
        process.start()


@contextmanager
def paused(process: Process) -> Iterator[None]:
    """Pause a process and its children. Until the end, requests to it are not answered."""
    process.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.signal(signal.SIGCONT)
