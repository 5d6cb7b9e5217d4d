"""A part of the product that is not there for a while, each way as a context."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.processes import Process


class Impossible(Exception):
    """A fault that cannot be made on this machine; says what is missing."""


@contextmanager
def down(victim: Process) -> Iterator[None]:
    """Kill a process, and start it again at the end: whoever connects is refused meanwhile."""
    victim.kill()
    try:
        yield
    finally:
        victim.start()


@contextmanager
def hung(victim: Process) -> Iterator[None]:
    """Pause a process and what it started: whoever asks it waits."""
    victim.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        victim.signal(signal.SIGCONT)
